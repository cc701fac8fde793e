/**
 * Whether a client prefers a page or data (RFC 9110 §12.5.1). Only types that it names count: a wildcard is sent by programs too.
 * Example: a browser sends `text/html,application/xhtml+xml,application/xml;q=0.9,…`; a program sends `application/json` or no header.
 */
export function preferredForm(accept: string | undefined): 'page' | 'data' | undefined {
  if (accept === undefined || accept.length > maxCharacters) return undefined;
  const weights = { page: 0, data: 0 };
  for (const part of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = part.split(';').map((each) => each.trim());
    const form = forms.get(type);
    if (form !== undefined) weights[form] = Math.max(weights[form], weightOf(parameters));
  }
  if (weights.page === weights.data) return undefined;
  return weights.page > weights.data ? 'page' : 'data';
}

const maxCharacters = 1000;

const forms = new Map<string, 'page' | 'data'>([
  ['text/html', 'page'],
  ['application/xhtml+xml', 'page'],
  ['application/json', 'data'],
  ['application/problem+json', 'data'],
]);

function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find((each) => each.startsWith('q='))?.slice(2);
  if (weight === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0;
}

/**
 * The name and the links of the service, as an operator writes them.
 * Invariant: neither can break a header, a log line or the direction of the text around it; links are https.
 */
import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { acceptText, type TextProblem } from '#protocol/untrusted-text/index.ts';

const linkKinds = ['privacy', 'terms', 'help'] as const;

/** A page of the operator's that is linked below every page. */
export interface BrandLink {
  readonly kind: (typeof linkKinds)[number];
  readonly url: string;
}

const maxNameCharacters = 40;

export function parseServiceName(text: string): Parsed<string> {
  const result = acceptText(text, maxNameCharacters);
  if (result.kind === 'ok') return parsed(result.text);
  return unparsable(nameRefusals[result.reason]);
}

const nameRefusals = {
  too_long: `it has more than ${maxNameCharacters} characters`,
  forbidden_character: 'it contains a control character or an invisible one',
  invisible: 'nothing in it is visible',
  stacked_marks: 'it has too many marks on one letter',
} as const satisfies Readonly<Record<TextProblem, string>>;

/** Parses `privacy=https://example.com/privacy`. Spaces are refused, and commas separate links: write them as %20 and %2C. */
export function parseBrandLink(text: string): Parsed<BrandLink> {
  const [name = '', ...rest] = text.split('=');
  const kind = linkKinds.find((each) => each === name);
  if (kind === undefined) return unparsable(`a link begins with ${linkKinds.map((each) => `${each}=`).join(', ')}`);
  const url = rest.join('=');
  // A quotation mark is refused here: URL leaves it as it is in a host.
  if (!/^[\x21\x23-\x7e]{1,2000}$/.test(url) || !URL.canParse(url)) return unparsable(`${kind} is no URL`);
  const { protocol, username, password, href } = new URL(url);
  if (protocol !== 'https:') return unparsable(`${kind} is not an https URL`);
  return username === '' && password === ''
    ? parsed({ kind, url: href })
    : unparsable(`${kind} has a user or a password`);
}

export function formatBrandLink({ kind, url }: BrandLink): string {
  return `${kind}=${url}`;
}

/** A form of one of our pages. */
export type Form = { readonly action: string; readonly fields: Record<string, string> };

/** The POST forms of a page, with what pressing the first button of each would send. */
export function readForms(html: string): Form[] {
  return [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, head = '', inner = '']) => ({
    action: attribute(head, 'action') ?? '',
    fields: fieldsOf(inner),
  }));
}

function fieldsOf(inner: string): Record<string, string> {
  const inputs = [...inner.matchAll(/<input\b([^>]*)>/g)].map(([, head = '']) => head);
  const [button] = [...inner.matchAll(/<button\b([^>]*)>/g)].map(([, head = '']) => head);
  const senders = button === undefined ? inputs : [...inputs, button];
  const pairs = senders.map((head) => [attribute(head, 'name'), attribute(head, 'value') ?? ''] as const);
  return Object.fromEntries(pairs.filter(([name]) => name !== undefined));
}

function attribute(head: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(head)?.[1];
  return value?.replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}

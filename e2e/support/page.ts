import type { Client } from './client.ts';

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

/** A tab of a browser that shows the server's own pages. */
export const sameOrigin = { 'sec-fetch-site': 'same-origin' };

/** The form that goes to a path. @throws Error when there is none. */
export function formFor(forms: readonly Form[], path: string): Form {
  const form = forms.find(({ action }) => new URL(action, 'http://localhost').pathname === path);
  if (form === undefined) throw new Error(`the page has no form for ${path}`);
  return form;
}

/** Presses the form's first button, as the browser that shows it. */
export function press(browser: Client, form: Form): Promise<Response> {
  const headers = { ...sameOrigin, 'content-type': 'application/x-www-form-urlencoded' };
  return browser.send('POST', form.action, { headers, body: new URLSearchParams(form.fields).toString() });
}

/** Opens a mailed link, fills in what is asked for, and presses; answers the status of what came back. */
export async function pressLink(browser: Client, link: URL, filled: Record<string, string> = {}): Promise<number> {
  const page = await browser.send('GET', link.pathname + link.search);
  const form = formFor(readForms(await page.text()), link.pathname);
  return (await press(browser, { ...form, fields: { ...form.fields, ...filled } })).status;
}

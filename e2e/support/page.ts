import type { Client } from './client.ts';

export type Form = { readonly action: string; readonly fields: Record<string, string> };

/** The POST forms of a page, with the fields that the first button of each would send. */
export function readForms(html: string): Form[] {
  return [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, head = '', inner = '']) => ({
    action: attribute(head, 'action') ?? '',
    fields: fieldsOf(inner),
  }));
}

function fieldsOf(inner: string): Record<string, string> {
  const inputs = [...inner.matchAll(/<input\b([^>]*)>/g)].map(([, head = '']) => head);
  const [button] = [...inner.matchAll(/<button\b([^>]*)>/g)].map(([, head = '']) => head);
  const elements = button === undefined ? inputs : [...inputs, button];
  const pairs = elements.map((head) => [attribute(head, 'name'), attribute(head, 'value') ?? ''] as const);
  return Object.fromEntries(pairs.filter(([name]) => name !== undefined));
}

function attribute(head: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(head)?.[1];
  return value?.replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}

/** Requests from a page of the product. */
export const sameOrigin = { 'sec-fetch-site': 'same-origin' };

/** Returns the form with this action. @throws Error when there is none. */
export function formFor(forms: readonly Form[], path: string): Form {
  const form = forms.find(({ action }) => new URL(action, 'http://localhost').pathname === path);
  if (form === undefined) throw new Error(`the page has no form for ${path}`);
  return form;
}

/** Submits the form with its first button, as a browser does. */
export function submitForm(browser: Client, form: Form): Promise<Response> {
  const headers = { ...sameOrigin, 'content-type': 'application/x-www-form-urlencoded' };
  return browser.send('POST', form.action, { headers, body: new URLSearchParams(form.fields).toString() });
}

/** Opens a mailed link, fills in its form and submits it; returns the status. */
export async function submitLinkPage(browser: Client, link: URL, values: Record<string, string> = {}): Promise<number> {
  const page = await browser.send('GET', link.pathname + link.search);
  const form = formFor(readForms(await page.text()), link.pathname);
  return (await submitForm(browser, { ...form, fields: { ...form.fields, ...values } })).status;
}

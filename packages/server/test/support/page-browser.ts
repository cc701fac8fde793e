/** A browser without scripts: it keeps cookies, and submits the forms that it was shown, with their hidden fields. */
import type { Application, AppResponse } from './application.ts';
import { sameOrigin } from './user-actions.ts';

/** The fields that the first button of each form of a page sends without typing, by the form's action; of several the first. */
function formsOf(text: string): Map<string, Record<string, string>> {
  const forms = new Map<string, Record<string, string>>();
  for (const [, action = '', content = ''] of text.matchAll(
    /<form method="post" action="([^"]*)"[^>]*>(.*?)<\/form>/gs,
  )) {
    const hidden = [...content.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
    const [first = ''] = /<button (?![^>]*type="button")[^>]*>/.exec(content) ?? [];
    const button = [.../ name="([^"]*)" value="([^"]*)"/g[Symbol.matchAll](first)];
    const fields = Object.fromEntries([...hidden, ...button].map(([, name, value = '']) => [name, unescaped(value)]));
    if (!forms.has(action)) forms.set(action, fields);
  }
  return forms;
}

const characters: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&#96;': '`',
};

/** The value of an attribute as a browser reads it. */
function unescaped(value: string): string {
  return value.replaceAll(/&(?:amp|lt|gt|quot|#39|#96);/g, (entity) => characters[entity] ?? entity);
}

export class PageBrowser {
  readonly #app: Pick<Application, 'send'>;
  readonly #cookies = new Map<string, string>();
  readonly #headers: Readonly<Record<string, string>>;
  /** The page that is shown. */
  text = '';

  constructor(app: Pick<Application, 'send'>, headers: Readonly<Record<string, string>> = {}) {
    this.#app = app;
    this.#headers = headers;
  }

  /** The Cookie header. */
  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  get cookieNames(): readonly string[] {
    return [...this.#cookies.keys()];
  }

  /** The value of a cookie; undefined without one. */
  valueOf(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  set(name: string, value: string): void {
    this.#cookies.set(name, value);
  }

  remove(name: string): void {
    this.#cookies.delete(name);
  }

  /** Opens a page and follows no redirect. */
  async open(path: string): Promise<AppResponse> {
    return this.#show(await this.#app.send('GET', path, { cookie: this.cookie, headers: this.#headers }));
  }

  /** Submits the form of the shown page with this action. Fields that are given replace hidden ones. */
  async submit(action: string, fields: Readonly<Record<string, string>> = {}): Promise<AppResponse> {
    return this.submitFrom(this.text, action, fields);
  }

  /** Submits the form of a page that another tab shows. */
  async submitFrom(text: string, action: string, fields: Readonly<Record<string, string>> = {}): Promise<AppResponse> {
    const hidden = formsOf(text).get(action);
    if (hidden === undefined) throw new Error(`the page has no form for ${action}: ${text}`);
    const headers = { ...this.#headers, ...sameOrigin, cookie: this.cookie };
    return this.#show(await this.#app.send('POST', action, { form: { ...hidden, ...fields }, headers }));
  }

  /** Follows redirects until a page is shown, at most five. */
  async follow(response: AppResponse): Promise<AppResponse> {
    let last = response;
    for (let count = 0; last.status === 303; count += 1) {
      if (count === 5) throw new Error('more than five redirects');
      last = await this.open(last.headers.get('location') ?? '');
    }
    return last;
  }

  #show(response: AppResponse): AppResponse {
    for (const line of response.cookies) {
      const [pair = ''] = line.split(';');
      const equals = pair.indexOf('=');
      const name = pair.slice(0, equals);
      if (line.includes('Max-Age=0')) this.#cookies.delete(name);
      else this.#cookies.set(name, pair.slice(equals + 1));
    }
    if (response.status !== 303) this.text = response.text;
    return response;
  }
}

/** Signs in with a password on the page; returns the response to the form. */
export async function signIn(browser: PageBrowser, email: string, password: string, query = ''): Promise<AppResponse> {
  await browser.open(`/login${query}`);
  return browser.submit('/login', { email, password });
}

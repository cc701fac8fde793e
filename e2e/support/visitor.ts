/** A person at a browser: acts by the words on the pages, and reads mails in the built-in inbox. */
import type { Browser, CDPSession, Page } from 'playwright-core';
import { expect } from 'vitest';
import { codeNow } from '../../packages/server/test/support/second-factors.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { awaitLink, readInbox } from './inbox.ts';
import type { RunningServer } from './server.ts';

export interface VisitorOptions {
  readonly server: RunningServer;
  /** Of the public listener, as the browser spells it. */
  readonly origin: string;
  readonly hasScripts: boolean;
}

/** Waits for what they look for, so that a step fails with its own words. */
export class Visitor {
  readonly page: Page;
  readonly hasScripts: boolean;
  /** Errors that the browser reports, such as a blocked style; refusals are none. */
  readonly complaints: string[] = [];
  readonly #server: RunningServer;
  readonly #origin: string;

  private constructor(page: Page, { server, origin, hasScripts }: VisitorOptions) {
    this.page = page;
    this.hasScripts = hasScripts;
    this.#server = server;
    this.#origin = origin;
    page.setDefaultTimeout(15_000);
    page.on('console', (message) => {
      const isExpected = /status of (?:400|401|403|409|422|429)|favicon/.test(message.text() + message.location().url);
      if (message.type() === 'error' && !isExpected) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
  }

  /** In a browser profile of their own. */
  static async open(browser: Browser, options: VisitorOptions): Promise<Visitor> {
    const context = await browser.newContext({ javaScriptEnabled: options.hasScripts, locale: 'en' });
    return new Visitor(await context.newPage(), options);
  }

  get path(): string {
    return new URL(this.page.url()).pathname;
  }

  async goTo(path: `/${string}`): Promise<void> {
    await this.page.goto(this.#origin + path);
  }

  async press(name: string): Promise<void> {
    await this.page.getByRole('button', { name, exact: true }).click();
  }

  async follow(name: string): Promise<void> {
    await this.page.getByRole('link', { name, exact: true }).click();
  }

  async type(label: string, value: string): Promise<void> {
    await this.page.getByLabel(label, { exact: true }).fill(value);
  }

  async seesHeading(name: string): Promise<void> {
    await this.page.getByRole('heading', { name, exact: true }).waitFor();
  }

  async sees(text: string): Promise<void> {
    await this.page.getByText(text).first().waitFor();
  }

  /** The sentence of a refusal, above a form or at a field. */
  async seesAlert(text: string): Promise<void> {
    await this.page.getByRole('alert').filter({ hasText: text }).first().waitFor();
  }

  /** With scripts, a whole code sends itself, as the page announces. */
  async enterCode(code: string, button: string): Promise<void> {
    const sendsItself = await this.page.getByText('It is sent as soon as').isVisible();
    expect(sendsItself).toBe(this.hasScripts);
    await this.type('6-digit code', code);
    if (!sendsItself) await this.press(button);
  }

  /** Opens the newest mailed link to this path. */
  async openMailedLink(email: string, path: string): Promise<void> {
    await this.page.goto((await awaitLink(() => readInbox(this.#server.opsUrl, email), path)).href);
  }

  /** The code of the newest mail with this subject; `{code}` stands for it. */
  mailedCode(email: string, subject: RegExp): Promise<string> {
    const find = async () => {
      const messages = await readInbox(this.#server.opsUrl, email);
      const newest = messages.find((message) => subject.test(message.subject));
      return /\b\d{6}\b/.exec(newest?.text ?? '')?.[0];
    };
    return eventually(find, { what: `${email} has a code`, timeoutMs: 20_000 });
  }

  /** Moves the server's clock on, and returns the code that an app shows then: each code works once. */
  async nextAppCode(secret: string, after = '31s'): Promise<string> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ advance: after });
    const response = await fetch(`${this.#server.opsUrl}/dev/clock`, { method: 'POST', headers, body });
    const { data } = (await response.json()) as { readonly data: { readonly now: string } };
    return codeNow({ clock: { now: () => new Date(data.now) } }, secret);
  }
}

/** An authenticator in a browser that is touched only when the person wants to. */
export class Authenticator {
  readonly #cdp: CDPSession;
  readonly #id: string;

  private constructor(cdp: CDPSession, id: string) {
    this.#cdp = cdp;
    this.#id = id;
  }

  static async plugInto(page: Page): Promise<Authenticator> {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: false,
      },
    });
    return new Authenticator(cdp, authenticatorId);
  }

  /** Is touched for each request of a page during the act. */
  async touchedDuring(act: () => Promise<unknown>): Promise<void> {
    const touch = (enabled: boolean) =>
      this.#cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: this.#id, enabled });
    await touch(true);
    await act();
    await touch(false);
  }
}

/** All flows of an account, in two runs of a server, with a unique text for every secret. */
import { randomBytes } from 'node:crypto';
import { readMessage } from '../../../../e2e/support/mail-message.ts';
import { formFor, readForms } from '../../../../e2e/support/page.ts';
import { eventually } from '../support/wait.ts';
import { type DatabaseKind, Deployment, uniqueText } from './deployment.ts';
import type { Locations } from './locations.ts';

/** Secrets by name. */
export type Canaries = Readonly<Record<string, string | Buffer>>;

interface RequestParts {
  readonly token?: string;
  readonly cookie?: string;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text?: string;
}

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly deviceToken: string;
  readonly sessionId: string;
  readonly ticket: string;
  readonly browserToken: string;
}

interface ScenarioResponse {
  readonly status: number;
  readonly data: Tokens;
  readonly text: string;
  readonly cookies: readonly string[];
}

// With characters that each encoding changes.
const password = (what: string) => `${what} "pässword" \\ & % ${uniqueText()}`;

export class Scenario {
  readonly #locations: Locations;
  readonly #deployment: Deployment;
  readonly #secrets: Record<string, string | Buffer>;

  private constructor(locations: Locations, deployment: Deployment, secrets: Record<string, string | Buffer>) {
    this.#locations = locations;
    this.#deployment = deployment;
    this.#secrets = secrets;
  }

  /** Runs the scenario and returns its secrets; `locations` then contains everything that it wrote. */
  static async run(kind: DatabaseKind, locations: Locations): Promise<Canaries> {
    const operator = {
      kek: randomBytes(32),
      hookSecret: randomBytes(32),
      smtpPassword: `smtp-${uniqueText()}`,
      databasePassword: `database-${uniqueText()}`,
      redisPassword: `redis-${uniqueText()}`,
      collectorKey: `collector-${uniqueText()}`,
      sentryKey: `sentry${uniqueText()}`,
    };
    const deployment = await Deployment.open(kind, operator, locations);
    const scenario = new Scenario(locations, deployment, { ...operator, ...createCanaries() });
    await scenario.#firstRun();
    await scenario.#secondRun();
    await deployment.end((to) => scenario.#recipient(to));
    return scenario.#secrets;
  }

  #text(name: string): string {
    return String(this.#secrets[name]);
  }

  /** Registers a secret that the product generated. */
  #addSecret(name: string, text: string): string {
    if (text.length < 12) throw new Error(`the response has no ${name}`);
    this.#secrets[name] = text;
    return text;
  }

  #recipient(to: string): string {
    return Object.entries(this.#secrets).find(([, text]) => text === to)?.[0] ?? to;
  }

  /** The mail server rejects everything, so that the mails are still queued when the server stops. */
  async #firstRun(): Promise<void> {
    const { smtp } = this.#deployment;
    const text = `4.3.0 <${this.#text('address')}> comes back later`;
    smtp.react((stage) => (stage === 'recipient' ? { code: 451, text } : 'accept'));
    await this.#deployment.start();
    const registration = { email: this.#text('address'), password: this.#text('password'), name: this.#text('name') };
    await this.#expect(201, 'POST', '/api/v1/auth/register', { json: registration });
    await eventually(() => smtp.connections > 0, { what: 'the mail server was called' });
    await this.#expect(202, 'POST', '/api/v1/auth/resend-verification', { json: { email: this.#text('address') } });
    const credentials = { email: this.#text('address'), password: this.#text('wrong password') };
    await this.#expect(401, 'POST', '/api/v1/auth/login', { json: credentials });
    await this.#misdirectSecrets();
    await this.#deployment.observe();
    await this.#deployment.stop(async (database) => {
      await database.query(`update jobs set run_at = created_at, leased_until = null where state = 'queued'`);
      // PostgreSQL's error message quotes the whole row.
      await database.query(
        `alter table identifiers add constraint broken check (canonical <> '${this.#text('broken address')}') not valid`,
      );
    });
    smtp.react(() => 'accept');
  }

  async #secondRun(): Promise<void> {
    await this.#deployment.start();
    await this.#verifyAndLogIn();
    await this.#logInByMail();
    await this.#changeCredentials();
    await this.#deleteAndCancel();
    await this.#failInDatabase();
    await this.#runCommands();
    await this.#deployment.observe();
    await this.#deployment.stop();
  }

  /** Sends a secret in every wrong part of a request. */
  async #misdirectSecrets(): Promise<void> {
    const stray = this.#text('stray');
    const type = { 'content-type': 'application/json' };
    await this.#expect(404, 'GET', `/nowhere/${stray}?token=${stray}`);
    await this.#expect(422, 'GET', `/api/v1/auth/verify-email?token=${stray}&more=${stray}`);
    await this.#expect(400, 'POST', '/api/v1/auth/login', { text: `{"password":"${stray}`, headers: type });
    await this.#expect(422, 'POST', '/api/v1/auth/login', {
      json: { email: stray, password: stray, transport: stray },
    });
    await this.#expect(415, 'POST', '/api/v1/auth/login', { text: stray, headers: { 'content-type': stray } });
    await this.#expect(401, 'GET', '/api/v1/users/me', { token: stray });
    await this.#expect(401, 'GET', '/api/v1/users/me', { cookie: `latchkey_session=${stray}; ${stray}=${stray}` });
    await this.#expect(401, 'POST', '/api/v1/auth/refresh', { json: { refreshToken: stray } });
    await this.#expect(400, 'POST', '/api/v1/auth/reset-password', { json: { token: stray, password: stray } });
    const headers = {
      origin: `https://${stray}.example`,
      referer: `https://${stray}.example/`,
      'x-request-id': 'short',
    };
    await this.#expect(401, 'DELETE', '/api/v1/users/me', { cookie: `latchkey_session=${stray}`, headers }, [401, 403]);
  }

  /** From the mailed link to sessions with both transports. */
  async #verifyAndLogIn(): Promise<void> {
    const token = await this.#link('address', '/verify-email', 'verification link');
    await this.#submitPage(`/verify-email?token=${token}`);
    const credentials = { email: this.#text('address'), password: this.#text('password') };
    const { data } = await this.#login(credentials, 'first');
    const refreshed = await this.#expect(200, 'POST', '/api/v1/auth/refresh', {
      json: { refreshToken: data.refreshToken },
    });
    this.#addSecret('refreshed token', refreshed.data.refreshToken);
    const { cookies } = await this.#expect(200, 'POST', '/api/v1/auth/login', {
      json: { ...credentials, transport: 'cookie' },
    });
    const cookie = `latchkey_session=${this.#addSecret('session cookie', cookieOf(cookies, 'latchkey_session'))}`;
    const issued = await this.#expect(200, 'POST', '/api/v1/auth/token', {
      cookie,
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    this.#addSecret('access token of the cookie', issued.data.accessToken);
    await this.#expect(200, 'GET', '/api/v1/users/me', { cookie });
    await this.#expect(200, 'PATCH', '/api/v1/users/me', { token: data.accessToken, json: { locale: 'de' } });
    await this.#expect(200, 'GET', '/api/v1/users/me/sessions', { token: data.accessToken });
    await this.#expect(401, 'POST', '/api/v1/auth/refresh', { json: { refreshToken: `${data.refreshToken}x` } });
  }

  /** A login with a magic link in a browser, and one with an email code in an application after a wrong code. */
  async #logInByMail(): Promise<void> {
    const email = this.#text('address');
    const request = { json: { email, transport: 'cookie' }, headers: { 'sec-fetch-site': 'same-origin' } };
    const { cookies } = await this.#expect(202, 'POST', '/api/v1/auth/login/magic-link', request);
    const browser = this.#addSecret('cookie of the requesting browser', cookieOf(cookies, 'latchkey_login'));
    const link = await this.#link('address', '/login/magic-link', 'login link');
    await this.#expect(403, 'GET', `/login/magic-link?token=${link}`);
    const submitted = await this.#submitPage(`/login/magic-link?token=${link}`, {}, `latchkey_login=${browser}`);
    this.#addSecret('session cookie of the link', cookieOf(submitted.cookies, 'latchkey_session'));
    const { data } = await this.#expect(202, 'POST', '/api/v1/auth/login/email-code', { json: { email } });
    const browserToken = this.#addSecret('token of the requesting application', data.browserToken);
    const code = await this.#code('address');
    const wrong = code === '000000' ? '000001' : '000000';
    const path = '/api/v1/auth/login/email-code/verify';
    await this.#expect(401, 'POST', path, { json: { email, code: wrong, browserToken } });
    const loggedIn = await this.#expect(200, 'POST', path, { json: { email, code, browserToken } });
    this.#addSecret('access token of the code', loggedIn.data.accessToken);
    this.#addSecret('refresh token of the code', loggedIn.data.refreshToken);
  }

  /** Changes the password by form and by mail, and the address and back. */
  async #changeCredentials(): Promise<void> {
    const email = this.#text('address');
    const { data } = await this.#login({ email, password: this.#text('password') }, 'second');
    const change = { currentPassword: this.#text('password'), newPassword: this.#text('changed password') };
    await this.#expect(200, 'POST', '/api/v1/users/me/password', { token: data.accessToken, json: change });
    await this.#expect(202, 'POST', '/api/v1/auth/forgot-password', { json: { email } });
    const reset = await this.#link('address', '/reset-password', 'recovery link');
    await this.#submitPage(`/reset-password?token=${reset}`, { password: this.#text('recovered password') });
    const third = await this.#login({ email, password: this.#text('recovered password') }, 'third');
    await this.#expect(202, 'POST', '/api/v1/users/me/email', {
      token: third.data.accessToken,
      json: { newEmail: this.#text('new address'), currentPassword: this.#text('recovered password') },
    });
    const confirm = await this.#link('new address', '/confirm-email-change', 'confirmation link');
    await this.#submitPage(`/confirm-email-change?token=${confirm}`);
    const undo = await this.#link('address', '/undo-email-change', 'undo link');
    await this.#submitPage(`/undo-email-change?token=${undo}`, { password: this.#text('password after the undo') });
  }

  async #deleteAndCancel(): Promise<void> {
    const credentials = { email: this.#text('address'), password: this.#text('password after the undo') };
    const { data } = await this.#login(credentials, 'fourth');
    const json = { currentPassword: credentials.password };
    await this.#expect(200, 'DELETE', '/api/v1/users/me', { token: data.accessToken, json });
    await this.#link('address', '/cancel-deletion', 'cancel link');
    const { ticket } = (await this.#expect(200, 'POST', '/api/v1/auth/login', { json: credentials })).data;
    await this.#expect(200, 'POST', '/api/v1/auth/cancel-deletion', {
      json: { ticket: this.#addSecret('ticket', ticket) },
    });
  }

  /** A failure for which PostgreSQL's message contains the row. */
  async #failInDatabase(): Promise<void> {
    const json = { email: this.#text('broken address'), password: this.#text('broken password'), name: 'Broken' };
    await this.#expect(500, 'POST', '/api/v1/auth/register', { json });
  }

  async #runCommands(): Promise<void> {
    const run = (...argv: readonly string[]) => this.#deployment.command(argv);
    await run('invite', 'create', '--email', this.#text('invited address'));
    const token = await this.#link('invited address', '/accept-invitation', 'invitation');
    await this.#expect(201, 'POST', '/api/v1/auth/accept-invitation', {
      json: { token, name: this.#text('invited name'), password: this.#text('invited password') },
    });
    const made = ['user', 'create', '--email', this.#text('created address'), '--name', 'Made', '--password-stdin'];
    await this.#deployment.command(made, `${this.#text('created password')}\n`);
    await run('user', 'show', this.#text('address'));
    await run('user', 'list');
    await run('user', 'disable', this.#text('created address'));
    await run('keys', 'list');
    await run('keys', 'rotate', '--now');
    await run('keys', 'rotate-data', 'user_key');
    await run('config', 'print');
    // Redis was stopped, which a check reports by its exit code.
    await this.#deployment.command(['doctor'], '', 1);
  }

  async #login(credentials: object, name: string): Promise<ScenarioResponse> {
    const response = await this.#expect(200, 'POST', '/api/v1/auth/login', { json: credentials });
    this.#addSecret(`${name} access token`, response.data.accessToken);
    this.#addSecret(`${name} signature`, response.data.accessToken.split('.')[2] ?? '');
    this.#addSecret(`${name} refresh token`, response.data.refreshToken);
    this.#addSecret(`${name} device token`, response.data.deviceToken);
    return response;
  }

  /** Waits for a mailed link and registers its token. */
  async #link(to: string, path: string, name: string): Promise<string> {
    const find = () => {
      const links = this.#mailsTo(to).flatMap(({ links }) => links.map((link) => new URL(link)));
      return links.findLast(({ pathname }) => pathname === path)?.searchParams.get('token') ?? undefined;
    };
    const token = await eventually(async () => find(), { what: `a mail with ${path}`, timeoutMs: 30_000 });
    return this.#addSecret(name, token);
  }

  /** Waits for a mailed code. Six digits occur by chance, so codes are searched by the preceding word. */
  #code(to: string): Promise<string> {
    const find = () =>
      this.#mailsTo(to).flatMap(({ text, links }) => (links.length === 0 && /^(\d{6})$/m.exec(text)?.[1]) || [])[0];
    return eventually(async () => find(), { what: 'a mail with a code', timeoutMs: 30_000 });
  }

  #mailsTo(to: string) {
    const { received } = this.#deployment.smtp;
    return received
      .filter((mail) => mail.accepted && mail.to.includes(this.#text(to)))
      .map(({ raw }) => readMessage(raw));
  }

  /** Opens a page and submits its form. */
  async #submitPage(
    target: string,
    filled: Readonly<Record<string, string>> = {},
    cookieOfBrowser = '',
  ): Promise<ScenarioResponse> {
    const page = await this.#expect(200, 'GET', target, { cookie: cookieOfBrowser });
    const { action, fields } = formFor(readForms(page.text), target.split('?')[0] ?? '');
    const cookie = [cookieOfBrowser, ...page.cookies.map((one) => one.split(';')[0])]
      .filter((one) => one !== '')
      .join('; ');
    const headers = { 'sec-fetch-site': 'same-origin' };
    const sent = { form: { ...fields, ...filled }, cookie, headers };
    // A page that signs in leads on.
    return this.#expect(200, 'POST', action, sent, [200, 303]);
  }

  /** Sends a request as the user and collects the response, whose text a client might log. */
  async #expect(
    status: number,
    method: string,
    target: string,
    sent: RequestParts = {},
    or = [status],
  ): Promise<ScenarioResponse> {
    const clientHeaders = { 'user-agent': this.#text('user agent'), 'x-forwarded-for': this.#text('client address') };
    const request = {
      method,
      headers: headersOf(clientHeaders, sent),
      body: bodyOf(sent),
      redirect: 'manual',
    } as const;
    const response = await fetch(this.#deployment.url + target, request);
    const text = await response.text();
    if (!or.includes(response.status)) throw new Error(`${method} ${target} returned ${response.status}: ${text}`);
    this.#collect(response, text);
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    const data = (isJson ? (JSON.parse(text) as { data?: Tokens }).data : undefined) as Tokens;
    return { status: response.status, data, text, cookies: response.headers.getSetCookie() };
  }

  #collect({ status, headers }: Response, text: string): void {
    const lines = [...headers].filter(([name]) => name !== 'set-cookie').map((header) => header.join(': '));
    this.#locations.add('response headers', lines.join('\n'));
    if (status >= 400) this.#locations.add('problems', text);
  }
}

function headersOf(
  clientHeaders: Readonly<Record<string, string>>,
  { token, cookie, json, headers }: RequestParts,
): Headers {
  const all = new Headers({ ...clientHeaders, ...headers });
  if (token !== undefined) all.set('authorization', `Bearer ${token}`);
  if (cookie !== undefined && cookie !== '') all.set('cookie', cookie);
  if (json !== undefined) all.set('content-type', 'application/json');
  return all;
}

function bodyOf({ json, form, text }: RequestParts): string | URLSearchParams | null {
  if (json !== undefined) return JSON.stringify(json);
  return form === undefined ? (text ?? null) : new URLSearchParams(form);
}

/** The value that a response sets for a cookie. */
function cookieOf(cookies: readonly string[], name: string): string {
  return (
    cookies
      .find((cookie) => cookie.startsWith(`${name}=`))
      ?.split(';')[0]
      ?.slice(name.length + 1) ?? ''
  );
}

function createCanaries(): Record<string, string> {
  return {
    address: `ada-${uniqueText()}@people.example`,
    'new address': `new-${uniqueText()}@people.example`,
    'invited address': `invited-${uniqueText()}@people.example`,
    'created address': `made-${uniqueText()}@people.example`,
    'broken address': `broken-${uniqueText()}@people.example`,
    name: `Zoë "Kestrel" ${uniqueText()}`,
    'invited name': `Eve Heron ${uniqueText()}`,
    password: password('first'),
    'wrong password': password('wrong'),
    'changed password': password('changed'),
    'recovered password': password('recovered'),
    'password after the undo': password('undo'),
    'invited password': password('invited'),
    'created password': password('made'),
    'broken password': password('broken'),
    'user agent': `CanaryBrowser/7.7 (${uniqueText()})`,
    'client address': '203.0.113.177',
    stray: `stray-${uniqueText()}`,
  };
}

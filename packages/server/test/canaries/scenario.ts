/** The whole life of a person with an account, in two runs of a server; every secret of it is told apart by its text. */
import { randomBytes } from 'node:crypto';
import { eventually } from '#test/support/wait.ts';
import { readMessage } from '../../../../e2e/support/mail-message.ts';
import { formFor, readForms } from '../../../../e2e/support/page.ts';
import { type DatabaseKind, Deployment, unique } from './deployment.ts';
import type { Places } from './places.ts';

/** Secrets by what they are. */
export type Canaries = Readonly<Record<string, string | Buffer>>;

interface Sent {
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

interface Answer {
  readonly status: number;
  readonly data: Tokens;
  readonly text: string;
  readonly cookies: readonly string[];
}

// Signs that every form spells differently.
const password = (what: string) => `${what} "pässword" \\ & % ${unique()}`;

/** One life. */
export class Life {
  readonly #places: Places;
  readonly #deployment: Deployment;
  readonly #secrets: Record<string, string | Buffer>;

  private constructor(places: Places, deployment: Deployment, secrets: Record<string, string | Buffer>) {
    this.#places = places;
    this.#deployment = deployment;
    this.#secrets = secrets;
  }

  /** Lives it; answers every secret that there was. `places` then holds all that is left of it. */
  static async live(kind: DatabaseKind, places: Places): Promise<Canaries> {
    const operator = {
      kek: randomBytes(32),
      hookSecret: randomBytes(32),
      smtpPassword: `smtp-${unique()}`,
      databasePassword: `database-${unique()}`,
      redisPassword: `redis-${unique()}`,
    };
    const deployment = await Deployment.open(kind, operator, places);
    const life = new Life(places, deployment, { ...operator, ...people() });
    await life.#firstRun();
    await life.#secondRun();
    await deployment.end((to) => life.#recipient(to));
    return life.#secrets;
  }

  #text(name: string): string {
    return String(this.#secrets[name]);
  }

  /** Remembers a secret that the product made. */
  #made(name: string, text: string): string {
    if (text.length < 12) throw new Error(`there is no ${name}`);
    this.#secrets[name] = text;
    return text;
  }

  #recipient(to: string): string {
    return Object.entries(this.#secrets).find(([, text]) => text === to)?.[0] ?? to;
  }

  /** Nothing is delivered: what was promised waits in the queue when the server stops. */
  async #firstRun(): Promise<void> {
    const { smtp } = this.#deployment;
    const text = `4.3.0 <${this.#text('address')}> comes back later`;
    smtp.react((stage) => (stage === 'recipient' ? { code: 451, text } : 'accept'));
    await this.#deployment.start();
    const registration = { email: this.#text('address'), password: this.#text('password'), name: this.#text('name') };
    await this.#expect(201, 'POST', '/api/v1/auth/register', { json: registration });
    await eventually(() => smtp.connections > 0, { what: 'the mail server was asked' });
    await this.#expect(202, 'POST', '/api/v1/auth/resend-verification', { json: { email: this.#text('address') } });
    const guess = { email: this.#text('address'), password: this.#text('wrong password') };
    await this.#expect(401, 'POST', '/api/v1/auth/login', { json: guess });
    await this.#goAstray();
    await this.#deployment.observe();
    await this.#deployment.stop(async (database) => {
      await database.query(`update jobs set run_at = created_at, leased_until = null where state = 'queued'`);
      // What PostgreSQL says of it quotes the whole row.
      await database.query(
        `alter table identifiers add constraint broken check (canonical <> '${this.#text('broken address')}') not valid`,
      );
    });
    smtp.react(() => 'accept');
  }

  async #secondRun(): Promise<void> {
    await this.#deployment.start();
    await this.#begin();
    await this.#enterByMail();
    await this.#change();
    await this.#deleteAndCancel();
    await this.#fail();
    await this.#operate();
    await this.#deployment.observe();
    await this.#deployment.stop();
  }

  /** Everything that can be sent to the wrong place. */
  async #goAstray(): Promise<void> {
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

  /** From the mailed link to sessions of both kinds. */
  async #begin(): Promise<void> {
    const token = await this.#link('address', '/verify-email', 'verification link');
    await this.#press(`/verify-email?token=${token}`);
    const credentials = { email: this.#text('address'), password: this.#text('password') };
    const { data } = await this.#login(credentials, 'first');
    const refreshed = await this.#expect(200, 'POST', '/api/v1/auth/refresh', {
      json: { refreshToken: data.refreshToken },
    });
    this.#made('refreshed token', refreshed.data.refreshToken);
    const { cookies } = await this.#expect(200, 'POST', '/api/v1/auth/login', {
      json: { ...credentials, transport: 'cookie' },
    });
    const cookie = `latchkey_session=${this.#made('session cookie', cookieOf(cookies, 'latchkey_session'))}`;
    const byCookie = await this.#expect(200, 'POST', '/api/v1/auth/token', {
      cookie,
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    this.#made('access token of the cookie', byCookie.data.accessToken);
    await this.#expect(200, 'GET', '/api/v1/users/me', { cookie });
    await this.#expect(200, 'PATCH', '/api/v1/users/me', { token: data.accessToken, json: { locale: 'de' } });
    await this.#expect(200, 'GET', '/api/v1/users/me/sessions', { token: data.accessToken });
    await this.#expect(401, 'POST', '/api/v1/auth/refresh', { json: { refreshToken: `${data.refreshToken}x` } });
  }

  /** A login by a mailed link in a browser, and one by a mailed code in an application; one code was wrong. */
  async #enterByMail(): Promise<void> {
    const email = this.#text('address');
    const asked = { json: { email, transport: 'cookie' }, headers: { 'sec-fetch-site': 'same-origin' } };
    const { cookies } = await this.#expect(202, 'POST', '/api/v1/auth/login/magic-link', asked);
    const browser = this.#made('cookie of the asking browser', cookieOf(cookies, 'latchkey_login'));
    const link = await this.#link('address', '/login/magic-link', 'login link');
    await this.#expect(403, 'GET', `/login/magic-link?token=${link}`);
    const pressed = await this.#press(`/login/magic-link?token=${link}`, {}, `latchkey_login=${browser}`);
    this.#made('session cookie of the link', cookieOf(pressed.cookies, 'latchkey_session'));
    const { data } = await this.#expect(202, 'POST', '/api/v1/auth/login/email-code', { json: { email } });
    const browserToken = this.#made('token of the asking application', data.browserToken);
    const code = await this.#code('address');
    const wrong = code === '000000' ? '000001' : '000000';
    const path = '/api/v1/auth/login/email-code/verify';
    await this.#expect(401, 'POST', path, { json: { email, code: wrong, browserToken } });
    const entered = await this.#expect(200, 'POST', path, { json: { email, code, browserToken } });
    this.#made('access token of the code', entered.data.accessToken);
    this.#made('refresh token of the code', entered.data.refreshToken);
  }

  /** Password by its own form and by a mail; the address, and back. */
  async #change(): Promise<void> {
    const email = this.#text('address');
    const { data } = await this.#login({ email, password: this.#text('password') }, 'second');
    const change = { currentPassword: this.#text('password'), newPassword: this.#text('changed password') };
    await this.#expect(200, 'POST', '/api/v1/users/me/password', { token: data.accessToken, json: change });
    await this.#expect(202, 'POST', '/api/v1/auth/forgot-password', { json: { email } });
    const reset = await this.#link('address', '/reset-password', 'recovery link');
    await this.#press(`/reset-password?token=${reset}`, { password: this.#text('recovered password') });
    const third = await this.#login({ email, password: this.#text('recovered password') }, 'third');
    await this.#expect(202, 'POST', '/api/v1/users/me/email', {
      token: third.data.accessToken,
      json: { newEmail: this.#text('new address'), currentPassword: this.#text('recovered password') },
    });
    const confirm = await this.#link('new address', '/confirm-email-change', 'confirmation link');
    await this.#press(`/confirm-email-change?token=${confirm}`);
    const undo = await this.#link('address', '/undo-email-change', 'undo link');
    await this.#press(`/undo-email-change?token=${undo}`, { password: this.#text('password after the undo') });
  }

  async #deleteAndCancel(): Promise<void> {
    const credentials = { email: this.#text('address'), password: this.#text('password after the undo') };
    const { data } = await this.#login(credentials, 'fourth');
    const json = { currentPassword: credentials.password };
    await this.#expect(200, 'DELETE', '/api/v1/users/me', { token: data.accessToken, json });
    await this.#link('address', '/cancel-deletion', 'keeping link');
    const { ticket } = (await this.#expect(200, 'POST', '/api/v1/auth/login', { json: credentials })).data;
    await this.#expect(200, 'POST', '/api/v1/auth/cancel-deletion', { json: { ticket: this.#made('ticket', ticket) } });
  }

  /** What PostgreSQL refuses with the row in its words. */
  async #fail(): Promise<void> {
    const json = { email: this.#text('broken address'), password: this.#text('broken password'), name: 'Broken' };
    await this.#expect(500, 'POST', '/api/v1/auth/register', { json });
  }

  async #operate(): Promise<void> {
    const run = (...argv: readonly string[]) => this.#deployment.command(argv);
    await run('invite', 'create', '--email', this.#text('invited address'));
    const token = await this.#link('invited address', '/accept-invitation', 'invitation');
    await this.#expect(201, 'POST', '/api/v1/auth/accept-invitation', {
      json: { token, name: this.#text('invited name'), password: this.#text('invited password') },
    });
    const made = ['user', 'create', '--email', this.#text('made address'), '--name', 'Made', '--password-stdin'];
    await this.#deployment.command(made, `${this.#text('made password')}\n`);
    await run('user', 'show', this.#text('address'));
    await run('user', 'list');
    await run('user', 'disable', this.#text('made address'));
    await run('keys', 'list');
    await run('keys', 'rotate', '--now');
    await run('keys', 'rotate-data', 'user_key');
    await run('config', 'print');
    await run('doctor');
  }

  async #login(credentials: object, name: string): Promise<Answer> {
    const answer = await this.#expect(200, 'POST', '/api/v1/auth/login', { json: credentials });
    this.#made(`${name} access token`, answer.data.accessToken);
    this.#made(`${name} signature`, answer.data.accessToken.split('.')[2] ?? '');
    this.#made(`${name} refresh token`, answer.data.refreshToken);
    this.#made(`${name} device token`, answer.data.deviceToken);
    return answer;
  }

  /** Waits for a mailed link and remembers its token. */
  async #link(to: string, path: string, name: string): Promise<string> {
    const seek = () => {
      const links = this.#mailsTo(to).flatMap(({ links }) => links.map((link) => new URL(link)));
      return links.findLast(({ pathname }) => pathname === path)?.searchParams.get('token') ?? undefined;
    };
    const token = await eventually(async () => seek(), { what: `a mail with ${path}`, timeoutMs: 30_000 });
    return this.#made(name, token);
  }

  /** Waits for a mailed code. Six digits stand in many places by chance, so they are searched by what is before them. */
  #code(to: string): Promise<string> {
    const seek = () => this.#mailsTo(to).flatMap(({ text }) => /^Code: (\d{6})$/m.exec(text)?.[1] ?? [])[0];
    return eventually(async () => seek(), { what: 'a mail with a code', timeoutMs: 30_000 });
  }

  #mailsTo(to: string) {
    const { received } = this.#deployment.smtp;
    return received
      .filter((mail) => mail.accepted && mail.to.includes(this.#text(to)))
      .map(({ raw }) => readMessage(raw));
  }

  /** Opens a page, fills in its form, and presses. */
  async #press(target: string, filled: Readonly<Record<string, string>> = {}, shown = ''): Promise<Answer> {
    const page = await this.#expect(200, 'GET', target, { cookie: shown });
    const { action, fields } = formFor(readForms(page.text), target.split('?')[0] ?? '');
    const cookie = [shown, ...page.cookies.map((one) => one.split(';')[0])].filter((one) => one !== '').join('; ');
    const headers = { 'sec-fetch-site': 'same-origin' };
    return this.#expect(200, 'POST', action, { form: { ...fields, ...filled }, cookie, headers });
  }

  /** Asks as the person does; what a refusal says is kept, since it may be written down by whoever gets it. */
  async #expect(status: number, method: string, target: string, sent: Sent = {}, or = [status]): Promise<Answer> {
    const person = { 'user-agent': this.#text('user agent'), 'x-forwarded-for': this.#text('client address') };
    const request = { method, headers: headersOf(person, sent), body: bodyOf(sent), redirect: 'manual' } as const;
    const answer = await fetch(this.#deployment.url + target, request);
    const read = await answer.text();
    if (!or.includes(answer.status)) throw new Error(`${method} ${target} answered ${answer.status}: ${read}`);
    this.#keep(answer, read);
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    const data = (isJson ? (JSON.parse(read) as { data?: Tokens }).data : undefined) as Tokens;
    return { status: answer.status, data, text: read, cookies: answer.headers.getSetCookie() };
  }

  #keep({ status, headers }: Response, read: string): void {
    const shown = [...headers].filter(([name]) => name !== 'set-cookie').map((header) => header.join(': '));
    this.#places.add('headers of answers', shown.join('\n'));
    if (status >= 400) this.#places.add('refusals', read);
  }
}

function headersOf(person: Readonly<Record<string, string>>, { token, cookie, json, headers }: Sent): Headers {
  const all = new Headers({ ...person, ...headers });
  if (token !== undefined) all.set('authorization', `Bearer ${token}`);
  if (cookie !== undefined && cookie !== '') all.set('cookie', cookie);
  if (json !== undefined) all.set('content-type', 'application/json');
  return all;
}

function bodyOf({ json, form, text }: Sent): string | URLSearchParams | null {
  if (json !== undefined) return JSON.stringify(json);
  return form === undefined ? (text ?? null) : new URLSearchParams(form);
}

/** The value that an answer gives a cookie. */
function cookieOf(cookies: readonly string[], name: string): string {
  return (
    cookies
      .find((cookie) => cookie.startsWith(`${name}=`))
      ?.split(';')[0]
      ?.slice(name.length + 1) ?? ''
  );
}

function people(): Record<string, string> {
  return {
    address: `ada-${unique()}@people.example`,
    'new address': `new-${unique()}@people.example`,
    'invited address': `invited-${unique()}@people.example`,
    'made address': `made-${unique()}@people.example`,
    'broken address': `broken-${unique()}@people.example`,
    name: `Zoë "Kestrel" ${unique()}`,
    'invited name': `Eve Heron ${unique()}`,
    password: password('first'),
    'wrong password': password('wrong'),
    'changed password': password('changed'),
    'recovered password': password('recovered'),
    'password after the undo': password('undo'),
    'invited password': password('invited'),
    'made password': password('made'),
    'broken password': password('broken'),
    'user agent': `CanaryBrowser/7.7 (${unique()})`,
    'client address': '203.0.113.177',
    stray: `stray-${unique()}`,
  };
}

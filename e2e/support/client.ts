import { CookieJar } from './cookie-jar.ts';
import { type InboxMessage, readInbox } from './inbox.ts';

/** What a person types at registration. */
export type Registration = { readonly email: string; readonly password: string; readonly name?: string };

/** The tokens of one session. */
export type Tokens = { readonly accessToken: string; readonly refreshToken: string };

/** One row of the list of one's own sessions. */
export type SessionRow = { readonly id: string; readonly current: boolean };

/** An answer that was checked to be an envelope or a problem as the contract says. */
export type Answer<T> =
  | { readonly ok: true; readonly status: number; readonly headers: Headers; readonly data: T }
  | { readonly ok: false; readonly status: number; readonly headers: Headers; readonly code: string };

/** What a request carries beyond method and path. */
export type RequestOptions = {
  readonly body?: unknown;
  /** An access token. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export type ClientOptions = {
  /** Keeps cookies and sends them back, as a browser does. */
  readonly cookies?: boolean;
  readonly userAgent?: string;
  /** Told of every answer, before anybody reads it. */
  readonly onAnswer?: (response: Response) => void;
};

/** Starts no request by itself; one client is one device. */
export function client(url: string, options: ClientOptions = {}): Client {
  return new Client(url, options);
}

/** The contract, as an application uses it. */
export class Client {
  readonly url: string;
  readonly #userAgent: string;
  readonly #onAnswer: ((response: Response) => void) | undefined;
  readonly jar: CookieJar | undefined;

  constructor(url: string, options: ClientOptions = {}) {
    this.url = url;
    this.#userAgent = options.userAgent ?? 'latchkey-journey/1.0';
    this.#onAnswer = options.onAnswer;
    this.jar = options.cookies === true ? new CookieJar() : undefined;
  }

  register(registration: Registration): Promise<Answer<unknown>> {
    return this.api('POST', '/auth/register', { body: { name: 'Journey', ...registration } });
  }

  verify(token: string): Promise<Answer<unknown>> {
    return this.api('POST', '/auth/verify-email', { body: { token } });
  }

  login(email: string, password: string): Promise<Answer<Tokens>> {
    return this.api('POST', '/auth/login', { body: { email, password } });
  }

  loginByCookie(email: string, password: string): Promise<Answer<unknown>> {
    return this.api('POST', '/auth/login', { body: { email, password, transport: 'cookie' } });
  }

  refresh(refreshToken: string): Promise<Answer<Tokens>> {
    return this.api('POST', '/auth/refresh', { body: { refreshToken } });
  }

  forgotPassword(email: string): Promise<Answer<unknown>> {
    return this.api('POST', '/auth/forgot-password', { body: { email } });
  }

  resetPassword(token: string, chosen: string): Promise<Answer<unknown>> {
    return this.api('POST', '/auth/reset-password', { body: { token, password: chosen } });
  }

  changePassword(current: string, chosen: string, token?: string): Promise<Answer<Tokens>> {
    const body = { currentPassword: current, newPassword: chosen };
    return this.api('POST', '/users/me/password', { body, ...bearer(token) });
  }

  me(token?: string): Promise<Answer<Record<string, unknown>>> {
    return this.api('GET', '/users/me', bearer(token));
  }

  session(token?: string): Promise<Answer<Record<string, unknown>>> {
    return this.api('GET', '/auth/session', bearer(token));
  }

  sessions(token?: string): Promise<Answer<readonly SessionRow[]>> {
    return this.api('GET', '/users/me/sessions', bearer(token));
  }

  endSession(id: string, token?: string): Promise<Answer<unknown>> {
    return this.api('DELETE', `/users/me/sessions/${id}`, bearer(token));
  }

  logout(token?: string): Promise<Answer<unknown>> {
    return this.api('POST', '/auth/logout', bearer(token));
  }

  logoutAll(token?: string): Promise<Answer<unknown>> {
    return this.api('POST', '/auth/logout-all', bearer(token));
  }

  /** What the built-in inbox holds for an address, newest first. */
  inbox(to: string): Promise<readonly InboxMessage[]> {
    return readInbox(this.url, to);
  }

  /** Sends one request to the API and checks the shape of what comes back. */
  async api<T>(method: string, path: string, options: RequestOptions = {}): Promise<Answer<T>> {
    const headers: Record<string, string> = { ...options.headers };
    if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    const body = options.body === undefined ? null : JSON.stringify(options.body);
    return await readAnswer<T>(await this.send(method, `/api/v1${path}`, { headers, body }));
  }

  /** Sends any request with this device's cookies and user agent; redirects are not followed. */
  async send(
    method: string,
    path: string,
    request: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string | null } = {},
  ): Promise<Response> {
    const cookie = this.jar?.header();
    const headers = { 'user-agent': this.#userAgent, ...(cookie === undefined ? {} : { cookie }), ...request.headers };
    const response = await fetch(this.url + path, { method, headers, body: request.body ?? null, redirect: 'manual' });
    this.jar?.store(response.headers.getSetCookie());
    this.#onAnswer?.(response);
    return response;
  }
}

/** The data of an answer. @throws Error naming the refusal. */
export function dataOf<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Error(`refused with ${answer.status} ${answer.code}`);
  return answer.data;
}

/** The code of a refusal. @throws Error when it was no refusal. */
export function refusalOf(answer: Answer<unknown>): string {
  if (answer.ok) throw new Error(`answered ${answer.status}, which is no refusal`);
  return answer.code;
}

function bearer(token: string | undefined): RequestOptions {
  return token === undefined ? {} : { token };
}

type Body = Readonly<Record<string, unknown>>;

async function readAnswer<T>(response: Response): Promise<Answer<T>> {
  const text = await response.text();
  const { status, headers } = response;
  const type = headers.get('content-type') ?? '';
  try {
    const body = JSON.parse(text) as Body;
    if (response.ok) return { ok: true, status, headers, data: checkEnvelope(body, type) as T };
    return { ok: false, status, headers, code: checkProblem(body, type, status) };
  } catch (error) {
    throw new Error(`not an answer of the contract: ${status} ${type} ${text}`, { cause: error });
  }
}

function checkEnvelope(body: Body, type: string): unknown {
  demand(type.startsWith('application/json'), 'content type');
  demand(body.success === true, 'success');
  demand(typeof body.message === 'string' && body.message !== '', 'message');
  demand('data' in body, 'data');
  checkMeta(body.meta);
  return body.data;
}

/** RFC 9457 §3, and our own members beside it. */
function checkProblem(body: Body, type: string, status: number): string {
  demand(type.startsWith('application/problem+json'), 'content type');
  demand(body.success === false, 'success');
  demand(body.status === status, 'status');
  for (const member of ['type', 'title', 'detail', 'message']) demand(typeof body[member] === 'string', member);
  demand(Array.isArray(body.errors), 'errors');
  checkMeta(body.meta);
  demand(typeof body.code === 'string', 'code');
  return body.code as string;
}

function checkMeta(meta: unknown): void {
  const { timestamp, requestId } = (meta ?? {}) as { timestamp?: unknown; requestId?: unknown };
  demand(typeof timestamp === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(timestamp), 'meta.timestamp');
  demand(typeof requestId === 'string' && requestId !== '', 'meta.requestId');
}

function demand(condition: boolean, member: string): void {
  if (!condition) throw new Error(`${member} is not as the contract says`);
}

import { CookieJar } from './cookie-jar.ts';

export type Registration = { readonly email: string; readonly password: string; readonly name?: string };

export type Tokens = { readonly accessToken: string; readonly refreshToken: string };

/** One row of the user's list of sessions. */
export type SessionRow = { readonly id: string; readonly current: boolean };

/** A response that was checked against the contract of envelopes and problems. */
export type ApiResult<T> =
  | { readonly ok: true; readonly status: number; readonly headers: Headers; readonly data: T }
  | { readonly ok: false; readonly status: number; readonly headers: Headers; readonly code: string };

export type RequestOptions = {
  readonly body?: unknown;
  /** An access token. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export type ClientOptions = {
  /** Stores cookies and sends them back, as a browser does. */
  readonly cookies?: boolean;
  readonly userAgent?: string;
  /** Called with every response before its body is read. */
  readonly onResponse?: (response: Response) => void;
};

/** Sends nothing by itself; one client represents one device. */
export function client(url: string, options: ClientOptions = {}): Client {
  return new Client(url, options);
}

/** The API as an application uses it. */
export class Client {
  readonly url: string;
  readonly #userAgent: string;
  readonly #onResponse: ((response: Response) => void) | undefined;
  readonly jar: CookieJar | undefined;

  constructor(url: string, options: ClientOptions = {}) {
    this.url = url;
    this.#userAgent = options.userAgent ?? 'latchkey-journey/1.0';
    this.#onResponse = options.onResponse;
    this.jar = options.cookies === true ? new CookieJar() : undefined;
  }

  register(registration: Registration): Promise<ApiResult<unknown>> {
    return this.api('POST', '/auth/register', { body: { name: 'Journey', ...registration } });
  }

  verify(token: string): Promise<ApiResult<unknown>> {
    return this.api('POST', '/auth/verify-email', { body: { token } });
  }

  login(email: string, password: string): Promise<ApiResult<Tokens>> {
    return this.api('POST', '/auth/login', { body: { email, password } });
  }

  loginByCookie(email: string, password: string): Promise<ApiResult<unknown>> {
    return this.api('POST', '/auth/login', { body: { email, password, transport: 'cookie' } });
  }

  refresh(refreshToken: string): Promise<ApiResult<Tokens>> {
    return this.api('POST', '/auth/refresh', { body: { refreshToken } });
  }

  forgotPassword(email: string): Promise<ApiResult<unknown>> {
    return this.api('POST', '/auth/forgot-password', { body: { email } });
  }

  resetPassword(token: string, chosen: string): Promise<ApiResult<unknown>> {
    return this.api('POST', '/auth/reset-password', { body: { token, password: chosen } });
  }

  changePassword(current: string, chosen: string, token?: string): Promise<ApiResult<Tokens>> {
    const body = { currentPassword: current, newPassword: chosen };
    return this.api('POST', '/users/me/password', { body, ...bearer(token) });
  }

  me(token?: string): Promise<ApiResult<Record<string, unknown>>> {
    return this.api('GET', '/users/me', bearer(token));
  }

  session(token?: string): Promise<ApiResult<Record<string, unknown>>> {
    return this.api('GET', '/auth/session', bearer(token));
  }

  sessions(token?: string): Promise<ApiResult<readonly SessionRow[]>> {
    return this.api('GET', '/users/me/sessions', bearer(token));
  }

  endSession(id: string, token?: string): Promise<ApiResult<unknown>> {
    return this.api('DELETE', `/users/me/sessions/${id}`, bearer(token));
  }

  logout(token?: string): Promise<ApiResult<unknown>> {
    return this.api('POST', '/auth/logout', bearer(token));
  }

  logoutAll(token?: string): Promise<ApiResult<unknown>> {
    return this.api('POST', '/auth/logout-all', bearer(token));
  }

  /** Sends a request to the API and checks the shape of the response. */
  async api<T>(method: string, path: string, options: RequestOptions = {}): Promise<ApiResult<T>> {
    const headers: Record<string, string> = { ...options.headers };
    if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    const body = options.body === undefined ? null : JSON.stringify(options.body);
    return await readResult<T>(await this.send(method, `/api/v1${path}`, { headers, body }));
  }

  /** Sends any request with this device's cookies and user agent; does not follow redirects. */
  async send(
    method: string,
    path: string,
    request: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string | null } = {},
  ): Promise<Response> {
    const cookie = this.jar?.header();
    const headers = { 'user-agent': this.#userAgent, ...(cookie === undefined ? {} : { cookie }), ...request.headers };
    const response = await fetch(this.url + path, { method, headers, body: request.body ?? null, redirect: 'manual' });
    this.jar?.store(response.headers.getSetCookie());
    this.#onResponse?.(response);
    return response;
  }
}

/** The data of a response. @throws Error naming the problem. */
export function dataOf<T>(result: ApiResult<T>): T {
  if (!result.ok) throw new Error(`rejected with ${result.status} ${result.code}`);
  return result.data;
}

/** The code of a problem. @throws Error when the request succeeded. */
export function problemOf(result: ApiResult<unknown>): string {
  if (result.ok) throw new Error(`returned ${result.status}, not a problem`);
  return result.code;
}

function bearer(token: string | undefined): RequestOptions {
  return token === undefined ? {} : { token };
}

type Body = Readonly<Record<string, unknown>>;

async function readResult<T>(response: Response): Promise<ApiResult<T>> {
  const text = await response.text();
  const { status, headers } = response;
  const type = headers.get('content-type') ?? '';
  try {
    const body = JSON.parse(text) as Body;
    if (response.ok) return { ok: true, status, headers, data: checkEnvelope(body, type) as T };
    return { ok: false, status, headers, code: checkProblem(body, type, status) };
  } catch (error) {
    throw new Error(`not a response of the contract: ${status} ${type} ${text}`, { cause: error });
  }
}

function checkEnvelope(body: Body, type: string): unknown {
  requireMember(type.startsWith('application/json'), 'content type');
  requireMember(body.success === true, 'success');
  requireMember(typeof body.message === 'string' && body.message !== '', 'message');
  requireMember('data' in body, 'data');
  checkMeta(body.meta);
  return body.data;
}

/** RFC 9457 §3 with the product's additional members. */
function checkProblem(body: Body, type: string, status: number): string {
  requireMember(type.startsWith('application/problem+json'), 'content type');
  requireMember(body.success === false, 'success');
  requireMember(body.status === status, 'status');
  for (const member of ['type', 'title', 'detail', 'message']) requireMember(typeof body[member] === 'string', member);
  requireMember(Array.isArray(body.errors), 'errors');
  checkMeta(body.meta);
  requireMember(typeof body.code === 'string', 'code');
  return body.code as string;
}

function checkMeta(meta: unknown): void {
  const { timestamp, requestId } = (meta ?? {}) as { timestamp?: unknown; requestId?: unknown };
  requireMember(typeof timestamp === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(timestamp), 'meta.timestamp');
  requireMember(typeof requestId === 'string' && requestId !== '', 'meta.requestId');
}

function requireMember(condition: boolean, member: string): void {
  if (!condition) throw new Error(`${member} violates the contract`);
}

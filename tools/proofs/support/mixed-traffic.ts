/** The requests of a usual day: mostly session checks, some logins, refreshes, registrations, resets and logouts. */
import type { LoadResponse } from '../../../bench/support/load.ts';
import { dataOf, requestBytes, sessionCookieOf } from '../../../bench/support/requests.ts';
import { type BenchUser, loginRequest, password, type Tokens } from '../../../bench/support/users.ts';

export type MixedOperation =
  | 'session check, token'
  | 'session check, cookie'
  | 'own profile'
  | 'own sessions'
  | 'refresh'
  | 'login'
  | 'login, cookie'
  | 'registration'
  | 'password reset, request'
  | 'logout'
  | 'login page'
  | 'JWKS';

/** It uses nothing up. */
type RepeatableOperation = Exclude<MixedOperation, 'refresh' | 'logout' | 'registration'>;

/** Parts of a hundred. */
const parts: Readonly<Record<MixedOperation, number>> = {
  'session check, token': 44,
  'session check, cookie': 20,
  'own profile': 6,
  'own sessions': 2,
  refresh: 10,
  login: 4,
  'login, cookie': 3,
  registration: 2,
  'password reset, request': 2,
  logout: 3,
  'login page': 2,
  JWKS: 2,
};

export const mixedOperations = Object.keys(parts) as readonly MixedOperation[];

/** 37 and 100 have no common divisor: the operations alternate, and each has its part. */
const cycle = mixedOperations.flatMap((operation) => Array<MixedOperation>(parts[operation]).fill(operation));
const step = 37;

/** With three logouts in a hundred requests, a session waits for more requests than there are connections. */
const leavingSessions = 50;

export interface MixedContext {
  readonly operation: MixedOperation;
  /** The session whose tokens the request uses up or renews. */
  readonly session?: Tokens;
  /** The recipient of the mail that the request causes. */
  readonly recipient?: string;
}

export interface MixedRequest {
  readonly bytes: Buffer;
  readonly context: MixedContext;
}

type Pool = 'users' | 'sessions' | 'cookies' | 'replaced cookies';

/** Produces the requests, and keeps the sessions that their responses begin and end. */
export class MixedTraffic {
  readonly #users: readonly BenchUser[];
  readonly #sessions: Tokens[];
  /** Sessions that no request uses any more. Each waits for its logout until the requests that used it have ended. */
  readonly #leaving: Tokens[];
  readonly #cookies: string[];
  #number = 0;
  /**
   * How often each pool was taken from. By the number of the request an operation would reach a few users only, because operations
   * repeat every hundred requests, and their sessions would exceed the limit of a user.
   */
  readonly #taken: Record<Pool, number> = { users: 0, sessions: 0, cookies: 0, 'replaced cookies': 0 };

  constructor(users: readonly BenchUser[], sessions: readonly Tokens[], cookies: readonly string[]) {
    this.#users = users;
    this.#sessions = sessions.slice(leavingSessions);
    this.#leaving = sessions.slice(0, leavingSessions);
    this.#cookies = [...cookies];
  }

  next(): MixedRequest {
    const number = this.#number;
    this.#number += 1;
    const operation = cycle[(number * step) % cycle.length] as MixedOperation;
    return this.#requestOf(operation, number);
  }

  onResponse({ operation, session }: MixedContext, response: LoadResponse): void {
    if (response.status !== 200) return;
    if (operation === 'login') this.#sessions.push(dataOf<Tokens>(response));
    if (operation === 'login, cookie')
      this.#cookies[this.#turn('replaced cookies') % this.#cookies.length] = sessionCookieOf(response);
    if (operation === 'refresh' && session !== undefined)
      this.#sessions.push({ ...session, ...dataOf<Tokens>(response) });
  }

  #requestOf(operation: MixedOperation, number: number): MixedRequest {
    if (operation === 'registration') return registration(operation, number);
    if (operation === 'refresh' || operation === 'logout') return this.#useUp(operation);
    return { bytes: this.#bytesOf(operation), context: { operation } };
  }

  #bytesOf(operation: RepeatableOperation): Buffer {
    switch (operation) {
      case 'session check, token':
        return get('/api/v1/auth/session', this.#session());
      case 'own profile':
        return get('/api/v1/users/me', this.#session());
      case 'own sessions':
        return get('/api/v1/users/me/sessions', this.#session());
      case 'session check, cookie':
        return this.#cookieCheck();
      case 'login':
        return loginRequest(this.#user());
      case 'login, cookie':
        return loginRequest(this.#user(), 'cookie');
      case 'login page':
        return requestBytes('GET', '/login');
      case 'JWKS':
        return requestBytes('GET', '/.well-known/jwks.json');
      case 'password reset, request':
        return post('forgot-password', { email: this.#user().email });
    }
  }

  /** The number of the next turn of a pool. */
  #turn(pool: Pool): number {
    this.#taken[pool] += 1;
    return this.#taken[pool];
  }

  #user(): BenchUser {
    return this.#users[this.#turn('users') % this.#users.length] as BenchUser;
  }

  #session(): Tokens {
    return this.#sessions[this.#turn('sessions') % this.#sessions.length] as Tokens;
  }

  #cookieCheck(): Buffer {
    const cookie = this.#cookies[this.#turn('cookies') % this.#cookies.length] ?? '';
    return requestBytes('GET', '/api/v1/auth/session', { cookie });
  }

  /** The oldest session leaves the pool: no later request may use tokens that this one replaces or ends. */
  #useUp(operation: 'refresh' | 'logout'): MixedRequest {
    const oldest = this.#sessions.shift() ?? this.#session();
    if (operation === 'logout') this.#leaving.push(oldest);
    const session = operation === 'logout' ? (this.#leaving.shift() ?? oldest) : oldest;
    const bytes =
      operation === 'refresh'
        ? post('refresh', { refreshToken: session.refreshToken })
        : requestBytes('POST', '/api/v1/auth/logout', { token: session.accessToken });
    return { bytes, context: { operation, session } };
  }
}

function registration(operation: MixedOperation, number: number): MixedRequest {
  const recipient = `newcomer-${number}@example.org`;
  const bytes = post('register', { email: recipient, password, name: 'Newcomer' });
  return { bytes, context: { operation, recipient } };
}

function get(path: string, { accessToken: token }: Tokens): Buffer {
  return requestBytes('GET', path, { token });
}

function post(path: string, body: object): Buffer {
  return requestBytes('POST', `/api/v1/auth/${path}`, { body });
}

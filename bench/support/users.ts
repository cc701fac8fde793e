/** Users and sessions, created through the API with the links from the inbox. */
import { awaitLink, readInbox, tokenOf } from '../../e2e/support/inbox.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { type LoadResponse, load } from './load.ts';
import { dataOf, requestBytes, sessionCookieOf } from './requests.ts';
import type { System } from './system.ts';

type Target = Pick<System, 'port' | 'opsPort'>;

/** A user with a verified address and a known device. */
export interface BenchUser {
  readonly email: string;
  readonly deviceToken: string;
}

export interface Tokens {
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** The password of every user. */
export const password = 'correct horse battery';

/** A user has at most 100 sessions; the bench must not measure the revocation of the oldest. */
const sessionsPerUser = 90;
const concurrency = 16;

let registered = 0;

/** The body of a registration of a new user. */
export function newRegistration(): { readonly email: string; readonly password: string; readonly name: string } {
  registered += 1;
  return { email: `user-${registered}-${process.pid}@example.com`, password, name: 'Ada' };
}

/** Registers and verifies users and logs each in once. */
export async function addUsers(system: Target, count: number): Promise<BenchUser[]> {
  const users: BenchUser[] = [];
  let started = 0;
  const addRemaining = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      users.push(await addUser(system));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, addRemaining));
  return users;
}

async function addUser(system: Target): Promise<BenchUser> {
  const url = `http://127.0.0.1:${system.port}`;
  const registration = newRegistration();
  await post(url, 'register', registration);
  const link = await awaitLink(
    () => readInbox(`http://127.0.0.1:${system.opsPort}`, registration.email),
    '/verify-email',
  );
  await post(url, 'verify-email', { token: tokenOf(link) });
  const { deviceToken } = await post<{ deviceToken: string }>(url, 'login', { email: registration.email, password });
  return { email: registration.email, deviceToken };
}

/** Retries while the server responds 503: the users may be created while the machine is busy. */
async function post<T>(url: string, path: string, body: object): Promise<T> {
  const send = () => postOnce<T>(url, path, body);
  return eventually(send, { what: `${path} is not rejected as busy`, timeoutMs: 30_000 }) as Promise<T>;
}

async function postOnce<T>(url: string, path: string, body: object): Promise<T | undefined> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/api/v1/auth/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (response.status === 503) return undefined;
  if (!response.ok) throw new Error(`${path}: ${text}`);
  return (JSON.parse(text) as { data: T }).data;
}

/** The number of users needed for this many sessions. */
export function usersFor(sessions: number): number {
  return Math.ceil(sessions / sessionsPerUser);
}

export function loginRequest(user: BenchUser, transport: 'cookie' | 'token' = 'token'): Buffer {
  const { email, deviceToken } = user;
  return requestBytes('POST', '/api/v1/auth/login', { body: { email, password, transport, deviceToken } });
}

/** Token sessions, distributed over the users. */
export async function addTokenSessions(system: Target, users: readonly BenchUser[], count: number): Promise<Tokens[]> {
  const sessions: Tokens[] = [];
  const collect = (response: LoadResponse) => sessions.push(dataOf<Tokens>(response));
  await logIn(system, users, count, 'token', collect);
  return sessions;
}

/** Cookie sessions; returns the Cookie header of each. */
export async function addCookieSessions(system: Target, users: readonly BenchUser[], count: number): Promise<string[]> {
  const sessions: string[] = [];
  await logIn(system, users, count, 'cookie', (response) => sessions.push(sessionCookieOf(response)));
  return sessions;
}

async function logIn(
  system: Target,
  users: readonly BenchUser[],
  count: number,
  transport: 'cookie' | 'token',
  collect: (response: LoadResponse) => void,
): Promise<void> {
  const requests = users.map((user) => loginRequest(user, transport));
  let sent = 0;
  const next = () => {
    if (sent === count) return undefined;
    sent += 1;
    return requests[sent % requests.length];
  };
  await load({ next, onResponse: (_, response) => collect(response) }, { port: system.port, connections: concurrency });
}

/** People and their sessions, made as anybody makes them: through the API, with the links from the inbox. */
import { awaitLink, readInbox, tokenOf } from '../../e2e/support/inbox.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { type Answer, load } from './load.ts';
import { dataOf, requestBytes, sessionCookieOf } from './requests.ts';
import type { System } from './system.ts';

/** Where the server answers. */
type Where = Pick<System, 'port'>;

/** Somebody with a proven address and a known device. */
export interface Person {
  readonly email: string;
  readonly deviceToken: string;
}

/** What a login by tokens hands out. */
export interface Tokens {
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Everybody's. */
export const password = 'correct horse battery';

/** A user has at most 100 sessions, and the bench must not be about the oldest being ended. */
const sessionsPerPerson = 90;
const atOnce = 16;

let made = 0;

/** The body of a registration of somebody new. */
export function registration(): { readonly email: string; readonly password: string; readonly name: string } {
  made += 1;
  return { email: `person-${made}-${process.pid}@example.com`, password, name: 'Somebody' };
}

/** Registers people, presses their links and logs them in once. */
export async function addPeople(system: Where, count: number): Promise<Person[]> {
  const people: Person[] = [];
  let begun = 0;
  const makeSome = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      people.push(await addPerson(system));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, makeSome));
  return people;
}

async function addPerson(system: Where): Promise<Person> {
  const url = `http://127.0.0.1:${system.port}`;
  const someone = registration();
  await post(url, 'register', someone);
  const link = await awaitLink(() => readInbox(url, someone.email), '/verify-email');
  await post(url, 'verify-email', { token: tokenOf(link) });
  const { deviceToken } = await post<{ deviceToken: string }>(url, 'login', { email: someone.email, password });
  return { email: someone.email, deviceToken };
}

/** Sends it until it is not refused as `busy`: people are made while the machine may be full of something else. */
async function post<T>(url: string, path: string, body: object): Promise<T> {
  const send = () => postOnce<T>(url, path, body);
  return eventually(send, { what: `${path} is not refused as busy`, timeoutMs: 30_000 }) as Promise<T>;
}

async function postOnce<T>(url: string, path: string, body: object): Promise<T | undefined> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/v1/auth/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (answer.status === 503) return undefined;
  if (!answer.ok) throw new Error(`${path}: ${text}`);
  return (JSON.parse(text) as { data: T }).data;
}

/** How many people it takes to have so many sessions. */
export function peopleFor(sessions: number): number {
  return Math.ceil(sessions / sessionsPerPerson);
}

/** A login's request. */
export function loginRequest(person: Person, transport: 'cookie' | 'token' = 'token'): Buffer {
  const { email, deviceToken } = person;
  return requestBytes('POST', '/api/v1/auth/login', { body: { email, password, transport, deviceToken } });
}

/** Sessions by tokens, spread over the people. */
export async function addTokenSessions(system: Where, people: readonly Person[], count: number): Promise<Tokens[]> {
  const sessions: Tokens[] = [];
  const take = (answer: Answer) => sessions.push(dataOf<Tokens>(answer));
  await logIn(system, people, count, 'token', take);
  return sessions;
}

/** Sessions by cookie; answers the header that each sends. */
export async function addCookieSessions(system: Where, people: readonly Person[], count: number): Promise<string[]> {
  const sessions: string[] = [];
  await logIn(system, people, count, 'cookie', (answer) => sessions.push(sessionCookieOf(answer)));
  return sessions;
}

async function logIn(
  system: Where,
  people: readonly Person[],
  count: number,
  transport: 'cookie' | 'token',
  take: (answer: Answer) => void,
): Promise<void> {
  const requests = people.map((person) => loginRequest(person, transport));
  let sent = 0;
  const next = () => {
    if (sent === count) return undefined;
    sent += 1;
    return requests[sent % requests.length];
  };
  await load({ next, answered: (_, answer) => take(answer) }, { port: system.port, connections: atOnce });
}

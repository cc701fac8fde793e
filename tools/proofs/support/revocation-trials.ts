/** Sessions that one node revokes while readers present their access tokens to another. */
import { setTimeout as pause } from 'node:timers/promises';
import { type BenchUser, password, type Tokens } from '../../../bench/support/users.ts';
import { type ApiResult, client } from '../../../e2e/support/client.ts';
import type { RunningServer } from '../../../e2e/support/server.ts';
import { eventually } from '../../../packages/server/test/support/wait.ts';

/** The first node revokes, the second one is read. */
export type Nodes = readonly [revoking: RunningServer, reading: RunningServer];

/** How a session is revoked. */
export type Way = 'logout' | 'end one session' | 'logout everywhere';

export interface Revocable {
  readonly way: Way;
  readonly tokens: Tokens;
  /** Another session of the same user, which revokes it. */
  readonly by: Tokens;
}

interface Check {
  readonly sentMs: number;
  readonly status: number;
}

/** The checks around one revocation; times are of the monotonic clock. */
export interface Seen {
  readonly way: Way;
  /** When the revoking node had acknowledged it. */
  readonly acknowledgedMs: number;
  /** When the last check was sent that was accepted. */
  readonly lastAcceptedMs: number;
  /** When the first check was sent that was rejected with 401. */
  readonly rejectedMs: number;
  /** Checks that were accepted although they were sent after a rejected one. */
  readonly acceptedAgain: number;
  /** Checks that were neither accepted nor rejected, by status: a node that cannot know returns 503. */
  readonly others: readonly number[];
}

const betweenChecksMs = 15;
/** Rejected checks that follow the first one. */
const furtherRejections = 10;
const perUser = 10;

/** Logs in so often that there are this many sessions to revoke, each with another one of its user. */
export async function openSessions(url: string, users: readonly BenchUser[]): Promise<Revocable[]> {
  const all: Revocable[] = [];
  for (const user of users) all.push(...(await openSessionsOf(url, user)));
  return all;
}

/** The number of users for so many sessions. */
export function usersForRevocations(count: number): number {
  return Math.ceil(count / perUser);
}

async function openSessionsOf(url: string, { email, deviceToken }: BenchUser): Promise<Revocable[]> {
  const body = { email, password, deviceToken };
  const logIn = () => untilServed('a login', () => client(url).api<Tokens>('POST', '/auth/login', { body }));
  const sessions = await Promise.all(Array.from({ length: perUser }, logIn));
  const last = sessions[perUser - 1] as Tokens;
  // The last one revokes the others, and then all that is left: itself.
  return sessions.map((tokens, index) => {
    const way = tokens === last ? 'logout everywhere' : index % 2 === 0 ? 'logout' : 'end one session';
    return { way, tokens, by: last };
  });
}

/** Revokes on the first node; returns when it was acknowledged. */
async function revoke([{ url }]: Nodes, { way, tokens, by }: Revocable): Promise<number> {
  const on = client(url);
  const ways: Readonly<Record<Way, () => Promise<ApiResult<unknown>>>> = {
    logout: () => on.logout(tokens.accessToken),
    'end one session': () => on.endSession(tokens.sessionId, by.accessToken),
    'logout everywhere': () => on.logoutAll(by.accessToken),
  };
  await untilServed(way, ways[way]);
  return performance.now();
}

/** A busy machine sheds load: what gets 503 `busy` had no effect, and is sent again. */
function untilServed<T>(what: string, send: () => Promise<ApiResult<T>>): Promise<T> {
  const sendOnce = async () => {
    const result = await send();
    if (result.ok) return { data: result.data };
    if (result.code !== 'busy') throw new Error(`${what} failed: ${result.status} ${result.code}`);
    return undefined;
  };
  return eventually(sendOnce, { what: `${what} is served`, timeoutMs: 30_000 }).then(({ data }) => data);
}

/** Presents the token of one session to the second node, one check after another. */
class Reader {
  readonly #url: string;
  readonly #token: string;
  readonly #checks: Check[] = [];

  constructor([, { url }]: Nodes, { tokens }: Revocable) {
    this.#url = url;
    this.#token = tokens.accessToken;
  }

  /** Sends one check, and waits for its response. */
  async check(): Promise<number> {
    const sentMs = performance.now();
    const headers = { authorization: `Bearer ${this.#token}` };
    const response = await fetch(`${this.#url}/api/v1/auth/session`, { headers });
    await response.arrayBuffer();
    this.#checks.push({ sentMs, status: response.status });
    return response.status;
  }

  /** Makes the node remember the session. */
  async warmUp(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) {
      if ((await this.check()) === 401) throw new Error('a session was rejected before it was revoked');
    }
  }

  /** Checks until the token was rejected for a while. */
  async untilRejected(): Promise<void> {
    for (let rejected = 0; rejected < furtherRejections; ) {
      if ((await this.check()) === 401) rejected += 1;
      await pause(betweenChecksMs);
    }
  }

  seen(way: Way, acknowledgedMs: number): Seen {
    const sentOf = (status: number) =>
      this.#checks.filter((check) => check.status === status).map(({ sentMs }) => sentMs);
    const accepted = sentOf(200);
    const rejectedMs = Math.min(...sentOf(401));
    return {
      way,
      acknowledgedMs,
      lastAcceptedMs: Math.max(...accepted),
      rejectedMs,
      acceptedAgain: accepted.filter((sentMs) => sentMs > rejectedMs).length,
      others: this.#checks.map(({ status }) => status).filter((status) => status !== 200 && status !== 401),
    };
  }
}

/** Each reader takes one session after another: remembered by the second node, revoked on the first, read until it is rejected. */
export async function revokeOneByOne(nodes: Nodes, sessions: readonly Revocable[], readers: number): Promise<Seen[]> {
  const queues = Array.from({ length: readers }, (_, index) => sessionsOf(sessions, index, readers));
  const seen = await Promise.all(queues.map((queue) => readAll(nodes, queue)));
  return seen.flat();
}

/** Whole users, because the last session of a user revokes those before it. */
function sessionsOf(sessions: readonly Revocable[], reader: number, readers: number): readonly Revocable[] {
  return sessions.filter((_, index) => Math.floor(index / perUser) % readers === reader);
}

async function readAll(nodes: Nodes, queue: readonly Revocable[]): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const session of queue) {
    const reader = new Reader(nodes, session);
    await reader.warmUp();
    const reading = reader.untilRejected();
    const acknowledgedMs = await revoke(nodes, session);
    await reading;
    seen.push(reader.seen(session.way, acknowledgedMs));
  }
  return seen;
}

/**
 * Remembers all sessions on the second node, disturbs it, and revokes them on the first meanwhile: the first ones right before,
 * so that the disturbed node has not read them. A check of each is sent during the disturbance, and checks after it.
 */
export async function revokeDuring(
  nodes: Nodes,
  sessions: readonly Revocable[],
  { begin, end, lastsMs }: { readonly begin: () => void; readonly end: () => void; readonly lastsMs: number },
): Promise<Seen[]> {
  const readers = sessions.map((session) => new Reader(nodes, session));
  for (const reader of readers) await reader.warmUp();
  const acknowledged: number[] = [];
  const reading: Promise<void>[] = [];
  const beforeMs = performance.now();
  const early = Math.ceil(sessions.length / 10);
  for (const [index, session] of sessions.entries()) {
    if (index === early) begin();
    acknowledged.push(await revoke(nodes, session));
    reading.push((readers[index] as Reader).untilRejected());
    // Spread over the disturbance.
    const dueMs = index < early ? 0 : ((index - early) / (sessions.length - early)) * lastsMs * 0.8;
    await pause(Math.max(0, beforeMs + dueMs - performance.now()));
  }
  await pause(Math.max(0, beforeMs + lastsMs - performance.now()));
  end();
  await Promise.all(reading);
  return sessions.map(({ way }, index) => (readers[index] as Reader).seen(way, acknowledged[index] as number));
}

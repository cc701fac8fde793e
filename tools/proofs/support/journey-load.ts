/** Registrations, journeys of sessions and readiness probes on several nodes, one after another, while a service fails. */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client as DatabaseClient } from 'pg';
import { type BenchUser, password, type Tokens } from '../../../bench/support/users.ts';
import { type ApiResult, client } from '../../../e2e/support/client.ts';
import type { RunningServer } from '../../../e2e/support/server.ts';
import { eventually } from '../../../packages/server/test/support/wait.ts';

const betweenRegistrationsMs = 250;
const betweenJourneysMs = 50;
const betweenProbesMs = 100;
/** All nodes are well when nothing went wrong for so long. */
const quietMs = 1000;
const timeoutMs = 60_000;
/** Of one request, far above each documented bound: the request hangs. */
const hangsMs = 30_000;

type Loop = 'registrations' | 'sessions' | 'probes';

export interface Sample {
  readonly loop: Loop;
  readonly operation: string;
  readonly node: RunningServer;
  readonly sentMs: number;
  readonly endMs: number;
  readonly isGood: boolean;
  readonly status: number;
  /** The code of a problem, or what readiness says of the service. */
  readonly code: string;
  readonly hasRetryAfter: boolean;
}

/** The effects that responses have promised, and those that they have denied, since the last verification. */
interface Promised {
  readonly registered: string[];
  /** Registrations that were refused, and not with an unknown outcome. */
  readonly refused: string[];
  readonly begun: string[];
  readonly ended: string[];
  readonly refreshTokens: string[];
}

const nothing = (): Promised => ({ registered: [], refused: [], begun: [], ended: [], refreshTokens: [] });

/** The effects that the database does not have, or has, against a response. */
export interface Broken {
  readonly promises: number;
  readonly kept: number;
  readonly lost: readonly string[];
}

/** It stops with the block, before the nodes do: the failure of a trial must not be hidden by requests without a response. */
export class JourneyLoad implements AsyncDisposable {
  /** Emails of all acknowledged registrations, each of which causes a mail. */
  readonly registered: string[] = [];
  readonly #nodes: readonly RunningServer[];
  readonly #loops: Promise<unknown>;
  #samples: Sample[] = [];
  #promised = nothing();
  /** The check of readiness that a probe reads. */
  #check = 'database';
  #isOver = false;

  /** Distributes the users over the nodes; each makes one journey after another. */
  constructor(nodes: readonly RunningServer[], users: readonly BenchUser[]) {
    this.#nodes = nodes;
    const nodeOf = (index: number) => nodes[index % nodes.length] as RunningServer;
    this.#loops = Promise.all([
      ...nodes.map((node) => this.#repeat(() => this.#register(node), betweenRegistrationsMs)),
      ...nodes.map((node) => this.#repeat(() => this.#probe(node), betweenProbesMs)),
      ...users.map((user, index) =>
        this.#repeat(() => this.#travel(nodeOf(index), nodeOf(index + 1), user), betweenJourneysMs),
      ),
    ]);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#loops;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Forgets the samples so far; from now on probes read this check. */
  begin(check: string): void {
    this.#samples = [];
    this.#check = check;
  }

  /** The requests that ended since `begin`. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Waits until every loop succeeds on each node and none has failed for a while; returns the time of the last failure. */
  async wellSince(startMs: number): Promise<number> {
    return eventually(() => this.#lastFailure(startMs), { what: 'every node is well', timeoutMs });
  }

  /** Compares the responses since the last verification with the database. */
  async verify(operator: DatabaseClient): Promise<Broken> {
    const promised = this.#promised;
    this.#promised = nothing();
    const { registered, refused, begun, ended, refreshTokens } = promised;
    const hashes = refreshTokens.map((token) => createHash('sha256').update(token).digest());
    const queries = [
      ['select count(distinct canonical) from identifiers where canonical = any($1)', registered],
      ['select count(*) from sessions where id = any($1::uuid[])', begun],
      ['select count(*) from sessions where id = any($1::uuid[]) and ended_at is not null', ended],
      ['select count(*) from refresh_tokens where hash = any($1::bytea[])', hashes],
    ] as const;
    const found: number[] = [];
    for (const [text, values] of queries) found.push(await countOf(operator, text, values));
    const denied = await countOf(operator, 'select count(*) from identifiers where canonical = any($1)', refused);
    const promises = [registered, begun, ended, refreshTokens];
    const names = ['registrations', 'logins', 'logouts', 'refreshes'];
    const lost = promises.flatMap((all, index) => {
      const missing = new Set(all).size - (found[index] ?? 0);
      return missing === 0 ? [] : [`${missing} acknowledged ${names[index]} are lost`];
    });
    const done = denied === 0 ? [] : [`${denied} registrations were refused and made`];
    const count = promises.reduce((sum, all) => sum + all.length, 0);
    return { promises: count, kept: found.reduce((sum, each) => sum + each, 0), lost: [...lost, ...done] };
  }

  #lastFailure(startMs: number): number | undefined {
    const since = this.#samples.filter(({ endMs }) => endMs >= startMs);
    const lastMs = Math.max(startMs, ...since.filter(({ isGood }) => !isGood).map(({ endMs }) => endMs));
    const isWell = (of: RunningServer, loop: Loop) =>
      since.some((each) => each.node === of && each.loop === loop && each.isGood && each.sentMs > lastMs + quietMs);
    const loops: readonly Loop[] = ['registrations', 'sessions', 'probes'];
    return this.#nodes.every((node) => loops.every((loop) => isWell(node, loop))) ? lastMs : undefined;
  }

  async #repeat(work: () => Promise<void>, restMs: number): Promise<void> {
    while (!this.#isOver) {
      await work();
      await pause(restMs);
    }
  }

  async #register(node: RunningServer): Promise<void> {
    const email = `${randomUUID()}@example.com`;
    const result = await this.#call('registrations', 'register', node, (url) =>
      client(url).register({ email, password }),
    );
    if (result.ok) {
      this.registered.push(email);
      this.#promised.registered.push(email);
    } else if (result.code !== 'outcome_unknown') this.#promised.refused.push(email);
  }

  /** Login, check on the other node, list, refresh and logout; given up at the first request that fails. */
  async #travel(node: RunningServer, other: RunningServer, { email, deviceToken }: BenchUser): Promise<void> {
    const call = <T>(operation: string, on: RunningServer, send: (url: string) => Promise<ApiResult<T>>) =>
      this.#call('sessions', operation, on, send);
    const body = { email, password, deviceToken };
    const begun = await call('login', node, (url) => client(url).api<Tokens>('POST', '/auth/login', { body }));
    if (!begun.ok) return;
    const { sessionId, accessToken, refreshToken } = begun.data;
    this.#promised.begun.push(sessionId);
    this.#promised.refreshTokens.push(refreshToken);
    if (!(await call('session check', other, (url) => client(url).session(accessToken))).ok) return;
    if (!(await call('list of sessions', node, (url) => client(url).sessions(accessToken))).ok) return;
    const refreshed = await call('refresh', other, (url) => client(url).refresh(refreshToken));
    if (!refreshed.ok) return;
    this.#promised.refreshTokens.push(refreshed.data.refreshToken);
    const changed = await call('profile', node, (url) =>
      client(url).api('PATCH', '/users/me', { token: accessToken, body: { name: `Ada ${sessionId}` } }),
    );
    if (!changed.ok) return;
    const ended = await call('logout', other, (url) => client(url).logout(refreshed.data.accessToken));
    if (ended.ok) this.#promised.ended.push(sessionId);
  }

  async #probe(node: RunningServer): Promise<void> {
    const sentMs = performance.now();
    const { isReady, status, detail, hasRetryAfter } = await readReadiness(node, this.#check);
    const isGood = isReady && detail === 'ok';
    const endMs = performance.now();
    this.#samples.push({
      loop: 'probes',
      operation: 'readiness',
      node,
      sentMs,
      endMs,
      isGood,
      status,
      code: detail,
      hasRetryAfter,
    });
  }

  async #call<T>(
    loop: Loop,
    operation: string,
    node: RunningServer,
    send: (url: string) => Promise<ApiResult<T>>,
  ): Promise<ApiResult<T>> {
    const sentMs = performance.now();
    const result = await send(node.url).catch((error: unknown) => withoutResponse(node, error));
    this.#samples.push({
      loop,
      operation,
      node,
      sentMs,
      endMs: performance.now(),
      isGood: result.ok,
      status: result.status,
      code: result.ok ? '' : result.code,
      hasRetryAfter: result.headers.has('retry-after'),
    });
    return result;
  }
}

async function readReadiness(node: RunningServer, check: string) {
  try {
    const response = await fetch(`${node.opsUrl}/readyz?verbose`, { signal: AbortSignal.timeout(hangsMs) });
    const { checks } = (await response.json()) as { readonly checks: Readonly<Record<string, string>> };
    const { ok: isReady, status, headers } = response;
    return { isReady, status, detail: checks[check] ?? 'ok', hasRetryAfter: headers.has('retry-after') };
  } catch (error) {
    const { status, code: detail } = withoutResponse(node, error);
    return { isReady: false, status, detail, hasRetryAfter: false };
  }
}

/** A request that has no response is a fault, with the reason as its code. */
function withoutResponse(node: RunningServer, error: unknown): Extract<ApiResult<never>, { readonly ok: false }> {
  if (node.hasExited()) throw new Error(`a node has exited:\n${node.logs()}`, { cause: error });
  const code = `no response: ${String((error as Error).cause ?? error)}`;
  return { ok: false, status: 0, headers: new Headers(), code };
}

async function countOf(operator: DatabaseClient, text: string, values: readonly unknown[]): Promise<number> {
  const { rows } = await operator.query<{ count: string }>({ text, values: [values] });
  return Number(rows[0]?.count);
}

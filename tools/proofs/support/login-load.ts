/** Users who log in without pause on several nodes, and probes of their readiness, while a server fails over. */
import { setTimeout as pause } from 'node:timers/promises';
import { type BenchUser, password } from '../../../bench/support/users.ts';
import type { RunningServer } from '../../../e2e/support/server.ts';
import { eventually } from '../../../packages/server/test/support/wait.ts';

const afterSuccessMs = 10;
const afterFailureMs = 50;
/** All nodes are well when nothing went wrong for so long. */
const quietMs = 2000;
const timeoutMs = 45_000;

interface Login {
  readonly node: RunningServer;
  /** Start and end by the monotonic clock. */
  readonly sentMs: number;
  readonly endMs: number;
  readonly status: number;
  readonly code: string;
  /** Of an acknowledged login. */
  readonly sessionId: string | undefined;
}

export class LoginLoad {
  readonly logins: Login[] = [];
  readonly #nodes: readonly RunningServer[];
  readonly #loops: Promise<unknown>;
  #isOver = false;

  /** Distributes the users over the nodes; each sends one login after another. */
  constructor(nodes: readonly RunningServer[], users: readonly BenchUser[]) {
    this.#nodes = nodes;
    const nodeOf = (index: number) => nodes[index % nodes.length] as RunningServer;
    this.#loops = Promise.all(users.map((user, index) => this.#repeat(nodeOf(index), user)));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#loops;
  }

  get acknowledged(): string[] {
    return this.logins.flatMap(({ sessionId }) => sessionId ?? []);
  }

  /** The logins that failed since then, by status and code. */
  failures(sinceMs: number): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { status, code } of this.#failedSince(sinceMs))
      counts.set(`${status} ${code}`, (counts.get(`${status} ${code}`) ?? 0) + 1);
    return counts;
  }

  /** The longest login that ended since then. */
  longest(sinceMs: number): { readonly endMs: number; readonly milliseconds: number } {
    const since = this.logins.filter(({ endMs }) => endMs >= sinceMs);
    const ended = since.map(({ sentMs, endMs }) => ({ endMs, milliseconds: endMs - sentMs }));
    return ended.reduce((longest, each) => (each.milliseconds > longest.milliseconds ? each : longest), {
      endMs: sinceMs,
      milliseconds: 0,
    });
  }

  /** Waits until logins succeed on each node and none has failed for a while; returns the time of the last failure. */
  async wellSince(startMs: number): Promise<number> {
    return eventually(() => this.#lastFailure(startMs), { what: 'logins succeed on every node', timeoutMs });
  }

  #failedSince(sinceMs: number): readonly Login[] {
    return this.logins.filter(({ sessionId, endMs }) => sessionId === undefined && endMs >= sinceMs);
  }

  #lastFailure(startMs: number): number | undefined {
    const lastMs = Math.max(startMs, ...this.#failedSince(startMs).map(({ endMs }) => endMs));
    // Sent after the last failure, so that a login that hangs is not overlooked.
    const isWell = (node: RunningServer) =>
      this.logins.some(
        (login) => login.node === node && login.sentMs > lastMs + quietMs && login.sessionId !== undefined,
      );
    return this.#nodes.every(isWell) ? lastMs : undefined;
  }

  async #repeat(node: RunningServer, user: BenchUser): Promise<void> {
    while (!this.#isOver) {
      const login = await logIn(node, user);
      this.logins.push(login);
      await pause(login.sessionId === undefined ? afterFailureMs : afterSuccessMs);
    }
  }
}

async function logIn(node: RunningServer, { email, deviceToken }: BenchUser): Promise<Login> {
  const sentMs = performance.now();
  const response = await fetch(`${node.url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password, deviceToken }),
  });
  const body = (await response.json()) as { readonly code?: string; readonly data?: { readonly sessionId?: string } };
  const { status } = response;
  return { node, sentMs, endMs: performance.now(), status, code: body.code ?? '', sessionId: body.data?.sessionId };
}

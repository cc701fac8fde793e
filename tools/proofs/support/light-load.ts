/** Registrations and readiness probes on each node, one after another, while a dependency refuses. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { client } from '../../../e2e/support/client.ts';
import type { RunningServer } from '../../../e2e/support/server.ts';
import { eventually } from '../../../packages/server/test/support/wait.ts';

const betweenRequestsMs = 50;
const betweenProbesMs = 100;
/** A node is well when nothing went wrong for so long. */
const quietMs = 2000;
const timeoutMs = 30_000;

interface Sample {
  readonly node: RunningServer;
  readonly atMs: number;
  readonly isGood: boolean;
}

interface RegistrationSample extends Sample {
  readonly status: number;
  readonly code: string | undefined;
  readonly hasRetryAfter: boolean;
}

interface ProbeSample extends Sample {
  readonly detail: string;
}

export class LightLoad {
  readonly registrations: RegistrationSample[] = [];
  readonly probes: ProbeSample[] = [];
  /** Emails of the registrations that were acknowledged. */
  readonly acknowledged: string[] = [];
  readonly #nodes: readonly RunningServer[];
  readonly #check: string;
  readonly #loops: Promise<unknown>;
  #isOver = false;

  /** @param check the name of the dependency in verbose `/readyz`. */
  constructor(nodes: readonly RunningServer[], check: string) {
    this.#nodes = nodes;
    this.#check = check;
    this.#loops = Promise.all(
      nodes.flatMap((node) => [
        this.#repeat(() => this.#register(node), betweenRequestsMs),
        this.#repeat(() => this.#probe(node), betweenProbesMs),
      ]),
    );
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#loops;
  }

  /** Waits until every node has refused a registration with Retry-After; returns when the last one did it first. */
  async refusedSince(startMs: number): Promise<number> {
    const isRefusal = ({ atMs, status, hasRetryAfter }: RegistrationSample) =>
      atMs >= startMs && status === 503 && hasRetryAfter;
    return this.#onAllNodes('every node refuses', (node) =>
      this.registrations.find((sample) => sample.node === node && isRefusal(sample)),
    );
  }

  /** Waits until every node shows a reason in its readiness; returns when the last one did it first. */
  async reasonSince(startMs: number): Promise<number> {
    return this.#onAllNodes('every node shows a reason', (node) =>
      this.probes.find(({ node: of, atMs, isGood }) => of === node && atMs >= startMs && !isGood),
    );
  }

  reasons(startMs: number): string[] {
    const since = this.probes.filter(({ atMs, isGood }) => atMs >= startMs && !isGood);
    return [...new Set(since.map(({ detail }) => detail))];
  }

  /** Waits until all nodes are well; returns the time of the last failure. */
  async wellSince(startMs: number): Promise<number> {
    return eventually(() => this.#lastFailure(startMs), { what: 'every node is well', timeoutMs });
  }

  #lastFailure(startMs: number): number | undefined {
    const samples: readonly Sample[] = [...this.registrations, ...this.probes];
    const failures = samples.filter(({ isGood, atMs }) => !isGood && atMs >= startMs);
    const lastMs = Math.max(startMs, ...failures.map(({ atMs }) => atMs));
    const isSeen = (of: readonly Sample[]) =>
      this.#nodes.every((node) => of.some((sample) => sample.node === node && sample.atMs > lastMs + quietMs));
    return isSeen(this.registrations) && isSeen(this.probes) ? lastMs : undefined;
  }

  async #onAllNodes(what: string, find: (node: RunningServer) => Sample | undefined): Promise<number> {
    const found = await Promise.all(
      this.#nodes.map((node) => eventually(() => find(node), { what, timeoutMs: timeoutMs })),
    );
    return Math.max(...found.map(({ atMs }) => atMs));
  }

  async #repeat(work: () => Promise<void>, restMs: number): Promise<void> {
    while (!this.#isOver) {
      await work();
      await pause(restMs);
    }
  }

  async #register(node: RunningServer): Promise<void> {
    const email = `${randomUUID()}@example.com`;
    const result = await client(node.url).register({ email, password: 'correct horse battery' });
    if (result.ok) this.acknowledged.push(email);
    this.registrations.push({
      node,
      atMs: performance.now(),
      isGood: result.ok,
      status: result.status,
      code: result.ok ? undefined : result.code,
      hasRetryAfter: result.headers.has('retry-after'),
    });
  }

  async #probe(node: RunningServer): Promise<void> {
    const response = await fetch(`${node.opsUrl}/readyz?verbose`);
    const { checks } = (await response.json()) as { readonly checks: Readonly<Record<string, string>> };
    const detail = checks[this.#check] ?? 'no such check';
    this.probes.push({ node, atMs: performance.now(), isGood: response.ok && detail === 'ok', detail });
  }
}

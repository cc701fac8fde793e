/**
 * Finds the server that accepts writes among several. All are tried at the same time, so that one that does not respond
 * delays nothing, and one that is being promoted is tried again while another has not responded.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Endpoint } from '../options.ts';
import { explainFailure, type Timeline } from './connecting.ts';

/** How long the others may take to respond after the first that accepts writes: one of them may be on a newer timeline. */
const settleMs = 200;
const againMs = 200;

/** A server that accepts writes. */
export interface Writable {
  readonly endpoint: Endpoint;
  readonly timeline: Timeline | undefined;
}

/** Connects to a server; rejects when it does not accept writes. */
export type Examine = (endpoint: Endpoint, signal: AbortSignal) => Promise<Writable>;

/** The message has one reason for each server. */
export class NoServer extends Error {
  override name = 'NoServer';
}

/**
 * The newest timeline of each cluster that was found, so that an old primary is not taken for the primary again: it was
 * started without `pg_rewind` after its standby was promoted, and its writes would be lost.
 */
export class SeenTimelines {
  readonly #newest = new Map<string, number>();

  /** Throws when the cluster has been on a newer timeline. */
  check({ timeline }: Writable): void {
    if (timeline === undefined) return;
    const newest = this.#newest.get(timeline.cluster) ?? 0;
    if (timeline.number >= newest) return;
    throw new Error(
      `it is on timeline ${timeline.number} of the cluster, whose primary is on timeline ${newest}: an old primary ` +
        'that was started again without pg_rewind',
    );
  }

  note({ timeline }: Writable): void {
    if (timeline !== undefined) this.#newest.set(timeline.cluster, timeline.number);
  }
}

/**
 * Returns the server that accepts writes; of several, the one on the newest timeline, then the first of the settings.
 *
 * @throws NoServer once each server has responded or failed, which its timeout bounds.
 */
export async function findServer(
  endpoints: readonly Endpoint[],
  examine: Examine,
  seen: SeenTimelines,
): Promise<Endpoint> {
  const found: (Writable | undefined)[] = endpoints.map(() => undefined);
  const failures: unknown[] = endpoints.map(() => undefined);
  const responded = new Set<number>();
  const ending = new AbortController();
  const first = Promise.withResolvers<void>();
  const ask = async (endpoint: Endpoint, index: number): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        const writable = await examine(endpoint, ending.signal);
        seen.check(writable);
        found[index] = writable;
        first.resolve();
      } catch (error) {
        failures[index] = error;
      }
      responded.add(index);
      if (found[index] !== undefined || responded.size === endpoints.length) return;
      await pause(againMs);
    }
  };
  const all = Promise.all(endpoints.map(ask));
  await Promise.race([all, first.promise.then(() => pause(settleMs))]);
  ending.abort();
  const best = newest(found.filter((each) => each !== undefined));
  if (best === undefined) throw new NoServer(describe(endpoints, failures));
  seen.note(best);
  return best.endpoint;
}

function newest(found: readonly Writable[]): Writable | undefined {
  let best: Writable | undefined;
  for (const each of found) {
    if (best === undefined || isNewer(each.timeline, best.timeline)) best = each;
  }
  return best;
}

function isNewer(one: Timeline | undefined, other: Timeline | undefined): boolean {
  return one !== undefined && other !== undefined && one.cluster === other.cluster && one.number > other.number;
}

function describe(endpoints: readonly Endpoint[], failures: readonly unknown[]): string {
  const reasons = endpoints.map(({ host, port }, index) => `${host}:${port}: ${explainFailure(failures[index])}`);
  return `none of the servers accepts writes (${reasons.join('; ')})`;
}

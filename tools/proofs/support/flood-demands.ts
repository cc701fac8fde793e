/** What a flood must not do, and the table that says whether it did. */
import { quantileOf } from '../../../bench/support/windows.ts';
import type { FloodReport } from './flood-thread.ts';
import { allowedStatuses, type FloodKind } from './flood-traffic.ts';
import type { WatchReport } from './watch-thread.ts';

/** Everything that was seen. */
export interface Seen {
  /** Hashes a second at saturation, before the flood. */
  readonly capacity: number;
  readonly seconds: number;
  readonly flood: FloodReport;
  readonly watch: WatchReport;
  /** By the server's own count, from before the flood to behind its last answer. */
  readonly hashes: number;
  readonly refusedHashes: number;
  /** Resident megabytes: medians of a while after the start of the flood and of its end. */
  readonly earlyMegabytes: number;
  readonly lateMegabytes: number;
  /** From the last answer of the flood to a login. */
  readonly loginAfterSeconds: number;
}

/** One line of the table. */
export interface Demand {
  readonly what: string;
  readonly found: string;
  readonly demanded: string;
  readonly holds: boolean;
}

/** Floors of docs/guides/speed.md. */
const sessionP99Ms = 15;
/** At once: a small part of the second that those who wait for a hash wait. */
const refusalP99Ms = 250;
const growthAtMost = 1.1;
const loginWithinSeconds = 5;
/** The hashes share two cores with PostgreSQL and with the load itself, and the first measurement was shorter. */
const hashesAtMost = 1.25;
/** Below it, work that is refused is done at the expense of work that is not. */
const hashesAtLeast = 0.4;

/** All of them. */
export function demandsOf(seen: Seen): Demand[] {
  return [...answerDemands(seen), ...hashDemands(seen), ...watchDemands(seen), ...afterDemands(seen)];
}

function answerDemands({ flood }: Seen): Demand[] {
  const strange = Object.entries(flood.answers).filter(([name]) => !isAllowed(name));
  const { due, answered, notSent, unanswered, broken } = flood.offered;
  const p99 = quantileOf(flood.milliseconds[503] ?? [], 0.99);
  return [
    demand('answers other than the expected', describe(strange), 'none', strange.length === 0),
    demand('requests without an answer', `${due - answered}`, 'none', due === answered),
    demand('not sent, for want of a connection', `${notSent}`, 'none', notSent === 0),
    demand('still under way at the end', `${unanswered}`, 'none', unanswered === 0),
    demand('connections broken', describe(Object.entries(broken)), 'none', Object.keys(broken).length === 0),
    demand('429 and 503 without Retry-After', `${flood.withoutRetryAfter}`, 'none', flood.withoutRetryAfter === 0),
    demand('503 at once: p99', `${p99.toFixed(1)} ms`, `≤ ${refusalP99Ms} ms`, p99 <= refusalP99Ms),
    ...[200, 201, 401, 429, 503].map((status) => {
      const count = flood.milliseconds[status]?.length ?? 0;
      return demand(`answers with ${status}`, `${count}`, 'some', count > 0);
    }),
  ];
}

function hashDemands({ flood, capacity, seconds, hashes, refusedHashes }: Seen): Demand[] {
  const count = (status: number) => flood.milliseconds[status]?.length ?? 0;
  const judged = count(200) + count(201) + count(401);
  const share = hashes / seconds / capacity;
  return [
    demand('503 that the hash queue counted', `${refusedHashes}`, `${count(503)}`, refusedHashes === count(503)),
    demand('hashes that the hash queue counted', `${hashes}`, `${judged}`, hashes === judged),
    demand(
      'hashes in the flood, of the capacity',
      `${(share * 100).toFixed(0)} %`,
      `${hashesAtLeast * 100}–${hashesAtMost * 100} %`,
      share >= hashesAtLeast && share <= hashesAtMost,
    ),
  ];
}

function watchDemands({ watch }: Seen): Demand[] {
  const p99 = quantileOf(watch.sessionMilliseconds, 0.99);
  const livezP99 = quantileOf(watch.livezMilliseconds, 0.99);
  const others = Object.entries(watch.statuses).filter(([status]) => status !== '200');
  const { due, answered } = watch.offered;
  return [
    demand('session checks: p99', `${p99.toFixed(1)} ms`, `≤ ${sessionP99Ms} ms`, p99 <= sessionP99Ms),
    demand('/livez: p99', `${livezP99.toFixed(1)} ms`, `≤ ${sessionP99Ms} ms`, livezP99 <= sessionP99Ms),
    demand('either without an answer', `${due - answered}`, 'none', due === answered),
    demand('either with another answer than 200', describe(others), 'none', others.length === 0),
  ];
}

function afterDemands({ earlyMegabytes, lateMegabytes, loginAfterSeconds }: Seen): Demand[] {
  const growth = lateMegabytes / earlyMegabytes;
  return [
    demand(
      'memory, seconds 10 to 25 and the last 15',
      `${earlyMegabytes.toFixed(0)} and ${lateMegabytes.toFixed(0)} MB`,
      `≤ ${growthAtMost} ×`,
      growth <= growthAtMost,
    ),
    demand(
      'a login behind the flood',
      `${loginAfterSeconds.toFixed(2)} s`,
      `≤ ${loginWithinSeconds} s`,
      loginAfterSeconds <= loginWithinSeconds,
    ),
  ];
}

function isAllowed(name: string): boolean {
  const kind = name.slice(0, -4) as FloodKind;
  return allowedStatuses[kind].includes(Number(name.slice(-3)));
}

function describe(counts: readonly (readonly [string, number])[]): string {
  return counts.length === 0 ? 'none' : counts.map(([name, count]) => `${name}: ${count}`).join(', ');
}

function demand(what: string, found: string, demanded: string, holds: boolean): Demand {
  return { what, found, demanded, holds };
}

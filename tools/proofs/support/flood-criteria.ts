/** The criteria of the flood proof, and their evaluation. */
import { quantileOf } from '../../../bench/support/windows.ts';
import type { FloodReport } from './flood-thread.ts';
import { allowedStatuses, type FloodKind } from './flood-traffic.ts';
import type { WatchReport } from './watch-thread.ts';

/** The measurements of one run. */
export interface Measured {
  /** Hashes a second at saturation, before the flood. */
  readonly capacity: number;
  readonly seconds: number;
  readonly flood: FloodReport;
  readonly watch: WatchReport;
  /** From the server's metrics, before the flood until after its last response. */
  readonly hashes: number;
  readonly refusedHashes: number;
  /** Resident memory: medians of seconds 10 to 25 and of the last 15. */
  readonly earlyMegabytes: number;
  readonly lateMegabytes: number;
  /** From the last response of the flood to a successful login. */
  readonly loginAfterSeconds: number;
}

/** One line of the table. */
export interface Criterion {
  readonly name: string;
  readonly found: string;
  readonly required: string;
  readonly holds: boolean;
}

/** Floors of docs/guides/speed.md. */
const sessionP99Ms = 15;
/** A refusal must not wait in the hash queue, where a request waits for about a second. */
const refusalP99Ms = 250;
const growthAtMost = 1.1;
const loginWithinSeconds = 5;
/** The hashes share two cores with PostgreSQL and with the load itself, and the first measurement was shorter. */
const hashesAtMost = 1.25;
/** Below it, work that is refused is done at the expense of work that is not. */
const hashesAtLeast = 0.4;

/** All of them. */
export function criteriaOf(seen: Measured): Criterion[] {
  return [...answerCriteria(seen), ...hashCriteria(seen), ...watchCriteria(seen), ...afterCriteria(seen)];
}

function answerCriteria({ flood }: Measured): Criterion[] {
  const strange = Object.entries(flood.answers).filter(([name]) => !isAllowed(name));
  const { due, responded, notSent, withoutResponse, broken } = flood.offered;
  const p99 = quantileOf(flood.milliseconds[503] ?? [], 0.99);
  return [
    criterion('answers other than the expected', describe(strange), 'none', strange.length === 0),
    criterion('requests without an answer', `${due - responded}`, 'none', due === responded),
    criterion('not sent, for want of a connection', `${notSent}`, 'none', notSent === 0),
    criterion('still under way at the end', `${withoutResponse}`, 'none', withoutResponse === 0),
    criterion('connections broken', describe(Object.entries(broken)), 'none', Object.keys(broken).length === 0),
    criterion('429 and 503 without Retry-After', `${flood.withoutRetryAfter}`, 'none', flood.withoutRetryAfter === 0),
    criterion('503 at once: p99', `${p99.toFixed(1)} ms`, `≤ ${refusalP99Ms} ms`, p99 <= refusalP99Ms),
    ...[200, 201, 401, 429, 503].map((status) => {
      const count = flood.milliseconds[status]?.length ?? 0;
      return criterion(`answers with ${status}`, `${count}`, 'some', count > 0);
    }),
  ];
}

function hashCriteria({ flood, capacity, seconds, hashes, refusedHashes }: Measured): Criterion[] {
  const count = (status: number) => flood.milliseconds[status]?.length ?? 0;
  const judged = count(200) + count(201) + count(401);
  const share = hashes / seconds / capacity;
  return [
    criterion('503 that the hash queue counted', `${refusedHashes}`, `${count(503)}`, refusedHashes === count(503)),
    criterion('hashes that the hash queue counted', `${hashes}`, `${judged}`, hashes === judged),
    criterion(
      'hashes in the flood, of the capacity',
      `${(share * 100).toFixed(0)} %`,
      `${hashesAtLeast * 100}–${hashesAtMost * 100} %`,
      share >= hashesAtLeast && share <= hashesAtMost,
    ),
  ];
}

function watchCriteria({ watch }: Measured): Criterion[] {
  const p99 = quantileOf(watch.sessionMilliseconds, 0.99);
  const livezP99 = quantileOf(watch.livezMilliseconds, 0.99);
  const others = Object.entries(watch.statuses).filter(([status]) => status !== '200');
  const { due, responded } = watch.offered;
  return [
    criterion('session checks: p99', `${p99.toFixed(1)} ms`, `≤ ${sessionP99Ms} ms`, p99 <= sessionP99Ms),
    criterion('/livez: p99', `${livezP99.toFixed(1)} ms`, `≤ ${sessionP99Ms} ms`, livezP99 <= sessionP99Ms),
    criterion('either without an answer', `${due - responded}`, 'none', due === responded),
    criterion('either with another answer than 200', describe(others), 'none', others.length === 0),
  ];
}

function afterCriteria({ earlyMegabytes, lateMegabytes, loginAfterSeconds }: Measured): Criterion[] {
  const growth = lateMegabytes / earlyMegabytes;
  return [
    criterion(
      'memory, seconds 10 to 25 and the last 15',
      `${earlyMegabytes.toFixed(0)} and ${lateMegabytes.toFixed(0)} MB`,
      `≤ ${growthAtMost} ×`,
      growth <= growthAtMost,
    ),
    criterion(
      'a login after the flood',
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

function criterion(name: string, found: string, required: string, holds: boolean): Criterion {
  return { name, found, required, holds };
}

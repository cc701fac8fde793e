/**
 * Load shedding: while the event loop stays late, requests are rejected at once, the most expensive and least urgent ones first.
 * A request that waits for seconds is no longer of use to its client, which has sent it again; rejecting it keeps the others fast.
 */
import type { Endpoint } from '../endpoint.ts';

/**
 * `low`: pages, sign-ups and logins, which may hash and begin work. `normal`: requests of a session. `high`: session checks, on
 * which applications depend for each of their requests.
 */
export type Priority = 'low' | 'normal' | 'high';

/** Nothing is shed at level 0; at level 1 `low`, at 2 `normal` too, at 3 all but probes and documents. */
export type SheddingLevel = 0 | 1 | 2 | 3;

/**
 * The lateness of the event loop from which each priority is shed, in milliseconds. libuv handles many batches of I/O before it
 * comes back to its timers, so a timer is late by the time of all of them, and a request by that of one.
 */
export const shedFromMs: Readonly<Record<Priority, number>> = { low: 1000, normal: 2000, high: 4000 };

const levels: Readonly<Record<Priority, SheddingLevel>> = { low: 1, normal: 2, high: 3 };

/** The time for which lateness must last, and for which it must be gone. */
export const sustainedMs = 2000;

/**
 * Fewer measurements decide nothing. One long stall (a long query on the embedded database, a suspended process) is a single
 * measurement, and the requests that waited for its end are served.
 */
export const decisiveMeasurements = 3;

/** The lateness of a timer: how long after its time it ran. */
export interface Measurement {
  readonly atMs: number;
  readonly lateMs: number;
}

/**
 * The next level. The least lateness of the last two seconds raises it, the greatest one lowers it, so that it does not change
 * with each measurement.
 *
 * Example: bounds 1,000, 2,000 and 4,000; late by 1,100, 2,100, 1,150, 20, 0, 0 … ms. After the third measurement the least is
 * 1,100: level 1, though one was above 2,000. It stays as long as the 1,150 is of the last two seconds, and is 0 when the greatest
 * is 20.
 *
 * @param recent the oldest first, as `recentMeasurements` keeps them.
 */
export function nextLevel(level: SheddingLevel, recent: readonly Measurement[]): SheddingLevel {
  if (recent.length < decisiveMeasurements) return level;
  const late = recent.map(({ lateMs }) => lateMs);
  const [least, greatest] = [levelAt(Math.min(...late)), levelAt(Math.max(...late))];
  if (least > level) return least;
  return greatest < level ? greatest : level;
}

/** The measurements that decide: those of the last two seconds, and at least three. */
export function recentMeasurements(earlier: readonly Measurement[], newest: Measurement): readonly Measurement[] {
  const all = [...earlier, newest];
  const since = newest.atMs - sustainedMs;
  const keptByTime = all.filter(({ atMs }) => atMs >= since).length;
  return all.slice(-Math.max(keptByTime, decisiveMeasurements));
}

function levelAt(lateMs: number): SheddingLevel {
  if (lateMs >= shedFromMs.high) return 3;
  if (lateMs >= shedFromMs.normal) return 2;
  return lateMs >= shedFromMs.low ? 1 : 0;
}

const lowClasses: ReadonlySet<Endpoint['rateLimit']> = new Set(['public', 'pages', 'credential', 'mail']);

/**
 * Undefined for what is never shed: probes and documents, which cost less than their rejection, and endpoints of this machine's
 * operator.
 */
export function priorityOf(endpoint: Endpoint): Priority | undefined {
  if (endpoint.kind === 'document' || endpoint.loopbackOnly === true) return undefined;
  if (endpoint.kind === 'page' || lowClasses.has(endpoint.rateLimit)) return 'low';
  return endpoint.isSessionCheck === true ? 'high' : 'normal';
}

/** The level from which requests of this priority are shed. */
export function sheddingLevelOf(priority: Priority | undefined): number {
  return priority === undefined ? Number.POSITIVE_INFINITY : levels[priority];
}

/** The worker thread that measures session checks and `/livez` at a constant rate. */
import { parentPort, workerData } from 'node:worker_threads';
import { type OpenLoadResult, runOpenLoad } from '../../../bench/support/open-load.ts';
import { requestBytes } from '../../../bench/support/requests.ts';

export interface WatchOrder {
  readonly port: number;
  readonly seconds: number;
  readonly accessTokens: readonly string[];
}

/** Times are measured from the moment a request was due. */
export interface WatchReport {
  readonly offered: OpenLoadResult;
  readonly sessionMilliseconds: readonly number[];
  readonly livezMilliseconds: readonly number[];
  /** The delay of this thread in sending, which measures the load of the machine. */
  readonly lateMilliseconds: readonly number[];
  readonly statuses: Readonly<Record<string, number>>;
}

const perSecond = 100;
/** Every tenth request goes to `/livez`. */
const livezEvery = 10;

const { port, seconds, accessTokens } = workerData as WatchOrder;
const livez = requestBytes('GET', '/livez');
const checks = accessTokens.map((token) => requestBytes('GET', '/api/v1/auth/session', { token }));
const sessionMilliseconds: number[] = [];
const livezMilliseconds: number[] = [];
const lateMilliseconds: number[] = [];
const statuses: Record<string, number> = {};

const offered = await runOpenLoad<boolean>({
  port,
  perSecond,
  seconds,
  maxConnections: 100,
  next: (number) => {
    const isSession = number % livezEvery !== 0;
    return { bytes: isSession ? (checks[number % checks.length] as Buffer) : livez, context: isSession };
  },
  onResponse: (isSession, { status, milliseconds }, lateMs) => {
    (isSession ? sessionMilliseconds : livezMilliseconds).push(milliseconds);
    lateMilliseconds.push(lateMs);
    statuses[status] = (statuses[status] ?? 0) + 1;
  },
});
const report = { offered, sessionMilliseconds, livezMilliseconds, lateMilliseconds, statuses };
parentPort?.postMessage(report satisfies WatchReport);

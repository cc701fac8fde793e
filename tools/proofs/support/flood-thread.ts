/** The worker thread that sends the flood, so that its CPU time does not delay the measuring thread. */
import { parentPort, workerData } from 'node:worker_threads';
import type { LoadResponse } from '../../../bench/support/load.ts';
import { type OpenLoadResult, runOpenLoad } from '../../../bench/support/open-load.ts';
import type { BenchUser } from '../../../bench/support/users.ts';
import { type FloodKind, floodRequest } from './flood-traffic.ts';

export interface FloodOrder {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly people: readonly BenchUser[];
}

export interface FloodReport {
  readonly offered: OpenLoadResult;
  /** By `<kind> <status>`. */
  readonly answers: Readonly<Record<string, number>>;
  /** Milliseconds from the time that a request was due to its response, by status. */
  readonly milliseconds: Readonly<Record<string, readonly number[]>>;
  /** Responses 429 and 503 without `Retry-After`. */
  readonly withoutRetryAfter: number;
  /** Counts of problem codes. */
  readonly codes: Readonly<Record<string, number>>;
}

/** Enough for a server that stalls for one second; without stalls about two hundred are open. */
const maxConnections = 2000;

const { port, perSecond, seconds, people } = workerData as FloodOrder;
const answers: Record<string, number> = {};
const milliseconds: Record<string, number[]> = {};
const codes: Record<string, number> = {};
let withoutRetryAfter = 0;

function answered(kind: FloodKind, answer: LoadResponse): void {
  const { status } = answer;
  count(answers, `${kind} ${status}`);
  milliseconds[status] ??= [];
  milliseconds[status].push(answer.milliseconds);
  if (status < 400) return;
  const text = answer.bytes.toString('latin1');
  count(codes, `${status} ${/"code":"(\w+)"/.exec(text)?.[1] ?? 'without a code'}`);
  if ((status === 503 || status === 429) && !/\r\nretry-after: [1-9]/i.test(text)) withoutRetryAfter += 1;
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

const next = (number: number) => floodRequest(people, number);
const offered = await runOpenLoad({ port, perSecond, seconds, maxConnections, next, onResponse: answered });
parentPort?.postMessage({ offered, answers, milliseconds, withoutRetryAfter, codes } satisfies FloodReport);

/** The requests of a usual day at a steady rate, counted by the phase of a rehearsal in which they were due. */
import type { LoadResponse } from '../../../bench/support/load.ts';
import { runOpenLoad } from '../../../bench/support/open-load.ts';
import type { BenchUser } from '../../../bench/support/users.ts';
import { quantileOf } from '../../../bench/support/windows.ts';
import type { SmtpSink } from '../../../e2e/support/smtp-sink.ts';
import { eventually } from '../../../packages/server/test/support/wait.ts';
import { type MixedContext, MixedTraffic } from './mixed-traffic.ts';

interface PhaseContext extends MixedContext {
  readonly phase: Phase;
}

/** The requests of a phase. */
export interface Phase {
  readonly name: string;
  readonly milliseconds: number[];
  /** Rejected requests by operation and status. */
  readonly failures: Map<string, number>;
}

export interface TrafficOptions {
  readonly port: number;
  readonly perSecond: number;
  readonly users: readonly BenchUser[];
  readonly sessions: ConstructorParameters<typeof MixedTraffic>[1];
  readonly cookies: readonly string[];
  readonly sink: SmtpSink;
}

/** Longer than any rehearsal. */
const mostSeconds = 7200;
/** Enough for a pause of ten seconds: a request that waits is late, and none is left out. */
const mostConnections = 1000;

/** Begins at once, and goes on until it is stopped. */
export class SteadyTraffic {
  readonly phases: Phase[] = [];
  readonly #recipients = new Set<string>();
  readonly #sink: SmtpSink;
  readonly #load: ReturnType<typeof runOpenLoad<PhaseContext>>;
  #isStopped = false;
  #due = 0;

  constructor(options: TrafficOptions, firstPhase: string) {
    const traffic = new MixedTraffic(options.users, options.sessions, options.cookies);
    this.#sink = options.sink;
    this.begin(firstPhase);
    this.#load = runOpenLoad<PhaseContext>({
      port: options.port,
      perSecond: options.perSecond,
      seconds: mostSeconds,
      maxConnections: mostConnections,
      shouldEnd: () => this.#isStopped,
      next: () => {
        const { bytes, context } = traffic.next();
        this.#due += 1;
        return { bytes, context: { ...context, phase: this.#phase } };
      },
      onResponse: (context, response) => {
        traffic.onResponse(context, response);
        context.phase.milliseconds.push(response.milliseconds);
        if (context.recipient !== undefined && response.status < 400) this.#recipients.add(context.recipient);
        if (response.status >= 400) count(context.phase.failures, `${context.operation}: ${reasonOf(response)}`);
      },
    });
  }

  /** From now on requests belong to this phase. */
  begin(name: string): void {
    this.phases.push({ name, milliseconds: [], failures: new Map() });
  }

  /** Waits until so many requests were sent in all. */
  async reach(requests: number): Promise<void> {
    const timeoutMs = mostSeconds * 1000;
    await eventually(() => this.#due >= requests, { what: `${requests} requests were sent`, timeoutMs });
  }

  /** Returns what went wrong beside rejected requests: connections that broke, requests and mails that were lost. */
  async stop(): Promise<string[]> {
    this.#isStopped = true;
    const { broken, notSent, withoutResponse } = await this.#load;
    const missing = await this.#missingMails();
    return [
      ...Object.entries(broken).map(([reason, times]) => `${times} requests without response: ${reason}`),
      ...(notSent > 0 ? [`${notSent} requests for which no connection was free`] : []),
      ...(withoutResponse > 0 ? [`${withoutResponse} requests without response`] : []),
      ...(missing > 0 ? [`${missing} mails that did not arrive`] : []),
    ];
  }

  get mails(): number {
    return this.#recipients.size;
  }

  get #phase(): Phase {
    return this.phases.at(-1) as Phase;
  }

  async #missingMails(): Promise<number> {
    const missing = () => [...this.#recipients].filter((to) => this.#sink.acceptedFor(to).length === 0).length;
    // The number of missing mails is more informative than an error.
    await eventually(() => missing() === 0, { what: 'every mail has arrived', timeoutMs: 30_000 }).catch(() => false);
    return missing();
  }
}

/** Requests, failures and latencies of each phase, for a table. */
export function phaseRows(phases: readonly Phase[]): (string | number)[][] {
  return phases.map(({ name, milliseconds, failures }) => [
    name,
    milliseconds.length,
    [...failures].map(([what, times]) => `${times} × ${what}`).join(', ') || '0',
    Math.round(quantileOf(milliseconds, 0.5)),
    Math.round(quantileOf(milliseconds, 0.99)),
    Math.round(milliseconds.reduce((longest, each) => Math.max(longest, each), 0)),
  ]);
}

/** The requests of all phases that have a response, and those of them that were rejected. */
export function countRequests(phases: readonly Phase[]): { readonly sent: number; readonly failed: number } {
  const failed = phases.flatMap(({ failures }) => [...failures.values()]).reduce((sum, times) => sum + times, 0);
  return { sent: phases.reduce((sum, { milliseconds }) => sum + milliseconds.length, 0), failed };
}

/** A response without a code is the balancer's own. */
function reasonOf({ status, bytes }: LoadResponse): string {
  const code = /"code":"(\w+)"/.exec(bytes.toString('latin1'))?.[1] ?? 'by the balancer';
  return `${status} ${code}`;
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** The metrics of several processes as one. */
import { type MetricSnapshot, mergeMetrics, renderMetrics } from '#platform/telemetry/index.ts';
import type { ServingProcess } from './serving-process.ts';

/**
 * Counters never decrease: those of an ended process are kept, since a smaller sum would look like a restart to Prometheus,
 * which then counts the whole sum again.
 */
export class MergedMetrics {
  readonly #latest = new Map<ServingProcess, readonly MetricSnapshot[]>();
  #ofEnded: readonly MetricSnapshot[] = [];

  async keepCounters(ended: ServingProcess): Promise<void> {
    const latest = this.#latest.get(ended) ?? [];
    this.#latest.delete(ended);
    const counters = latest.filter(({ type }) => type === 'counter' || type === 'histogram');
    this.#ofEnded = await mergeMetrics([this.#ofEnded, counters]);
  }

  /** A process that does not answer now is represented by its last answer. */
  async render(processes: readonly ServingProcess[], own: readonly MetricSnapshot[]): Promise<string> {
    await Promise.all(
      processes.map(async (each) => {
        const snapshot = await each.ask('metrics');
        if (snapshot !== undefined) this.#latest.set(each, snapshot);
      }),
    );
    return renderMetrics([this.#ofEnded, ...this.#latest.values(), own]);
  }
}

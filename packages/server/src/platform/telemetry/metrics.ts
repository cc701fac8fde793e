/** Prometheus metrics, as `metric-list.ts` declares them. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type Latencies, LatencyHistograms, Tallies, type Tally } from './latency.ts';
import type { MetricSnapshot } from './merging.ts';
import {
  type CounterName,
  definitionOf,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  type MetricName,
  metricList,
} from './metric-list.ts';

/** The content type of `Metrics.render`. */
export const metricsContentType: string = Registry.PROMETHEUS_CONTENT_TYPE;

export interface RouteMetrics {
  /** A request has arrived; `end` follows once. */
  begin(): void;
  end(): void;
  /** Counts one response. */
  observe(status: number, seconds: number): void;
  /** Counts one response to bytes that are no request. */
  count(status: number): void;
}

/** One round trip to the database. */
interface StatementObservation {
  readonly name: string;
  readonly lane: string;
  readonly milliseconds: number;
  readonly outcome: 'ok' | 'error';
}

/** The value of one combination of labels. */
type Sample<N extends MetricName> = readonly [labels: LabelsOf<N>, value: number];

export interface Metrics {
  /** Called once for each route at start; `route` is the pattern, never a path. */
  route(method: string, route: string): RouteMetrics;
  observeStatement(observation: StatementObservation): void;
  count<N extends CounterName>(name: N, labels: LabelsOf<N>, by?: number): void;
  set<N extends GaugeName>(name: N, labels: LabelsOf<N>, value: number): void;
  observe<N extends HistogramName>(name: N, labels: LabelsOf<N>, seconds: number): void;
  /** A metric whose value is read at each scrape; a counter never decreases. */
  watch<N extends CounterName | GaugeName>(name: N, read: () => number | readonly Sample<N>[]): void;
  /** All metrics in Prometheus text format. */
  render(): Promise<string>;
  /** All metrics, to be merged with those of other processes. */
  snapshot(): Promise<MetricSnapshot[]>;
}

/**
 * The metrics of a process, in a registry of their own, so that one test can have two of them.
 *
 * @param options `processMetrics: false` leaves out those of Node (event loop lag, memory, handles), which need a timer.
 */
export function createMetrics(options: { readonly processMetrics?: boolean } = {}): Metrics {
  return new ProcessMetrics(options.processMetrics ?? true);
}

/**
 * Labels come from closed sets. This bound limits what a mistake in that can cost: further combinations of labels of a
 * metric are dropped and counted.
 */
const combinationsAtMost = 500;

/** Gauges whose names end in `_total`, which Prometheus' linter rejects; each has a twin without the suffix. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

type Labels = Readonly<Record<string, string>>;

class ProcessMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #requests: Tallies;
  readonly #durations: LatencyHistograms;
  readonly #inFlight = { requests: 0 };
  readonly #histograms = new Map<HistogramName, LatencyHistograms>();
  readonly #operations = new Map<string, Map<string, Latencies>>();
  readonly #children = new Map<HistogramName, Map<string, Latencies>>();
  readonly #values = new Map<MetricName, Counter | Gauge>();
  readonly #combinations = new Map<MetricName, Set<string>>();

  constructor(processMetrics: boolean) {
    const requests = 'http_requests_total';
    this.#requests = new Tallies(requests, metricList[requests].help);
    this.#durations = this.#histogram('http_request_duration_seconds');
    for (const name of Object.keys(metricList) as MetricName[]) {
      if (definitionOf(name).kind === 'histogram') this.#histogram(name as HistogramName);
    }
    this.watch('http_requests_in_flight', () => this.#inFlight.requests);
    if (!processMetrics) return;
    collectDefaultMetrics({ register: this.#registry });
    for (const name of misnamed) this.#registry.removeSingleMetric(name);
  }

  route(method: string, route: string): RouteMetrics {
    return new RouteObservations(this.#requests, this.#durations, this.#inFlight, { method, route });
  }

  observeStatement({ name, lane, milliseconds, outcome }: StatementObservation): void {
    this.#operation(name, lane).observe(milliseconds / 1000);
    if (outcome === 'error') this.count('db_query_errors_total', { operation: name });
  }

  count<N extends CounterName>(name: N, labels: LabelsOf<N>, by = 1): void {
    if (this.#admits(name, labels)) (this.#value(name) as Counter).inc(labels, by);
  }

  set<N extends GaugeName>(name: N, labels: LabelsOf<N>, value: number): void {
    if (this.#admits(name, labels)) (this.#value(name) as Gauge).set(labels, value);
  }

  observe<N extends HistogramName>(name: N, labels: LabelsOf<N>, seconds: number): void {
    const known = this.#children.get(name) ?? new Map<string, Latencies>();
    this.#children.set(name, known);
    const key = keyOf(labels);
    let child = known.get(key);
    if (child === undefined) {
      if (!this.#admits(name, labels)) return;
      child = this.#histogram(name).child(labels);
      known.set(key, child);
    }
    child.observe(seconds);
  }

  watch<N extends CounterName | GaugeName>(name: N, read: () => number | readonly Sample<N>[]): void {
    this.#value(name, function collect(this: Counter | Gauge) {
      const value = read();
      const samples =
        typeof value === 'number' ? ([[{}, value]] as const) : (value as readonly (readonly [Labels, number])[]);
      this.reset();
      for (const [labels, sample] of samples) this.inc(labels, sample);
    });
  }

  async render(): Promise<string> {
    const histograms = [...this.#histograms.values()].map((histogram) => histogram.render());
    const parts = [this.#requests.render(), ...histograms, await this.#registry.metrics()];
    return `${parts.join('\n\n').trimEnd()}\n`;
  }

  async snapshot(): Promise<MetricSnapshot[]> {
    const others = (await this.#registry.getMetricsAsJSON()) as unknown as MetricSnapshot[];
    const histograms = [...this.#histograms.values()].map((histogram) => histogram.snapshot());
    return [this.#requests.snapshot(), ...histograms, ...others];
  }

  #histogram(name: HistogramName): LatencyHistograms {
    const { help, buckets = [] } = definitionOf(name);
    const histogram = this.#histograms.get(name) ?? new LatencyHistograms(name, help, buckets);
    this.#histograms.set(name, histogram);
    return histogram;
  }

  /** The counter or gauge of this name, registered at its first use: what a process does not have, it does not show. */
  #value(name: CounterName | GaugeName, collect?: (this: Counter | Gauge) => void): Counter | Gauge {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const { kind, help, labels = {}, merge = 'sum' } = definitionOf(name);
    const options = { name, help, labelNames: Object.keys(labels), registers: [this.#registry], aggregator: merge };
    const made =
      kind === 'counter'
        ? new Counter({ ...options, ...(collect && { collect }) })
        : new Gauge({ ...options, ...(collect && { collect }) });
    this.#values.set(name, made);
    return made;
  }

  #admits(name: MetricName, labels: Labels): boolean {
    const known = this.#combinations.get(name) ?? new Set<string>();
    this.#combinations.set(name, known);
    const key = keyOf(labels);
    if (known.has(key)) return true;
    if (known.size >= combinationsAtMost) {
      this.count('telemetry_dropped_total', { signal: 'metrics' });
      return false;
    }
    known.add(key);
    return true;
  }

  #operation(name: string, lane: string): Latencies {
    let lanes = this.#operations.get(name);
    if (lanes === undefined) {
      lanes = new Map();
      this.#operations.set(name, lanes);
    }
    let latencies = lanes.get(lane);
    if (latencies === undefined) {
      latencies = this.#histogram('db_query_duration_seconds').child({ operation: name, lane });
      lanes.set(lane, latencies);
    }
    return latencies;
  }
}

function keyOf(labels: Labels): string {
  return Object.values(labels).join('\n');
}

class RouteObservations implements RouteMetrics {
  readonly #requests: Tallies;
  readonly #durations: LatencyHistograms;
  readonly #inFlight: { requests: number };
  readonly #labels: { readonly method: string; readonly route: string };
  readonly #byStatus: (Tally | undefined)[] = [];
  readonly #byClass: (Latencies | undefined)[] = [];

  constructor(
    requests: Tallies,
    durations: LatencyHistograms,
    inFlight: { requests: number },
    labels: { readonly method: string; readonly route: string },
  ) {
    this.#requests = requests;
    this.#durations = durations;
    this.#inFlight = inFlight;
    this.#labels = labels;
  }

  begin(): void {
    this.#inFlight.requests += 1;
  }

  end(): void {
    this.#inFlight.requests -= 1;
  }

  observe(status: number, seconds: number): void {
    this.count(status);
    const first = Math.trunc(status / 100);
    const latencies = this.#byClass[first] ?? this.#durations.child({ ...this.#labels, status: `${first}xx` });
    this.#byClass[first] = latencies;
    latencies.observe(seconds);
  }

  count(status: number): void {
    const tally = this.#byStatus[status] ?? this.#requests.child({ ...this.#labels, status_code: String(status) });
    this.#byStatus[status] = tally;
    tally.count += 1;
  }
}

/** The metrics of several processes as one: each metric is summed, or combined as its `aggregator` says. */
import { AggregatorRegistry } from 'prom-client';

/** One metric of a process at one time; it survives structured cloning. */
export interface MetricSnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly aggregator: string;
  readonly values: readonly {
    readonly metricName?: string;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly value: number;
  }[];
}

export async function mergeMetrics(processes: readonly (readonly MetricSnapshot[])[]): Promise<MetricSnapshot[]> {
  return (await AggregatorRegistry.aggregate([...processes]).getMetricsAsJSON()) as unknown as MetricSnapshot[];
}

/** In Prometheus text format. */
export function renderMetrics(processes: readonly (readonly MetricSnapshot[])[]): Promise<string> {
  return AggregatorRegistry.aggregate([...processes]).metrics();
}

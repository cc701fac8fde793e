/**
 * Structured logs, metrics (docs/guides/operating.md), and the W3C trace id that joins a line with the caller's trace.
 * Owns no table.
 * Invariants: a log line has the typed fields of `LogFields` only, so it cannot contain a body, a header, a path or a query;
 * the labels of every metric come from closed sets (route patterns, statement names, job kinds).
 */
export { scrub } from './error-description.ts';
export { createLogger, type LogFields, type Logger, type LoggerOptions, type LogLevel } from './logger.ts';
export { type MetricSnapshot, mergeMetrics, renderMetrics } from './merging.ts';
export { type MetricName, metricList, metricsPage } from './metric-list.ts';
export { createMetrics, type Metrics, metricsContentType, type RouteMetrics, type Sample } from './metrics.ts';
export { readTraceId } from './trace-context.ts';

/**
 * What an operator sees of the running program: structured logs, metrics under the names of docs/guides/operating.md, and
 * the W3C trace id that ties a line to the caller's trace.
 * Owns no table.
 * Invariants: a log line is made only of the closed set of typed fields in `LogFields`, so a body, a header, a path or a
 * query has no way in; every metric's labels come from closed sets (route patterns, statement names, job kinds).
 */
export { createLogger, type LogFields, type Logger, type LoggerOptions, type LogLevel } from './logger.ts';
export { createMetrics, type Metrics, metricsContentType, type RouteMetrics } from './metrics.ts';
export { readTraceId } from './trace-context.ts';

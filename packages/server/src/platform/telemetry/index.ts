/**
 * Structured logs, metrics (docs/reference/metrics.md), traces, error reports and profiles. Owns no table.
 * Invariants: a log line has the typed fields of `LogFields` only, and a span those of `SpanAttributes`, so they cannot contain a
 * body, a header, a path or a query; the labels of every metric come from closed sets (route patterns, statement names, job kinds);
 * an error report has nothing that the log line has not; a profile has names and places of functions, and no values;
 * OpenTelemetry's SDK is loaded only when traces are exported, and the encoder of profiles only when they are pushed.
 */
export { scrub } from './error-description.ts';
export { ErrorReports, type SendEnvelope } from './error-reports.ts';
export {
  createLogger,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  type ReportedLine,
} from './logger.ts';
export { type MetricSnapshot, mergeMetrics, renderMetrics } from './merging.ts';
export { metricList, metricsPage } from './metric-list.ts';
export { createMetrics, type Metrics, metricsContentType, type RouteMetrics } from './metrics.ts';
export { openTracer } from './open-tracer.ts';
export { ProfilePush, type ProfileWindow } from './profile-push.ts';
export { type ProfileKind, Profiles } from './profiles.ts';
export {
  currentSpan,
  currentTraceparent,
  inSpan,
  runInSpan,
  type Span,
  type SpanAttributes,
} from './spans.ts';
export { parseTraceparent } from './trace-context.ts';
export type { Tracer } from './tracer.ts';

/**
 * The service level objective: 99.9 % of requests succeed, over 30 days. Alerts compare how fast the error budget is used in a
 * long and a short window (Google, The Site Reliability Workbook, chapter 5): the long one ignores short disturbances, the
 * short one ends the alert soon after the disturbance.
 */
import type { Alert } from './alerts.ts';

export interface RecordingRule {
  readonly name: string;
  readonly expression: string;
}

const budget = 0.001;

/** Probes are not requests of users, and a node that stops fails them on purpose. */
const requests = 'job="latchkey",route!~"/livez|/readyz|/healthz|/metrics"';

const windows = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const;

type Window = (typeof windows)[number];

function errorRatio(window: Window): string {
  return `latchkey:http_requests:error_ratio_rate${window}`;
}

export const recordingRules: readonly RecordingRule[] = [
  ...windows.map((window) => ({
    name: errorRatio(window),
    // Without the second operand the ratio is absent, and the dashboards empty, until the first error.
    expression: `(sum(rate(http_requests_total{${requests},status_code=~"5.."}[${window}])) or 0 * sum(rate(http_requests_total{${requests}}[${window}]))) / sum(rate(http_requests_total{${requests}}[${window}]))`,
  })),
  {
    name: 'latchkey:http_request_duration_seconds:p95_rate10m',
    expression: `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{${requests}}[10m])))`,
  },
  {
    name: 'latchkey:db_query_duration_seconds:p95_rate10m',
    expression: 'histogram_quantile(0.95, sum by (le) (rate(db_query_duration_seconds_bucket{job="latchkey"}[10m])))',
  },
];

interface Burn {
  readonly name: string;
  readonly factor: number;
  readonly long: Window;
  readonly short: Window;
  readonly holds: string;
  readonly severity: Alert['severity'];
  readonly used: string;
}

/** At factor 1 the budget lasts exactly 30 days. */
const burns: readonly Burn[] = [
  { name: 'Fastest', factor: 14.4, long: '1h', short: '5m', holds: '2m', severity: 'page', used: '2 % in an hour' },
  { name: 'Fast', factor: 6, long: '6h', short: '30m', holds: '15m', severity: 'page', used: '5 % in six hours' },
  { name: 'Slow', factor: 3, long: '1d', short: '2h', holds: '1h', severity: 'ticket', used: '10 % in a day' },
  { name: 'Slowest', factor: 1, long: '3d', short: '6h', holds: '3h', severity: 'ticket', used: '10 % in three days' },
];

export const burnAlerts: readonly Alert[] = burns.map(({ name, factor, long, short, holds, severity, used }) => {
  const limit = Number((factor * budget).toFixed(4));
  return {
    name: `LatchkeyErrorBudgetBurn${name}`,
    expression: `${errorRatio(long)} > ${limit} and ${errorRatio(short)} > ${limit}`,
    holds,
    severity,
    summary: `{{ $value | humanizePercentage }} of requests fail, which uses more than ${used} of the error budget of 30 days.`,
    runbook: 'error-budget',
  };
});

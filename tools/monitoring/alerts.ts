/** The alerts of deploy/prometheus/latchkey.rules.yml. Each has a runbook in docs/runbooks, and cases in alert-cases.ts. */
import { burnAlerts } from './objectives.ts';

/** An alert pages when waiting until the next working day costs users their access; otherwise it opens a ticket. */
export type Severity = 'page' | 'ticket';

export interface Alert {
  readonly name: string;
  /** PromQL; the alert fires for each series that it returns. */
  readonly expression: string;
  /** How long the expression must hold, as `2m`. */
  readonly holds: string;
  readonly severity: Severity;
  /** Prometheus' template of one sentence. */
  readonly summary: string;
  /** The page in docs/runbooks, without `.md`. */
  readonly runbook: string;
}

export interface AlertGroup {
  readonly name: string;
  readonly alerts: readonly Alert[];
}

const availability: readonly Alert[] = [
  {
    name: 'LatchkeyDown',
    expression: 'up{job="latchkey"} == 0',
    holds: '2m',
    severity: 'page',
    summary: '{{ $labels.instance }} does not respond to scrapes.',
    runbook: 'node-down',
  },
  {
    name: 'LatchkeyAbsent',
    expression: 'absent(up{job="latchkey"})',
    holds: '5m',
    severity: 'page',
    summary: 'Prometheus has no target with the job "latchkey".',
    runbook: 'node-down',
  },
  {
    name: 'LatchkeyRestarts',
    expression:
      'sum by (instance) (changes(process_start_time_seconds{job="latchkey"}[30m])) > 2 or sum by (instance) (increase(serving_process_deaths_total{job="latchkey"}[30m])) > 2',
    holds: '0m',
    severity: 'ticket',
    summary: '{{ $labels.instance }} restarted {{ $value | printf "%.0f" }} times in half an hour.',
    runbook: 'restarts',
  },
  {
    name: 'LatchkeyRevocationFeedStale',
    expression: 'max by (instance) (revocation_feed_age_seconds{job="latchkey"}) > 5',
    holds: '1m',
    severity: 'page',
    summary: '{{ $labels.instance }} last read the revocation feed {{ $value | humanizeDuration }} ago.',
    runbook: 'revocation-feed',
  },
];

const latency: readonly Alert[] = [
  {
    name: 'LatchkeySlowRequests',
    expression: 'latchkey:http_request_duration_seconds:p95_rate10m > 0.2',
    holds: '10m',
    severity: 'ticket',
    summary: 'One in twenty requests takes longer than {{ $value | humanizeDuration }}.',
    runbook: 'slow-requests',
  },
  {
    name: 'LatchkeyHashQueueFull',
    expression:
      'sum by (instance) (rate(password_hashes_refused_total{job="latchkey"}[5m])) > 0.1 and sum by (instance) (increase(password_hashes_refused_total{job="latchkey"}[5m])) > 10',
    holds: '5m',
    severity: 'page',
    summary:
      '{{ $labels.instance }} rejects {{ $value | printf "%.1f" }} logins per second, because its hash queue is full.',
    runbook: 'hash-queue',
  },
  {
    name: 'LatchkeyEventLoopBlocked',
    expression: 'max by (instance) (nodejs_eventloop_lag_p99_seconds{job="latchkey"}) > 0.2',
    holds: '5m',
    severity: 'ticket',
    summary: 'The event loop of {{ $labels.instance }} is late by {{ $value | humanizeDuration }}.',
    runbook: 'event-loop',
  },
];

const database: readonly Alert[] = [
  {
    name: 'LatchkeySlowDatabase',
    expression: 'latchkey:db_query_duration_seconds:p95_rate10m > 0.05',
    holds: '10m',
    severity: 'ticket',
    summary: 'One in twenty round trips to the database takes longer than {{ $value | humanizeDuration }}.',
    runbook: 'slow-database',
  },
  {
    name: 'LatchkeyDatabaseErrors',
    expression:
      'sum by (instance) (rate(db_query_errors_total{job="latchkey"}[5m])) / sum by (instance) (rate(db_query_duration_seconds_count{job="latchkey"}[5m])) > 0.01',
    holds: '5m',
    severity: 'page',
    summary: '{{ $value | humanizePercentage }} of the round trips of {{ $labels.instance }} to the database fail.',
    runbook: 'database-errors',
  },
  {
    name: 'LatchkeyPoolExhausted',
    expression: 'min_over_time(db_pool_waiting{job="latchkey"}[5m]) > 0',
    holds: '5m',
    severity: 'ticket',
    summary: '{{ $value | printf "%.0f" }} callers of {{ $labels.instance }} wait for a database connection.',
    runbook: 'connection-pool',
  },
];

const work: readonly Alert[] = [
  {
    name: 'LatchkeyMailQueued',
    expression: 'max(jobs_queue_depth{job="latchkey",kind="mail.send"}) > 50',
    holds: '10m',
    severity: 'page',
    summary: '{{ $value | printf "%.0f" }} mails are due and not sent.',
    runbook: 'mail-not-sent',
  },
  {
    name: 'LatchkeyMailFails',
    expression:
      'sum(rate(email_jobs_processed_total{job="latchkey",status!~"sent|withheld|dropped"}[15m])) / sum(rate(email_jobs_processed_total{job="latchkey"}[15m])) > 0.2',
    holds: '10m',
    severity: 'page',
    summary: '{{ $value | humanizePercentage }} of the attempts to send a mail fail.',
    runbook: 'mail-not-sent',
  },
  {
    name: 'LatchkeyJobsQueued',
    expression: 'max by (kind) (jobs_queue_depth{job="latchkey",kind!="mail.send"}) > 100',
    holds: '15m',
    severity: 'ticket',
    summary: '{{ $value | printf "%.0f" }} jobs of the kind {{ $labels.kind }} are due and do not run.',
    runbook: 'jobs-not-run',
  },
  {
    name: 'LatchkeyOutboundFails',
    expression:
      'sum by (purpose) (rate(outbound_request_duration_seconds_count{job="latchkey",outcome!="answered"}[10m])) / sum by (purpose) (rate(outbound_request_duration_seconds_count{job="latchkey"}[10m])) > 0.2',
    holds: '10m',
    severity: 'ticket',
    summary: '{{ $value | humanizePercentage }} of the outbound requests for {{ $labels.purpose }} fail.',
    runbook: 'outbound-requests',
  },
];

const resources: readonly Alert[] = [
  {
    name: 'LatchkeyMemory',
    expression:
      'sum by (instance) (process_resident_memory_bytes{job="latchkey"}) > 600e6 * clamp_min(sum by (instance) (serving_processes{job="latchkey"}) or sum by (instance) (up{job="latchkey"}), 1)',
    holds: '15m',
    severity: 'ticket',
    summary: '{{ $labels.instance }} uses {{ $value | humanize1024 }}B of memory.',
    runbook: 'memory',
  },
  {
    name: 'LatchkeyFileDescriptors',
    expression:
      'max by (instance) (process_open_fds{job="latchkey"}) / max by (instance) (process_max_fds{job="latchkey"}) > 0.8',
    holds: '5m',
    severity: 'ticket',
    summary: '{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its file descriptors.',
    runbook: 'file-descriptors',
  },
];

const abuse: readonly Alert[] = [
  {
    name: 'LatchkeyFailedLogins',
    expression:
      'sum(rate(http_requests_total{job="latchkey",method="POST",route=~"/api/v1/auth/login|/login",status_code=~"401|429"}[10m])) > 1 and sum(rate(http_requests_total{job="latchkey",method="POST",route=~"/api/v1/auth/login|/login",status_code=~"401|429"}[10m])) / sum(rate(http_requests_total{job="latchkey",method="POST",route=~"/api/v1/auth/login|/login"}[10m])) > 0.5',
    holds: '10m',
    severity: 'ticket',
    summary: '{{ $value | printf "%.1f" }} logins per second fail, more than half of all.',
    runbook: 'failed-logins',
  },
];

export const alertGroups: readonly AlertGroup[] = [
  { name: 'latchkey.objectives', alerts: burnAlerts },
  { name: 'latchkey.availability', alerts: availability },
  { name: 'latchkey.latency', alerts: latency },
  { name: 'latchkey.database', alerts: database },
  { name: 'latchkey.work', alerts: work },
  { name: 'latchkey.resources', alerts: resources },
  { name: 'latchkey.abuse', alerts: abuse },
];

export const alerts: readonly Alert[] = alertGroups.flatMap((group) => group.alerts);

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
  {
    name: 'LatchkeyNotReady',
    expression:
      'min by (instance, check) (readiness{job="latchkey",check=~"process|database|revocations|keys|schema"}) == 0',
    holds: '2m',
    severity: 'page',
    summary: '{{ $labels.instance }} is not ready: the check {{ $labels.check }} fails.',
    runbook: 'not-ready',
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
  {
    name: 'LatchkeyReconnects',
    expression: 'sum by (instance, lane) (increase(db_reconnects_total{job="latchkey"}[10m])) > 5',
    holds: '0m',
    severity: 'ticket',
    summary:
      '{{ $labels.instance }} lost or could not open {{ $value | printf "%.0f" }} connections of the lane {{ $labels.lane }}.',
    runbook: 'database-errors',
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
  {
    name: 'LatchkeyMailSlow',
    expression: 'histogram_quantile(0.95, sum by (le) (rate(mail_delivery_seconds_bucket{job="latchkey"}[15m]))) > 60',
    holds: '10m',
    severity: 'ticket',
    summary: 'One in twenty mails takes longer than {{ $value | humanizeDuration }}.',
    runbook: 'mail-not-sent',
  },
  {
    name: 'LatchkeyJobsOverdue',
    expression: 'max by (kind) (jobs_oldest_due_seconds{job="latchkey"}) > 600',
    holds: '5m',
    severity: 'ticket',
    summary: 'A job of the kind {{ $labels.kind }} has been due for {{ $value | humanizeDuration }}.',
    runbook: 'jobs-not-run',
  },
  {
    name: 'LatchkeyDeadJobs',
    expression: 'max by (kind) (jobs_dead{job="latchkey"}) > max by (kind) (jobs_dead{job="latchkey"} offset 1h)',
    holds: '0m',
    severity: 'ticket',
    summary:
      'Jobs of the kind {{ $labels.kind }} have used up their attempts; there are {{ $value | printf "%.0f" }} now.',
    runbook: 'jobs-not-run',
  },
  {
    name: 'LatchkeyCircuitOpen',
    expression: 'max by (service) (breaker_open{job="latchkey"}) == 1',
    holds: '5m',
    severity: 'ticket',
    summary: 'The service {{ $labels.service }} fails so often that requests to it are paused.',
    runbook: 'outbound-requests',
  },
  {
    name: 'LatchkeyRedisDown',
    expression: 'min by (instance) (redis_up{job="latchkey"}) == 0',
    holds: '5m',
    severity: 'ticket',
    summary: '{{ $labels.instance }} does not reach Redis, and counts limits by itself.',
    runbook: 'redis',
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
  {
    name: 'LatchkeyTelemetryDropped',
    expression: 'sum by (instance, signal) (increase(telemetry_dropped_total{job="latchkey"}[15m])) > 0',
    holds: '15m',
    severity: 'ticket',
    summary:
      '{{ $labels.instance }} dropped {{ $value | printf "%.0f" }} {{ $labels.signal }} in a quarter of an hour.',
    runbook: 'telemetry-dropped',
  },
];

const abuse: readonly Alert[] = [
  {
    name: 'LatchkeyFailedLogins',
    expression:
      'sum(rate(logins_total{job="latchkey",outcome="failed"}[10m])) > 1 and sum(rate(logins_total{job="latchkey",outcome="failed"}[10m])) / sum(rate(logins_total{job="latchkey"}[10m])) > 0.5',
    holds: '10m',
    severity: 'ticket',
    summary: '{{ $value | printf "%.1f" }} logins per second fail, more than half of all.',
    runbook: 'failed-logins',
  },
  {
    name: 'LatchkeyTokensReused',
    expression: 'sum(increase(refreshes_total{job="latchkey",outcome="reused"}[1h])) > 10',
    holds: '0m',
    severity: 'ticket',
    summary: '{{ $value | printf "%.0f" }} refresh tokens were presented a second time within an hour.',
    runbook: 'reused-tokens',
  },
  {
    name: 'LatchkeySigningKeyOld',
    expression: 'max(signing_key_age_seconds{job="latchkey"}) > 180 * 86400',
    holds: '1h',
    severity: 'ticket',
    summary: 'The signing key has been in use for {{ $value | humanizeDuration }}.',
    runbook: 'signing-key',
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

/**
 * All metrics of ours, as data: `createMetrics` registers them, and docs/reference/metrics.md is generated from them.
 * A label has the values of a closed set, which its text names: a client can add no time series.
 */

interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Each label with the set of its values. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The upper bounds of a histogram's buckets, in seconds. */
  readonly buckets?: readonly number[];
  /** How the values of several processes are combined; counters and histograms are summed. */
  readonly merge?: 'sum' | 'max' | 'min' | 'first';
  /** The deployments that do not have the metric. */
  readonly unless?: string;
}

const requestSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
/** Fewer, because there are more statements than routes. */
const statementSeconds = [0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 2.5] as const;
const waitSeconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
const jobSeconds = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300] as const;
/** A mail is retried for a day. */
const deliverySeconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 7200, 86_400] as const;

const route = 'pattern of the route, or `unmatched`';
const method = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS or OTHER';
const kind = 'kind of job';

export const metricList = {
  http_requests_total: {
    kind: 'counter',
    help: 'Responses, requests that the HTTP parser rejects included.',
    labels: { method, route, status_code: 'status of the response' },
  },
  http_request_duration_seconds: {
    kind: 'histogram',
    help: 'Duration of requests, from the head to the complete response.',
    labels: { method, route, status: '`2xx`, `3xx`, `4xx` or `5xx`' },
    buckets: requestSeconds,
  },
  http_requests_in_flight: { kind: 'gauge', help: 'Requests without a response yet.' },
  http_requests_shed_total: {
    kind: 'counter',
    help: 'Requests rejected with 503 because the event loop was late.',
    labels: { priority: 'low (pages, sign-ups and logins), normal (requests of a session) or high (session checks)' },
  },
  rate_limit_refusals_total: {
    kind: 'counter',
    help: 'Requests rejected with 429.',
    labels: {
      class:
        'class of the endpoint (docs/security/limits.md): public, pages, authenticated, admin, credential, mail, …',
    },
  },
  user_registrations_total: { kind: 'counter', help: 'Users registered.' },
  logins_total: {
    kind: 'counter',
    help: 'Proofs of logins in progress. A login with a second factor is `step_required` first, then `succeeded`.',
    labels: {
      method: 'the proof: password, login_link, passkey, totp, … (the `by` of the audit event)',
      outcome: 'succeeded, step_required, failed (a wrong proof) or refused (another reason)',
    },
  },
  refreshes_total: {
    kind: 'counter',
    help: 'Refresh tokens presented.',
    labels: { outcome: 'refreshed, refused, or reused (the session is revoked)' },
  },
  sessions_ended_total: {
    kind: 'counter',
    help: 'Sessions that ended before their expiry.',
    labels: { reason: 'logout, ended_by_user, password_changed, … (`end_reason` of the session)' },
  },
  session_cache_hits_total: { kind: 'counter', help: 'Session checks served from the cache.' },
  session_cache_misses_total: { kind: 'counter', help: 'Session checks that queried the database.' },
  revocation_feed_age_seconds: {
    kind: 'gauge',
    help: 'Seconds since the last successful read of the revocation feed; `/readyz` fails at 5 s.',
    merge: 'max',
  },
  signing_key_age_seconds: { kind: 'gauge', help: 'Seconds since the active signing key signs.', merge: 'max' },
  password_hash_queue_depth: { kind: 'gauge', help: 'Password hashes that wait in the queue.' },
  password_hash_wait_seconds: {
    kind: 'histogram',
    help: 'How long a password hash waited in the queue.',
    buckets: waitSeconds,
  },
  password_hashes_total: { kind: 'counter', help: 'Password hashes computed.' },
  password_hashes_refused_total: { kind: 'counter', help: 'Password hashes rejected because the queue was full.' },
  db_query_duration_seconds: {
    kind: 'histogram',
    help: 'Duration of round trips to the database.',
    labels: {
      operation: 'name of the statement (docs/reference/statements.md), begin, commit or rollback',
      lane: 'lane',
    },
    buckets: statementSeconds,
  },
  db_query_errors_total: {
    kind: 'counter',
    help: 'Round trips to the database that failed.',
    labels: { operation: 'name of the statement' },
  },
  db_pool_connections: {
    kind: 'gauge',
    help: 'Open connections of the pool.',
    unless: 'on the embedded database',
  },
  db_pool_waiting: {
    kind: 'gauge',
    help: 'Callers that wait for a pooled connection.',
    unless: 'on the embedded database',
  },
  db_lane_in_flight: {
    kind: 'gauge',
    help: 'Statements without a response yet.',
    labels: { lane: 'read, write or counter' },
    unless: 'on the embedded database',
  },
  db_reconnects_total: {
    kind: 'counter',
    help: 'Connections of a lane that were lost or could not be opened.',
    labels: { lane: 'read, write or counter' },
    unless: 'on the embedded database',
  },
  db_replica_reads_total: {
    kind: 'counter',
    help: 'Statements that may lag: read from the replica, or from the primary because the replica was away or lagged.',
    labels: { server: 'replica or primary' },
    unless: 'without `DATABASE_REPLICA_URL`',
  },
  redis_up: {
    kind: 'gauge',
    help: '1 while the last command of Redis succeeded, else 0.',
    merge: 'min',
    unless: 'without `REDIS_URL`',
  },
  outbound_request_duration_seconds: {
    kind: 'histogram',
    help: 'Duration of outbound requests.',
    labels: { purpose: 'feature that sends the request', outcome: '`answered` or the reason of the failure' },
    buckets: requestSeconds,
  },
  breaker_open: {
    kind: 'gauge',
    help: '1 while the circuit to a service is open, else 0; of several servers of one service, whether one is.',
    labels: { service: '`smtp` or the purpose of outbound requests' },
    merge: 'max',
  },
  jobs_queue_depth: {
    kind: 'gauge',
    help: 'Due jobs that no worker has claimed. All processes report the same: use `max`.',
    labels: { kind },
    merge: 'max',
  },
  jobs_oldest_due_seconds: {
    kind: 'gauge',
    help: 'How long the oldest due job has been waiting. All processes report the same: use `max`.',
    labels: { kind },
    merge: 'max',
  },
  jobs_dead: {
    kind: 'gauge',
    help: 'Dead letters: jobs whose attempts are used up. All processes report the same: use `max`.',
    labels: { kind },
    merge: 'max',
  },
  job_duration_seconds: {
    kind: 'histogram',
    help: 'Duration of attempts at a job.',
    labels: { kind, outcome: 'done, retry, wait, dead, or lost (another worker had claimed it)' },
    buckets: jobSeconds,
  },
  email_jobs_processed_total: {
    kind: 'counter',
    help: 'Attempts to send a mail.',
    labels: {
      type: 'template of the mail',
      status: 'sent, dropped, withheld, refused, failed, in_doubt or unavailable',
    },
  },
  mail_delivery_seconds: {
    kind: 'histogram',
    help: 'From the commit that caused a mail to the acceptance of the mail server.',
    buckets: deliverySeconds,
  },
  readiness: {
    kind: 'gauge',
    help: '1 while a check of `/readyz?verbose` passes, else 0.',
    labels: { check: 'process, database, revocations, keys, schema, and redis, clock, smtp, … where configured' },
    merge: 'min',
  },
  telemetry_dropped_total: {
    kind: 'counter',
    help: 'Spans, error reports and profiles that were not delivered; samples beyond the bound of time series.',
    labels: { signal: 'traces, errors, profiles or metrics' },
  },
  latchkey_info: {
    kind: 'gauge',
    help: 'Always 1.',
    labels: { version: 'release of Latchkey', node: 'version of Node.js' },
    merge: 'first',
  },
  serving_processes: {
    kind: 'gauge',
    help: 'Serving processes that are ready.',
    unless: 'without `--processes`',
  },
  serving_process_deaths_total: {
    kind: 'counter',
    help: 'Serving processes that ended.',
    unless: 'without `--processes`',
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

type List = typeof metricList;
export type MetricName = keyof List;
type NamesOf<K extends MetricDefinition['kind']> = {
  [N in MetricName]: List[N]['kind'] extends K ? N : never;
}[MetricName];
export type CounterName = NamesOf<'counter'>;
export type GaugeName = NamesOf<'gauge'>;
export type HistogramName = NamesOf<'histogram'>;

/** The labels of one metric, all of them. */
export type LabelsOf<N extends MetricName> = List[N] extends { readonly labels: infer L }
  ? { readonly [K in keyof L]: string }
  : Readonly<Record<never, string>>;

/** The definition without its literal types. */
export function definitionOf(name: MetricName): MetricDefinition {
  return metricList[name];
}

/** The page docs/reference/metrics.md. */
export function metricsPage(): string {
  const rows = (Object.keys(metricList) as MetricName[]).map((name) => {
    const { kind: type, help, labels = {}, unless } = definitionOf(name);
    const meanings = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`);
    const meaning = unless === undefined ? help : `${help} Absent ${unless}.`;
    return `| \`${name}\` | ${type} | ${meaning} | ${meanings.join('; ')} |`;
  });
  return `${[...pageHead, ...rows].join('\n')}\n`;
}

const pageHead = [
  '# Metrics',
  '',
  'Generated from the code by `npm run generate`; do not edit.',
  '',
  "`/metrics` of the operator's listener has these, and those of Node.js (`nodejs_*`, `process_*`). With `--processes` the parent",
  'merges the metrics of all processes: it adds counters, histograms and most gauges; of gauges that describe something shared it',
  'takes the worst value.',
  '',
  '| metric | type | meaning | labels |',
  '|---|---|---|---|',
];

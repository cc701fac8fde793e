/** The panels of the Grafana dashboards in deploy/grafana. */
import type { Dashboard, Panel } from './grafana.ts';

/** The variable `instance` is "All" or some of the nodes. */
const node = 'job="latchkey",instance=~"$instance"';
/** Probes and scrapes would hide how long requests of people take. */
const requests = `${node},route!~"/livez|/readyz|/healthz|/metrics"`;
const range = '$__rate_interval';

const rate = (name: string, labels = node) => `rate(${name}{${labels}}[${range}])`;
const quantile = (q: number, name: string, labels: string, by = '') =>
  `histogram_quantile(${q}, sum by (le${by}) (${rate(`${name}_bucket`, labels)}))`;
const quantiles = (name: string, labels: string) =>
  [0.5, 0.95, 0.99].map((q) => ({ expression: quantile(q, name, labels), legend: `p${q * 100}` }));

const traffic: readonly Panel[] = [
  {
    title: 'Requests',
    description: 'Requests per second by status, without probes.',
    unit: 'reqps',
    stacked: true,
    queries: [
      { expression: `sum by (status_code) (${rate('http_requests_total', requests)})`, legend: '{{status_code}}' },
    ],
  },
  {
    title: 'Failing requests',
    description: 'Share of requests with a status of 500 or more. The objective is 0.1 %.',
    unit: 'percentunit',
    queries: [
      { expression: 'latchkey:http_requests:error_ratio_rate5m', legend: '5 minutes' },
      { expression: 'latchkey:http_requests:error_ratio_rate1h', legend: '1 hour' },
      { expression: 'latchkey:http_requests:error_ratio_rate3d', legend: '3 days' },
    ],
  },
  {
    title: 'Error budget left',
    description: 'Share of the error budget that is left if the next 27 days are like the last three.',
    kind: 'stat',
    unit: 'percentunit',
    queries: [{ expression: '1 - latchkey:http_requests:error_ratio_rate3d / 0.001', legend: 'left' }],
  },
  {
    title: 'Duration of requests',
    description: 'Quantiles over all routes, without probes.',
    unit: 's',
    queries: quantiles('http_request_duration_seconds', requests),
  },
  {
    title: 'Slowest routes',
    description: 'The ten routes with the highest p95.',
    unit: 's',
    queries: [
      {
        expression: `topk(10, ${quantile(0.95, 'http_request_duration_seconds', requests, ', method, route')})`,
        legend: '{{method}} {{route}}',
      },
    ],
  },
  {
    title: 'Busiest routes',
    description: 'The ten routes with the most requests per second.',
    unit: 'reqps',
    queries: [
      {
        expression: `topk(10, sum by (method, route) (${rate('http_requests_total', requests)}))`,
        legend: '{{method}} {{route}}',
      },
    ],
  },
];

const people: readonly Panel[] = [
  {
    title: 'Registrations',
    description: 'Accounts registered per second.',
    unit: 'ops',
    queries: [{ expression: `sum(${rate('user_registrations_total')})`, legend: 'registrations' }],
  },
  {
    title: 'Logins',
    description: 'Proofs of logins per second by method and outcome. A wrong proof is failed.',
    unit: 'ops',
    stacked: true,
    queries: [{ expression: `sum by (method, outcome) (${rate('logins_total')})`, legend: '{{method}} {{outcome}}' }],
  },
  {
    title: 'Refresh tokens',
    description: 'Refresh tokens presented per second. A reused one revokes its session.',
    unit: 'ops',
    queries: [{ expression: `sum by (outcome) (${rate('refreshes_total')})`, legend: '{{outcome}}' }],
  },
  {
    title: 'Ended sessions',
    description: 'Sessions that ended before their expiry, per second by reason.',
    unit: 'ops',
    stacked: true,
    queries: [{ expression: `sum by (reason) (${rate('sessions_ended_total')})`, legend: '{{reason}}' }],
  },
  {
    title: 'Limits',
    description: 'Requests rejected with 429 per second, by class.',
    unit: 'reqps',
    queries: [{ expression: `sum by (class) (${rate('rate_limit_refusals_total')})`, legend: '{{class}}' }],
  },
  {
    title: 'Session checks from memory',
    description: 'Share of session checks that needed no query.',
    unit: 'percentunit',
    queries: [
      {
        expression: `sum(${rate('session_cache_hits_total')}) / (sum(${rate('session_cache_hits_total')}) + sum(${rate('session_cache_misses_total')}))`,
        legend: 'from memory',
      },
    ],
  },
  {
    title: 'Password hashes',
    description: 'Hashes computed, and logins rejected because the queue was full, per second.',
    unit: 'ops',
    queries: [
      { expression: `sum(${rate('password_hashes_total')})`, legend: 'computed' },
      { expression: `sum(${rate('password_hashes_refused_total')})`, legend: 'rejected' },
    ],
  },
  {
    title: 'Queue of password hashes',
    description: 'Hashes that wait, by node. At the configured length logins are rejected.',
    unit: 'short',
    queries: [{ expression: `password_hash_queue_depth{${node}}`, legend: '{{instance}}' }],
  },
  {
    title: 'Wait for a password hash',
    description: 'Quantiles of the time that a hash waited in the queue.',
    unit: 's',
    queries: quantiles('password_hash_wait_seconds', node),
  },
  {
    title: 'Age of the revocation feed',
    description: 'Time since a node last read the revocation feed. Above one second session checks query the database.',
    unit: 's',
    queries: [{ expression: `revocation_feed_age_seconds{${node}}`, legend: '{{instance}}' }],
  },
];

const database: readonly Panel[] = [
  {
    title: 'Duration of round trips to the database',
    description: 'Quantiles over all statements.',
    unit: 's',
    queries: quantiles('db_query_duration_seconds', node),
  },
  {
    title: 'p95 by lane',
    description: 'One slow statement of a lane delays those behind it.',
    unit: 's',
    queries: [{ expression: quantile(0.95, 'db_query_duration_seconds', node, ', lane'), legend: '{{lane}}' }],
  },
  {
    title: 'Slowest statements',
    description: 'The ten statements with the highest p95.',
    unit: 's',
    queries: [
      {
        expression: `topk(10, ${quantile(0.95, 'db_query_duration_seconds', node, ', operation')})`,
        legend: '{{operation}}',
      },
    ],
  },
  {
    title: 'Round trips',
    description: 'Round trips per second by lane.',
    unit: 'ops',
    stacked: true,
    queries: [{ expression: `sum by (lane) (${rate('db_query_duration_seconds_count')})`, legend: '{{lane}}' }],
  },
  {
    title: 'Failed round trips',
    description: 'Statements that returned an error, per second.',
    unit: 'ops',
    queries: [{ expression: `sum by (operation) (${rate('db_query_errors_total')})`, legend: '{{operation}}' }],
  },
  {
    title: 'Connection pool',
    description: 'Open connections of the pool, and callers that wait for one. Lanes have connections of their own.',
    unit: 'short',
    queries: [
      { expression: `sum by (instance) (db_pool_connections{${node}})`, legend: '{{instance}} open' },
      { expression: `sum by (instance) (db_pool_waiting{${node}})`, legend: '{{instance}} waiting' },
    ],
  },
  {
    title: 'Statements in flight',
    description: 'Statements without a response yet, by lane.',
    unit: 'short',
    queries: [{ expression: `sum by (lane) (db_lane_in_flight{${node}})`, legend: '{{lane}}' }],
  },
  {
    title: 'Lost connections',
    description: 'Connections of a lane that were lost or could not be opened, per second.',
    unit: 'ops',
    queries: [
      { expression: `sum by (instance, lane) (${rate('db_reconnects_total')})`, legend: '{{instance}} {{lane}}' },
    ],
  },
];

const work: readonly Panel[] = [
  {
    title: 'Due jobs',
    description: 'Jobs that are due, by kind. All nodes report the same queue.',
    unit: 'short',
    queries: [{ expression: `max by (kind) (jobs_queue_depth{${node}})`, legend: '{{kind}}' }],
  },
  {
    title: 'Mails',
    description: 'Attempts to send a mail per second, by outcome.',
    unit: 'ops',
    stacked: true,
    queries: [{ expression: `sum by (status) (${rate('email_jobs_processed_total')})`, legend: '{{status}}' }],
  },
  {
    title: 'Outbound requests',
    description: 'Requests to other services per second, by purpose and outcome.',
    unit: 'reqps',
    queries: [
      {
        expression: `sum by (purpose, outcome) (${rate('outbound_request_duration_seconds_count')})`,
        legend: '{{purpose}} {{outcome}}',
      },
    ],
  },
  {
    title: 'Oldest due job',
    description: 'How long the oldest due job has been waiting, by kind.',
    unit: 's',
    queries: [{ expression: `max by (kind) (jobs_oldest_due_seconds{${node}})`, legend: '{{kind}}' }],
  },
  {
    title: 'Dead jobs',
    description: 'Jobs whose attempts are used up, by kind.',
    unit: 'short',
    queries: [{ expression: `max by (kind) (jobs_dead{${node}})`, legend: '{{kind}}' }],
  },
  {
    title: 'Duration of jobs',
    description: 'The p95 of attempts at a job, by kind.',
    unit: 's',
    queries: [{ expression: quantile(0.95, 'job_duration_seconds', node, ', kind'), legend: '{{kind}}' }],
  },
  {
    title: 'Delivery of mails',
    description: 'Quantiles from the commit that caused a mail to the acceptance of the mail server.',
    unit: 's',
    queries: quantiles('mail_delivery_seconds', node),
  },
  {
    title: 'Open circuits',
    description: 'Services that fail so often that requests to them are paused.',
    unit: 'short',
    queries: [{ expression: `max by (service) (breaker_open{${node}})`, legend: '{{service}}' }],
  },
  {
    title: 'Redis',
    description: 'Nodes that reach Redis are 1. Without it a node counts limits by itself.',
    unit: 'short',
    queries: [{ expression: `redis_up{${node}}`, legend: '{{instance}}' }],
  },
];

const processes: readonly Panel[] = [
  {
    title: 'CPU',
    description: 'Cores that a node uses.',
    unit: 'short',
    queries: [{ expression: `sum by (instance) (${rate('process_cpu_seconds_total')})`, legend: '{{instance}}' }],
  },
  {
    title: 'Memory',
    description: 'Resident memory, and the part that is JavaScript heap.',
    unit: 'bytes',
    queries: [
      { expression: `process_resident_memory_bytes{${node}}`, legend: '{{instance}} resident' },
      { expression: `nodejs_heap_size_used_bytes{${node}}`, legend: '{{instance}} heap' },
    ],
  },
  {
    title: 'Lateness of the event loop',
    description: 'The p99 between two scrapes. Every request waits for the event loop.',
    unit: 's',
    queries: [{ expression: `nodejs_eventloop_lag_p99_seconds{${node}}`, legend: '{{instance}}' }],
  },
  {
    title: 'Garbage collection',
    description: 'Share of time that a node spends in garbage collection, by kind.',
    unit: 'percentunit',
    queries: [
      {
        expression: `sum by (instance, kind) (${rate('nodejs_gc_duration_seconds_sum')})`,
        legend: '{{instance}} {{kind}}',
      },
    ],
  },
  {
    title: 'File descriptors',
    description: 'Share of the file descriptors that are open.',
    unit: 'percentunit',
    queries: [{ expression: `process_open_fds{${node}} / process_max_fds{${node}}`, legend: '{{instance}}' }],
  },
  {
    title: 'Uptime',
    description: 'Time since the start of the process.',
    unit: 's',
    queries: [{ expression: `time() - process_start_time_seconds{${node}}`, legend: '{{instance}}' }],
  },
  {
    title: 'Failing checks',
    description: 'Checks of readiness that fail, by node.',
    unit: 'short',
    queries: [
      { expression: `sum by (instance, check) (readiness{${node}} == bool 0)`, legend: '{{instance}} {{check}}' },
    ],
  },
  {
    title: 'Requests in flight',
    description: 'Requests without a response yet.',
    unit: 'short',
    queries: [{ expression: `http_requests_in_flight{${node}}`, legend: '{{instance}}' }],
  },
  {
    title: 'Dropped telemetry',
    description: 'Spans and error reports that were not delivered, per second.',
    unit: 'ops',
    queries: [{ expression: `sum by (signal) (${rate('telemetry_dropped_total')})`, legend: '{{signal}}' }],
  },
  {
    title: 'Releases',
    description: 'Nodes by release of Latchkey and version of Node.js.',
    kind: 'stat',
    unit: 'short',
    queries: [
      { expression: `count by (version, node) (latchkey_info{${node}})`, legend: '{{version}}, Node.js {{node}}' },
    ],
  },
  {
    title: 'Age of the signing key',
    description: 'Time since the active signing key signs.',
    unit: 's',
    queries: [{ expression: `max(signing_key_age_seconds{${node}})`, legend: 'age' }],
  },
];

export const dashboards: readonly Dashboard[] = [
  {
    name: 'service',
    title: 'Latchkey: service',
    rows: [
      { title: 'Requests', panels: traffic },
      { title: 'People and sessions', panels: people },
    ],
  },
  {
    name: 'nodes',
    title: 'Latchkey: nodes',
    rows: [
      { title: 'Database', panels: database },
      { title: 'Jobs, mails and other services', panels: work },
      { title: 'Processes', panels: processes },
    ],
  },
];

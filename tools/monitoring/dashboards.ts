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
    title: 'Logins by password',
    description: 'Login requests per second by status; 401 is a wrong email or password, 429 a limit.',
    unit: 'reqps',
    stacked: true,
    queries: [
      {
        expression: `sum by (status_code) (${rate('http_requests_total', `${node},method="POST",route=~"/api/v1/auth/login|/login"`)})`,
        legend: '{{status_code}}',
      },
    ],
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
    emptyWithoutFaults: true,
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
    emptyWithoutFaults: true,
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

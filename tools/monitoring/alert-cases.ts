/** For each alert, series on which it fires and series on which it does not, for `promtool test rules`. */
import { dependencyCases } from './dependency-cases.ts';
import { type AlertCase, counter, gauge, node, onNode, type Series } from './series.ts';

const requests = (status: number, route = '/api/v1/auth/session', method = 'GET') =>
  `http_requests_total{${node},method="${method}",route="${route}",status_code="${status}"}`;

function burn(
  name: string,
  everyMinutes: number,
  minute: number,
  failing: readonly [number, number],
  text: string,
): AlertCase {
  const of = (errors: number): Series => ({
    [requests(200)]: counter(10_000 - errors),
    [requests(503)]: counter(errors),
  });
  const [above, below] = failing;
  return {
    alert: `LatchkeyErrorBudgetBurn${name}`,
    everyMinutes,
    minute,
    fires: {
      series: of(above),
      summary: `${above / 100}% of requests fail, which uses more than ${text} of the error budget of 30 days.`,
    },
    // Failed probes use no budget.
    quiet: { ...of(below), [requests(503, '/readyz')]: counter(5000) },
  };
}

/** One in twenty is between the last two buckets. */
function durations(name: string, labels: string, bounds: readonly [string, string], slow: number): Series {
  const bucket = (le: string) => `${name}_bucket{${node},${labels},le="${le}"}`;
  const [fast, all] = bounds;
  return { [bucket(fast)]: counter(100 - slow), [bucket(all)]: counter(100), [bucket('+Inf')]: counter(100) };
}

const requestDurations = (slow: number) =>
  durations('http_request_duration_seconds', 'route="/login"', ['0.1', '0.5'], slow);
const queryDurations = (slow: number) =>
  durations('db_query_duration_seconds', 'operation="login.complete"', ['0.025', '0.1'], slow);

const logins = (failed: number, succeeded: number): Series => ({
  [`logins_total{${node},method="password",outcome="failed"}`]: counter(failed),
  [`logins_total{${node},method="password",outcome="succeeded"}`]: counter(succeeded),
});

const deaths = (step: number): Series => ({ [`serving_process_deaths_total{${node}}`]: counter(step) });

export const alertCases: readonly AlertCase[] = [
  ...dependencyCases,
  burn('Fastest', 1, 70, [150, 140], '2 % in an hour'),
  burn('Fast', 5, 400, [65, 55], '5 % in six hours'),
  burn('Slow', 30, 1600, [35, 25], '10 % in a day'),
  burn('Slowest', 60, 4600, [12, 8], '10 % in three days'),
  {
    alert: 'LatchkeyDown',
    everyMinutes: 1,
    minute: 4,
    fires: {
      series: { [`up{${node}}`]: gauge(0) },
      labels: { job: 'latchkey', ...onNode },
      summary: 'a:5626 does not respond to scrapes.',
    },
    // It was scraped again before the alert fired.
    quiet: { [`up{${node}}`]: '0 0 1 0 0' },
  },
  {
    alert: 'LatchkeyAbsent',
    everyMinutes: 1,
    minute: 12,
    fires: {
      series: { 'up{job="other",instance="b:1"}': gauge(1) },
      labels: { job: 'latchkey' },
      summary: 'Prometheus has no target with the job "latchkey".',
    },
    quiet: { [`up{${node}}`]: gauge(0) },
  },
  {
    alert: 'LatchkeyRestarts',
    everyMinutes: 1,
    minute: 31,
    fires: { series: deaths(1), labels: onNode, summary: 'a:5626 restarted 30 times in half an hour.' },
    quiet: {
      [`process_start_time_seconds{${node}}`]: '1x10 5x10 9x20',
      [`serving_process_deaths_total{${node}}`]: '0x20 2x20',
    },
  },
  {
    alert: 'LatchkeyRestarts',
    everyMinutes: 1,
    minute: 31,
    fires: {
      series: { [`process_start_time_seconds{${node}}`]: '1 1 1 2 2 2 3 3 3 3 4x30' },
      labels: onNode,
      summary: 'a:5626 restarted 3 times in half an hour.',
    },
    quiet: { [`process_start_time_seconds{${node}}`]: gauge(1) },
  },
  {
    alert: 'LatchkeyRevocationFeedStale',
    everyMinutes: 1,
    minute: 3,
    fires: {
      series: { [`revocation_feed_age_seconds{${node}}`]: gauge(6) },
      labels: onNode,
      summary: 'a:5626 last read the revocation feed 6s ago.',
    },
    quiet: { [`revocation_feed_age_seconds{${node}}`]: gauge(4.9) },
  },
  {
    alert: 'LatchkeySlowRequests',
    everyMinutes: 1,
    minute: 25,
    fires: { series: requestDurations(10), summary: 'One in twenty requests takes longer than 300ms.' },
    quiet: requestDurations(5),
  },
  {
    alert: 'LatchkeyHashQueueFull',
    everyMinutes: 1,
    minute: 15,
    fires: {
      series: { [`password_hashes_refused_total{${node}}`]: counter(60) },
      labels: onNode,
      summary: 'a:5626 rejects 1.0 logins per second, because its hash queue is full.',
    },
    quiet: { [`password_hashes_refused_total{${node}}`]: counter(2) },
  },
  {
    alert: 'LatchkeyEventLoopBlocked',
    everyMinutes: 1,
    minute: 7,
    fires: {
      series: { [`nodejs_eventloop_lag_p99_seconds{${node}}`]: gauge(0.25) },
      labels: onNode,
      summary: 'The event loop of a:5626 is late by 250ms.',
    },
    quiet: { [`nodejs_eventloop_lag_p99_seconds{${node}}`]: gauge(0.15) },
  },
  {
    alert: 'LatchkeySlowDatabase',
    everyMinutes: 1,
    minute: 25,
    fires: {
      series: queryDurations(10),
      summary: 'One in twenty round trips to the database takes longer than 62.5ms.',
    },
    quiet: queryDurations(5),
  },
  {
    alert: 'LatchkeyDatabaseErrors',
    everyMinutes: 1,
    minute: 12,
    fires: {
      series: {
        [`db_query_errors_total{${node},operation="login.complete"}`]: counter(5),
        [`db_query_duration_seconds_count{${node},operation="login.complete",lane="write"}`]: counter(100),
      },
      labels: onNode,
      summary: '5% of the round trips of a:5626 to the database fail.',
    },
    quiet: {
      [`db_query_errors_total{${node},operation="login.complete"}`]: counter(5),
      [`db_query_duration_seconds_count{${node},operation="login.complete",lane="write"}`]: counter(600),
    },
  },
  {
    alert: 'LatchkeyPoolExhausted',
    everyMinutes: 1,
    minute: 12,
    fires: {
      series: { [`db_pool_waiting{${node}}`]: gauge(3) },
      labels: { job: 'latchkey', ...onNode },
      summary: '3 callers of a:5626 wait for a database connection.',
    },
    quiet: { [`db_pool_waiting{${node}}`]: '3 3 3 0 3 3 3 3 0 3 3 3 3 0' },
  },
  {
    alert: 'LatchkeyMailQueued',
    everyMinutes: 1,
    minute: 12,
    fires: {
      series: { [`jobs_queue_depth{${node},kind="mail.send"}`]: gauge(60) },
      summary: '60 mails are due and not sent.',
    },
    // Two nodes report the queue of one database.
    quiet: {
      [`jobs_queue_depth{${node},kind="mail.send"}`]: gauge(40),
      'jobs_queue_depth{job="latchkey",instance="b:5626",kind="mail.send"}': gauge(40),
    },
  },
  {
    alert: 'LatchkeyMailFails',
    everyMinutes: 1,
    minute: 30,
    fires: {
      series: {
        [`email_jobs_processed_total{${node},type="verify_email",status="sent"}`]: counter(3),
        [`email_jobs_processed_total{${node},type="verify_email",status="unavailable"}`]: counter(1),
      },
      summary: '25% of the attempts to send a mail fail.',
    },
    quiet: {
      [`email_jobs_processed_total{${node},type="verify_email",status="sent"}`]: counter(6),
      [`email_jobs_processed_total{${node},type="verify_email",status="unavailable"}`]: counter(1),
      [`email_jobs_processed_total{${node},type="verify_email",status="dropped"}`]: counter(6),
    },
  },
  {
    alert: 'LatchkeyJobsQueued',
    everyMinutes: 1,
    minute: 17,
    fires: {
      series: { [`jobs_queue_depth{${node},kind="erase.due"}`]: gauge(101) },
      labels: { kind: 'erase.due' },
      summary: '101 jobs of the kind erase.due are due and do not run.',
    },
    quiet: { [`jobs_queue_depth{${node},kind="erase.due"}`]: gauge(100) },
  },
  {
    alert: 'LatchkeyOutboundFails',
    everyMinutes: 1,
    minute: 25,
    fires: {
      series: {
        [`outbound_request_duration_seconds_count{${node},purpose="registration_hook",outcome="answered"}`]: counter(3),
        [`outbound_request_duration_seconds_count{${node},purpose="registration_hook",outcome="timeout"}`]: counter(1),
      },
      labels: { purpose: 'registration_hook' },
      summary: '25% of the outbound requests for registration_hook fail.',
    },
    quiet: {
      [`outbound_request_duration_seconds_count{${node},purpose="registration_hook",outcome="answered"}`]: counter(9),
      [`outbound_request_duration_seconds_count{${node},purpose="registration_hook",outcome="timeout"}`]: counter(1),
    },
  },
  {
    alert: 'LatchkeyMemory',
    everyMinutes: 1,
    minute: 20,
    fires: {
      series: { [`process_resident_memory_bytes{${node}}`]: gauge(700 * 2 ** 20), [`up{${node}}`]: gauge(1) },
      labels: onNode,
      summary: 'a:5626 uses 700MiB of memory.',
    },
    // Four processes report their sum.
    quiet: {
      [`process_resident_memory_bytes{${node}}`]: gauge(700 * 2 ** 20),
      [`up{${node}}`]: gauge(1),
      [`serving_processes{${node}}`]: gauge(4),
    },
  },
  {
    alert: 'LatchkeyFileDescriptors',
    everyMinutes: 1,
    minute: 7,
    fires: {
      series: { [`process_open_fds{${node}}`]: gauge(900), [`process_max_fds{${node}}`]: gauge(1000) },
      labels: onNode,
      summary: 'a:5626 uses 90% of its file descriptors.',
    },
    quiet: { [`process_open_fds{${node}}`]: gauge(700), [`process_max_fds{${node}}`]: gauge(1000) },
  },
  {
    alert: 'LatchkeyFailedLogins',
    everyMinutes: 1,
    minute: 25,
    fires: { series: logins(120, 60), summary: '2.0 logins per second fail, more than half of all.' },
    quiet: logins(120, 180),
  },
  {
    alert: 'LatchkeyFailedLogins',
    everyMinutes: 1,
    minute: 25,
    fires: { series: logins(90, 0), summary: '1.5 logins per second fail, more than half of all.' },
    // All fail, but a few.
    quiet: logins(30, 0),
  },
];

/** A real Prometheus scrapes a node of its own: values after a scripted journey, every rule and query, and a hostile flood. */
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { client, dataOf, problemOf } from '../../../../e2e/support/client.ts';
import { awaitLink, readInbox, tokenOf } from '../../../../e2e/support/inbox.ts';
import { type RunningServer, startServer } from '../../../../e2e/support/server.ts';
import { alerts } from '../../../../tools/monitoring/alerts.ts';
import { dashboards } from '../../../../tools/monitoring/dashboards.ts';
import { recordingRules } from '../../../../tools/monitoring/objectives.ts';
import { metricsOf } from '../../../../tools/monitoring/promtool.ts';
import { cloneDatabase } from '../support/postgres.ts';
import { startPrometheus, type TestPrometheus } from '../support/prometheus.ts';

const rules = resolve(import.meta.dirname, '../../../../deploy/prometheus/latchkey.rules.yml');
const password = 'a long enough password';

/** Metrics that this node has not, with the reason. */
const absent: Readonly<Record<string, string>> = {
  serving_processes: 'only with --processes',
  serving_process_deaths_total: 'only with --processes',
  outbound_request_duration_seconds_count: 'only with a service that requests go to',
  db_query_errors_total: 'no round trip failed',
  redis_up: 'only with Redis',
  rate_limit_refusals_total: 'no request was above a limit',
};

let server: RunningServer;
let prometheus: TestPrometheus;
const running = new AsyncDisposableStack();

beforeAll(async () => {
  server = await startServer({ database: await cloneDatabase() });
  running.defer(async () => void (await server.stop()));
  prometheus = await startPrometheus(new URL(server.opsUrl).host, [rules]);
  running.use(prometheus);
  await readDocument();
  await prometheus.nextScrape();
  await journey();
  // A rate needs two samples, and the series of a route begins with its first request: only this route has one above zero.
  await readDocument();
  await prometheus.nextScrape();
  await prometheus.nextScrape();
});

afterAll(() => running.disposeAsync());

async function readDocument(): Promise<void> {
  expect((await fetch(`${server.url}/.well-known/jwks.json`)).status).toBe(200);
}

/** Two registrations, a login, a wrong password, ten session checks, a refresh and a logout. */
async function journey(): Promise<void> {
  const api = client(server.url);
  for (const email of ['ada@example.com', 'grace@example.com']) {
    dataOf(await api.register({ email, password }));
    const link = await awaitLink(() => readInbox(server.opsUrl, email), '/verify-email');
    dataOf(await api.verify(tokenOf(link)));
  }
  expect(problemOf(await api.login('ada@example.com', 'not the right one'))).toBe('invalid_credentials');
  const tokens = dataOf(await api.login('ada@example.com', password));
  for (let check = 0; check < 10; check += 1) dataOf(await api.session(tokens.accessToken));
  const { accessToken } = dataOf(await api.refresh(tokens.refreshToken));
  dataOf(await api.logout(accessToken));
}

/** The sum of the series of an expression. */
async function sumOf(expression: string): Promise<number> {
  const samples = await prometheus.query(`sum(${expression})`);
  expect(samples, expression).toHaveLength(1);
  return samples[0]!.value;
}

describe('after a scripted journey', () => {
  const route = (path: string, status: number) =>
    `{method="POST",route="/api/v1/auth/${path}",status_code="${status}"}`;

  it.each([
    [`http_requests_total${route('register', 201)}`, 2],
    [`http_requests_total${route('verify-email', 200)}`, 2],
    [`http_requests_total${route('login', 200)}`, 1],
    [`http_requests_total${route('login', 401)}`, 1],
    [`http_requests_total${route('refresh', 200)}`, 1],
    ['http_requests_total{route="/api/v1/auth/session",status_code="200"}', 10],
    ['http_request_duration_seconds_count{route="/api/v1/auth/session"}', 10],
    ['http_request_duration_seconds_bucket{route="/api/v1/auth/session",le="+Inf"}', 10],
    ['http_requests_total{status_code=~"5.."}', 0],
    ['user_registrations_total', 2],
    ['logins_total{method="password",outcome="succeeded"}', 1],
    ['logins_total{method="password",outcome="failed"}', 1],
    ['refreshes_total{outcome="refreshed"}', 1],
    ['refreshes_total{outcome="reused"}', 0],
    ['sessions_ended_total{reason="logout"}', 1],
    ['password_hash_wait_seconds_count', 4],
    ['mail_delivery_seconds_count', 2],
    ['job_duration_seconds_count{kind="mail.send",outcome="done"}', 2],
    ['jobs_queue_depth', 0],
    ['jobs_dead', 0],
    ['breaker_open{service="smtp"}', 0],
    ['readiness{check="database"}', 1],
    ['telemetry_dropped_total', 0],
    ['http_requests_in_flight', 1],
    ['latchkey_info', 1],
    ['email_jobs_processed_total{type="verify_email",status="sent"}', 2],
    ['db_query_duration_seconds_count{operation="login.reserve_attempt"}', 2],
    ['db_query_duration_seconds_count{operation="login.complete",lane="write"}', 1],
    ['db_query_duration_seconds_count{operation="refresh_tokens.rotate",lane="write"}', 1],
    ['password_hashes_total', 4],
    ['password_hashes_refused_total', 0],
    ['password_hash_queue_depth', 0],
    ['latchkey:http_requests:error_ratio_rate5m', 0],
  ])('%s is %d', async (expression, value) => {
    // A counter without an event has no series yet.
    expect(await sumOf(value === 0 ? `${expression} or vector(0)` : expression)).toBe(value);
  });

  it.each([
    ['session_cache_hits_total + session_cache_misses_total', 10, 20],
    ['session_cache_hits_total', 8, 20],
    ['revocation_feed_age_seconds', 0, 1],
    ['db_pool_connections', 1, 20],
    ['http_request_duration_seconds_sum{route="/api/v1/auth/login"}', 0.001, 10],
    ['latchkey:http_request_duration_seconds:p95_rate10m > 0', 0.0001, 10],
    ['latchkey:db_query_duration_seconds:p95_rate10m > 0', 0.0001, 10],
    ['process_resident_memory_bytes', 5e7, 1e9],
    ['nodejs_eventloop_lag_p99_seconds', 0.0001, 10],
  ])('%s is between %d and %d', async (expression, least, most) => {
    const value = await sumOf(expression);
    expect(value).toBeGreaterThanOrEqual(least);
    expect(value).toBeLessThanOrEqual(most);
  });
});

describe('Prometheus', () => {
  it('evaluates every rule, and no alert fires', async () => {
    const evaluated = await prometheus.rules();
    const names = [...recordingRules, ...alerts].map(({ name }) => name);
    expect(evaluated.map(({ name }) => name).sort()).toEqual(names.sort());
    expect(evaluated.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(evaluated.filter(({ state }) => state === 'firing')).toEqual([]);
  });

  it('has every metric that an alert, a recorded series or a panel reads', async () => {
    const queries = dashboards.flatMap(({ rows }) =>
      rows.flatMap(({ panels }) => panels.flatMap((panel) => panel.queries)),
    );
    const expressions = [...alerts, ...recordingRules, ...queries].map(({ expression }) => expression);
    const used = new Set(expressions.flatMap(metricsOf));
    const missing: string[] = [];
    for (const name of used) if ((await prometheus.query(`count(${name})`)).length === 0) missing.push(name);
    expect(missing.filter((name) => !(name in absent))).toEqual([]);
    expect(Object.keys(absent).filter((name) => !used.has(name))).toEqual([]);
  });

  it.each(
    dashboards.flatMap(({ title, rows }) =>
      rows.flatMap(({ panels }) => panels.map((panel) => ({ ...panel, dashboard: title }))),
    ),
  )('has series for the panel "$dashboard: $title"', async ({ queries }) => {
    for (const { expression } of queries) {
      const filled = expression.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.+');
      const samples = await prometheus.query(filled);
      const isAbsent = metricsOf(expression).some((name) => name in absent);
      expect(samples.length > 0, filled).toBe(!isAbsent);
    }
  });
});

it('a hostile flood adds few series', async () => {
  const before = await sumOf('count({job="latchkey"})');
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'M-SEARCH', 'QUERY'];
  const { port } = new URL(server.url);
  const send = (number: number) =>
    new Promise<number>((done, fail) => {
      const path = `/${['api/v1/auth/session', `p${number}`, `api/v1/users/${number}`, `login/%00${number}`][number % 4]}?q=${number}`;
      const headers = {
        host: `h${number}.example`,
        origin: `https://o${number}.example`,
        'user-agent': `agent ${number}`,
      };
      const method = methods[number % methods.length] ?? 'GET';
      const sent = request({ port, host: '127.0.0.1', agent, method, path, headers }, (response) => {
        response.resume().on('end', () => done(response.statusCode ?? 0));
      });
      sent.on('error', fail).end();
    });
  const statuses = new Set(await Promise.all(Array.from({ length: 1000 }, (_, number) => send(number))));
  agent.destroy();
  const garbage = ['\0\0\0', 'GET\r\n\r\n', `X${'y'.repeat(50)} / HTTP/1.1\r\n\r\n`, 'GET / HTTP/9.9\r\n\r\n'];
  await Promise.all(garbage.map((bytes) => sendBytes(Number(port), bytes)));
  await prometheus.nextScrape();
  expect(Math.max(...statuses)).toBeLessThan(500);
  const after = await sumOf('count({job="latchkey"})');
  expect(after - before).toBeLessThan(400);
  // A process has 12,000 at most.
  expect(after).toBeLessThan(12_000);
  expect(await sumOf('up{job="latchkey"}')).toBe(1);
});

function sendBytes(port: number, bytes: string): Promise<void> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('error', () => undefined);
    socket.resume().on('close', () => done());
    socket.setTimeout(1000, () => socket.destroy());
  });
}

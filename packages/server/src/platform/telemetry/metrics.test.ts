import { describe, expect, it } from 'vitest';
import { renderMetrics } from './merging.ts';
import { type MetricName, metricList } from './metric-list.ts';
import { createMetrics, type Metrics } from './metrics.ts';

async function seriesOf(metrics: Metrics): Promise<string[]> {
  return (await metrics.render()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

it('of several processes, counters and durations are added, and of a shared gauge the worst value is taken', async () => {
  const snapshots = await Promise.all(
    [1, 2].map(async (number) => {
      const metrics = createMetrics({ processMetrics: false });
      metrics.count('refreshes_total', { outcome: 'refreshed' }, number);
      metrics.observe('mail_delivery_seconds', {}, number);
      metrics.watch('readiness', () => [[{ check: 'database' }, number - 1]]);
      metrics.watch('breaker_open', () => [[{ service: 'smtp' }, number - 1]]);
      metrics.watch('latchkey_info', () => [[{ version: '1.2.3', node: '24.0.0' }, 1]]);
      metrics.watch('db_lane_in_flight', () => [[{ lane: 'read' }, number]]);
      const route = metrics.route('GET', '/livez');
      route.observe(200, 0.1);
      return metrics.snapshot();
    }),
  );
  const lines = (await renderMetrics(snapshots)).split('\n');
  for (const line of [
    'refreshes_total{outcome="refreshed"} 3',
    'mail_delivery_seconds_sum 3',
    'mail_delivery_seconds_bucket{le="1"} 1',
    'readiness{check="database"} 0',
    'breaker_open{service="smtp"} 1',
    'latchkey_info{version="1.2.3",node="24.0.0"} 1',
    'db_lane_in_flight{lane="read"} 3',
    'http_requests_total{method="GET",route="/livez",status_code="200"} 2',
  ])
    expect(lines).toContain(line);
});

describe('createMetrics', () => {
  it('counts requests by method, route pattern and status, and their durations by the class of the status', async () => {
    const metrics = createMetrics({ processMetrics: false });
    const route = metrics.route('GET', '/api/v1/users/me');
    route.observe(200, 0.0007);
    route.observe(204, 20);
    route.observe(401, 0.01);
    route.count(400);
    const text = await metrics.render();
    const own = 'method="GET",route="/api/v1/users/me"';
    expect(text).toContain(`http_request_duration_seconds_bucket{le="0.0005",${own},status="2xx"} 0`);
    expect(text).toContain(`http_request_duration_seconds_bucket{le="0.001",${own},status="2xx"} 1`);
    expect(text).toContain(`http_request_duration_seconds_bucket{le="10",${own},status="2xx"} 1`);
    expect(text).toContain(`http_request_duration_seconds_bucket{le="+Inf",${own},status="2xx"} 2`);
    expect(text).toContain(`http_request_duration_seconds_count{${own},status="4xx"} 1`);
    for (const status of [200, 204, 400, 401]) {
      expect(text).toContain(`http_requests_total{${own},status_code="${status}"} 1`);
    }
  });

  it('counts the requests in flight of all routes', async () => {
    const metrics = createMetrics({ processMetrics: false });
    const [first, second] = [metrics.route('GET', '/a'), metrics.route('GET', '/b')];
    first.begin();
    second.begin();
    first.end();
    expect(await metrics.render()).toContain('http_requests_in_flight 1\n');
  });

  it('counts, sets, observes and reads what the list declares', async () => {
    const metrics = createMetrics({ processMetrics: false });
    metrics.observeStatement({ name: 'users.find', lane: 'read', milliseconds: 3, outcome: 'error' });
    metrics.count('user_registrations_total', {});
    metrics.count('email_jobs_processed_total', { type: 'verify', status: 'sent' }, 2);
    metrics.set('jobs_queue_depth', { kind: 'mail.send' }, 4);
    metrics.observe('outbound_request_duration_seconds', { purpose: 'registration_hook', outcome: 'timeout' }, 3);
    metrics.observe('outbound_request_duration_seconds', { purpose: 'registration_hook', outcome: 'timeout' }, 3);
    metrics.observe('mail_delivery_seconds', {}, 0.2);
    let hits = 1;
    metrics.watch('session_cache_hits_total', () => hits);
    metrics.watch('readiness', () => [
      [{ check: 'database' }, 1],
      [{ check: 'keys' }, 0],
    ]);
    await metrics.render();
    hits = 5;
    const text = await metrics.render();
    for (const line of [
      'outbound_request_duration_seconds_count{purpose="registration_hook",outcome="timeout"} 2',
      'db_query_duration_seconds_count{operation="users.find",lane="read"} 1',
      'db_query_errors_total{operation="users.find"} 1',
      'user_registrations_total 1',
      'email_jobs_processed_total{type="verify",status="sent"} 2',
      'jobs_queue_depth{kind="mail.send"} 4',
      'mail_delivery_seconds_bucket{le="0.1"} 0',
      'mail_delivery_seconds_bucket{le="0.25"} 1',
      'mail_delivery_seconds_count 1',
      'session_cache_hits_total 5',
      'readiness{check="database"} 1',
      'readiness{check="keys"} 0',
    ])
      expect(text.split('\n')).toContain(line);
  });

  it('drops and counts combinations of labels beyond the bound', async () => {
    const metrics = createMetrics({ processMetrics: false });
    for (let index = 0; index < 3000; index += 1) {
      const text = `flood ${index}`;
      metrics.count('logins_total', { method: text, outcome: 'failed' });
      metrics.set('jobs_dead', { kind: text }, 1);
      metrics.observe('job_duration_seconds', { kind: text, outcome: 'done' }, 1);
    }
    metrics.count('logins_total', { method: 'flood 0', outcome: 'failed' });
    const series = await seriesOf(metrics);
    expect(series).toContain('logins_total{method="flood 0",outcome="failed"} 2');
    expect(series).toContain('telemetry_dropped_total{signal="metrics"} 7500');
    expect(series.filter((line) => line.startsWith('logins_total'))).toHaveLength(500);
    expect(series.length).toBeLessThan(7500);
  });

  it('includes the metrics of Node, without the gauges whose names end like those of counters', async () => {
    const text = await createMetrics().render();
    expect(text).toContain('nodejs_eventloop_lag_seconds');
    const gauges = [...text.matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name]) => name);
    expect(gauges.filter((name) => name?.endsWith('_total'))).toEqual([]);
  });

  it('writes lines that a Prometheus parser accepts, each metric described once', async () => {
    const metrics = createMetrics();
    metrics.route('GET', '/"quoted"').observe(200, 1);
    const text = await metrics.render();
    for (const line of text.split('\n').filter((candidate) => candidate !== '' && !candidate.startsWith('#'))) {
      expect(line).toMatch(/^[a-z_][a-z0-9_]*(\{([a-z_]+="(\\.|[^"\\])*",?)+\})? (-?[0-9.e+-]+|NaN)$/i);
    }
    const described = text.match(/^# TYPE \S+/gm) ?? [];
    expect(new Set(described).size).toBe(described.length);
  });
});

it('each metric has a name of its kind: counters end in _total, histograms of durations in _seconds', () => {
  for (const name of Object.keys(metricList) as MetricName[]) {
    const { kind } = metricList[name];
    expect(name.endsWith('_total'), name).toBe(kind === 'counter');
    if (kind === 'histogram') expect(name).toMatch(/_seconds$/);
  }
});

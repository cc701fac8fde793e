import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

describe('createMetrics', () => {
  it('counts requests by method, route pattern and status, cumulatively by bucket', async () => {
    const metrics = createMetrics({ processMetrics: false });
    const route = metrics.route('GET', '/api/v1/users/me');
    route.observe(200, 0.0007);
    route.observe(200, 20);
    route.observe(401, 0.01);
    const text = await metrics.render();
    const labels = 'method="GET",route="/api/v1/users/me",status_code="200"';
    expect(text).toContain(`http_request_duration_seconds_bucket{le="0.0005",${labels}} 0`);
    expect(text).toContain(`http_request_duration_seconds_bucket{le="0.001",${labels}} 1`);
    expect(text).toContain(`http_request_duration_seconds_bucket{le="10",${labels}} 1`);
    expect(text).toContain(`http_request_duration_seconds_bucket{le="+Inf",${labels}} 2`);
    expect(text).toContain(`http_requests_total{${labels}} 2`);
    expect(text).toContain('http_requests_total{method="GET",route="/api/v1/users/me",status_code="401"} 1');
  });

  it('has the metrics that docs/guides/operating.md lists', async () => {
    const metrics = createMetrics({ processMetrics: false });
    metrics.observeStatement({ name: 'users.find', lane: 'read', milliseconds: 3, outcome: 'error' });
    metrics.userRegistered();
    metrics.emailJobProcessed('verify', 'sent');
    metrics.setQueueDepth('mail.send', 4);
    metrics.observeOutbound('registration_hook', 'timeout', 3);
    metrics.observeOutbound('registration_hook', 'timeout', 3);
    const text = await metrics.render();
    expect(text).toContain('outbound_request_duration_seconds_count{purpose="registration_hook",outcome="timeout"} 2');
    expect(text).toContain('db_query_duration_seconds_count{operation="users.find",lane="read"} 1');
    expect(text).toContain('db_query_errors_total{operation="users.find"} 1');
    expect(text).toContain('user_registrations_total 1');
    expect(text).toContain('email_jobs_processed_total{type="verify",status="sent"} 1');
    expect(text).toContain('jobs_queue_depth{kind="mail.send"} 4');
  });

  it('includes the metrics of Node by default', async () => {
    expect(await createMetrics().render()).toContain('nodejs_eventloop_lag_seconds');
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

import { beforeAll, describe, expect, it } from 'vitest';
import { openReadiness } from '#app/readiness-checks.ts';
import { serverOf } from '#app/running.ts';
import { Timers } from '#app/timers.ts';
import { watchValues } from '#app/watched-values.ts';
import { FixedClock } from '#kernel/clock.ts';
import type { HttpServer } from '#platform/http/index.ts';
import { metricList } from '#platform/telemetry/index.ts';
import { Application } from '#test/support/application.ts';
import { sendRaw } from '#test/support/raw-http.ts';
import { addLoggedInUser, addVerifiedUser, login } from '#test/support/user-actions.ts';
import { operatorEndpoints } from './index.ts';

const time = new FixedClock(new Date('2030-02-03T04:05:06.000Z'));

let app: Application;
let ops: HttpServer;

beforeAll(async () => {
  app = await Application.open({ time });
  ops = await serverOf(
    app.services,
    operatorEndpoints(
      openReadiness(app.services, () => undefined),
      app.services.metrics,
    ),
  );
  return async () => {
    await ops.close({ graceMs: 0 });
    await app.close();
  };
});

function fetchFromOps(path: string): Promise<Response> {
  return ops.fetch(new Request(`http://localhost:5626${path}`), { peerAddress: '127.0.0.1' });
}

describe('the probes', () => {
  it.each(['/livez', '/readyz', '/healthz'])('200 at %s with the status only', async (path) => {
    const response = await app.send('GET', path);
    expect([response.status, Object.keys(JSON.parse(response.text) as object)]).toEqual([200, ['status']]);
  });

  it('503 at /readyz and /healthz while the revocation feed cannot be read, and 200 at /livez', async () => {
    await app.services.revocations.stop();
    time.advance(6_000);
    for (const path of ['/readyz', '/healthz']) {
      const response = await app.send('GET', path);
      expect([response.status, response.text]).toEqual([503, '{"status":"not_ready"}']);
    }
    expect((await app.send('GET', '/livez')).status).toBe(200);
    const verbose = (await (await fetchFromOps('/readyz?verbose')).json()) as {
      readonly checks: Record<string, string>;
    };
    expect(verbose.checks).toMatchObject({ database: 'ok', revocations: expect.stringContaining('has not been read') });
    await app.services.revocations.read();
    expect((await app.send('GET', '/readyz')).status).toBe(200);
  });

  it('404 on each listener for the routes of the other', async () => {
    expect((await app.send('GET', '/metrics')).status).toBe(404);
    expect((await fetchFromOps('/api/v1/auth/session')).status).toBe(404);
  });
});

describe('GET /metrics', () => {
  it('200 with the documented names of metrics for requests, registrations, mails and statements', async () => {
    const email = await addVerifiedUser(app);
    const response = await fetchFromOps('/metrics');
    const text = await response.text();
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
    for (const line of [
      /^http_requests_total\{method="POST",route="\/api\/v1\/auth\/register",status_code="201"\} \d+$/m,
      /^http_request_duration_seconds_count\{[^}]*route="\/api\/v1\/auth\/register"[^}]*\} \d+$/m,
      /^user_registrations_total \d+$/m,
      /^email_jobs_processed_total\{type="verify_email",status="sent"\} [1-9]\d*$/m,
      /^db_query_duration_seconds_count\{operation="register.create_user",lane="write"\} \d+$/m,
    ]) {
      expect(text).toMatch(line);
    }
    expect(text).not.toContain(email);
    expect(text).not.toMatch(/lk_|eyJ/);
  });

  it('200 with every metric of docs/reference/metrics.md after a journey', async () => {
    const { services, inbox } = app;
    const readiness = openReadiness(services, () => undefined);
    await readiness.read();
    watchValues(services, { readiness, transport: inbox });
    new Timers(services, ['mail.send']);
    const { email, accessToken, refreshToken } = await addLoggedInUser(app);
    expect((await login(app, email, { password: 'a wrong password' })).status).toBe(401);
    await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
    await app.send('POST', '/api/v1/auth/logout', { token: accessToken });
    services.metrics.observe('outbound_request_duration_seconds', { purpose: 'provider', outcome: 'answered' }, 0.1);
    services.metrics.observeStatement({ name: 'users.find', lane: 'read', milliseconds: 1, outcome: 'error' });
    services.metrics.count('rate_limit_refusals_total', { class: 'public' }, 0);
    const text = await (await fetchFromOps('/metrics')).text();
    const elsewhere = ['db_replica_reads_total', 'redis_up', 'serving_processes', 'serving_process_deaths_total'];
    const missing = Object.keys(metricList).filter(
      (name) => !elsewhere.includes(name) && !new RegExp(`^${name}(?:_count)?(?:\\{.*\\})? \\S+$`, 'm').test(text),
    );
    expect(missing).toEqual([]);
    for (const line of [
      'logins_total{method="password",outcome="succeeded"} 1',
      'logins_total{method="password",outcome="failed"} 1',
      'refreshes_total{outcome="refreshed"} 1',
      'refreshes_total{outcome="reused"} 0',
      'sessions_ended_total{reason="logout"} 1',
      'jobs_queue_depth{kind="mail.send"} 0',
      'readiness{check="database"} 1',
      'breaker_open{service="smtp"} 0',
      'db_reconnects_total{lane="write"} 0',
      `latchkey_info{version="${services.version}",node="${process.versions.node}"} 1`,
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    expect(text).toMatch(/^job_duration_seconds_count\{kind="mail.send",outcome="done"\} [1-9]/m);
    expect(text).toMatch(/^mail_delivery_seconds_count [1-9]/m);
    expect(text).toMatch(/^http_requests_in_flight 1$/m);
  });

  it('200 with as many time series after a flood of unknown methods, paths and headers as after a few', async () => {
    const { port } = (await ops.listen({ hosts: ['127.0.0.1'], port: 0 }))[0] as { readonly port: number };
    const count = async () => (await (await fetchFromOps('/metrics')).text()).split('\n').length;
    const send = async (index: number) => {
      const heads = [
        `X${index} /metrics HTTP/1.1`,
        `GET /${index} HTTP/1.1`,
        `PROPFIND /a${index} HTTP/1.1`,
        `POST /livez?${index} HTTP/1.1`,
      ];
      for (const head of heads) await sendRaw(port, `${head}\r\nHost: h${index}.example\r\nConnection: close\r\n\r\n`);
    };
    let sent = 0;
    const addedBy = async (requests: number) => {
      const before = await count();
      for (const end = sent + requests; sent < end; sent += 1) await send(sent);
      return (await count()) - before;
    };
    await addedBy(3);
    // A timer may do something for the first time meanwhile, but not during each flood.
    expect([await addedBy(20), await addedBy(20), await addedBy(20)]).toContain(0);
    const text = await (await fetchFromOps('/metrics')).text();
    expect(text).toMatch(/^http_requests_total\{method="OTHER",route="unmatched",status_code="400"\} 63$/m);
  });
});

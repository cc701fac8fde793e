import { beforeAll, describe, expect, it } from 'vitest';
import { openReadiness } from '#app/readiness-checks.ts';
import { serverOf } from '#app/running.ts';
import { FixedClock } from '#kernel/clock.ts';
import type { HttpServer } from '#platform/http/index.ts';
import { Application } from '#test/support/application.ts';
import { addVerifiedUser } from '#test/support/user-actions.ts';
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
});

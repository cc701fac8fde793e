import { beforeAll, describe, expect, it } from 'vitest';
import { opsEndpoints } from '#app/endpoints.ts';
import { readinessChecks } from '#app/readiness-checks.ts';
import { serverOf } from '#app/running.ts';
import { FixedClock } from '#kernel/clock.ts';
import type { HttpServer } from '#platform/http/index.ts';
import { Application } from '#test/support/application.ts';
import { addVerifiedUser } from '#test/support/user-actions.ts';

const time = new FixedClock(new Date('2030-02-03T04:05:06.000Z'));

let app: Application;
let ops: HttpServer;

beforeAll(async () => {
  app = await Application.open({ time });
  ops = await serverOf(
    app.services,
    opsEndpoints(
      app.services,
      readinessChecks(app.services, () => false),
    ),
  );
  return async () => {
    await ops.close({ graceMs: 0 });
    await app.close();
  };
});

function ask(path: string): Promise<Response> {
  return ops.fetch(new Request(`http://localhost:3001${path}`), { peerAddress: '127.0.0.1' });
}

describe('the probes', () => {
  it.each(['/livez', '/readyz', '/healthz'])('200 at %s, tersely', async (path) => {
    const answer = await app.send('GET', path);
    expect([answer.status, Object.keys(JSON.parse(answer.text) as object)]).toEqual([200, ['status']]);
  });

  it('503 at /readyz and /healthz while the revocations cannot be read, 200 at /livez all along', async () => {
    await app.services.revocations.stop();
    time.advance(6_000);
    for (const path of ['/readyz', '/healthz']) {
      const answer = await app.send('GET', path);
      expect([answer.status, answer.text]).toEqual([503, '{"status":"not_ready"}']);
    }
    expect((await app.send('GET', '/livez')).status).toBe(200);
    const verbose = (await (await ask('/readyz?verbose')).json()) as { readonly checks: Record<string, string> };
    expect(verbose.checks).toMatchObject({ database: 'ok', revocations: expect.stringContaining('has not been read') });
    await app.services.revocations.read();
    expect((await app.send('GET', '/readyz')).status).toBe(200);
  });

  it('404 for what only the operator’s listener has', async () => {
    expect((await app.send('GET', '/metrics')).status).toBe(404);
    expect((await ask('/api/v1/auth/session')).status).toBe(404);
  });
});

describe('GET /metrics', () => {
  it('200 counts requests, registrations, mails and statements under the promised names', async () => {
    const email = await addVerifiedUser(app);
    const answer = await ask('/metrics');
    const text = await answer.text();
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
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

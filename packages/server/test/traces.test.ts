/** Traces as a collector receives them: one from a caller's `traceparent` to the reply of the mail server. */
import { randomBytes } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Smtp } from '#platform/mail/index.ts';
import { parseSmtpUrl } from '#protocol/connection-url/index.ts';
import { Application } from './support/application.ts';
import { type CollectedSpan, type Collector, startCollector } from './support/otlp-collector.ts';
import { parsedValue } from './support/parsed.ts';
import { startSmtpServer, type TestSmtpServer } from './support/smtp.ts';
import { register, uniqueEmail, validPassword } from './support/user-actions.ts';
import { eventually } from './support/wait.ts';

const callerSpanId = '00f067aa0ba902b7';
const trustedPeer = '10.1.2.3';

let collector: Collector;
let smtp: TestSmtpServer;
let app: Application;
/** The trace of the caller of each test. */
let traceId: string;
let traceparent: string;

beforeEach(() => {
  traceId = randomBytes(16).toString('hex');
  traceparent = `00-${traceId}-${callerSpanId}-01`;
});

beforeAll(async () => {
  collector = await startCollector();
  smtp = await startSmtpServer();
  const server = parsedValue(parseSmtpUrl(smtp.url));
  app = await Application.open({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=of%20the%20collector',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/8',
    },
    transport: () => new Smtp({ server }),
  });
  return async () => {
    await app.close();
    await collector.stop();
    await smtp.stop();
  };
});

const registration = (email: string, peerAddress: string) =>
  app.send('POST', '/api/v1/auth/register', {
    json: { email, password: validPassword, name: 'Ada Lovelace' },
    headers: { traceparent },
    peerAddress,
  });

const isOfCaller = (span: CollectedSpan) => span.traceId === traceId || span.links.includes(traceId);

/** The span of the test's caller, or of a trace that links to it. */
const spanOf = (name: string, matches: (span: CollectedSpan) => boolean = isOfCaller) =>
  eventually(() => collector.spans.find((span) => span.name === name && matches(span)), { what: `the span ${name}` });

describe('a trace', () => {
  it('leads from the traceparent of a trusted proxy through the statements, the hash and the job to the reply of the mail server', async () => {
    expect((await registration(uniqueEmail(), trustedPeer)).status).toBe(201);
    const job = await spanOf('job mail.send');
    const request = await spanOf('POST /api/v1/auth/register');
    const trace = collector.spans.filter((span) => span.traceId === traceId);
    const below = (parent: CollectedSpan) => trace.filter(({ parentSpanId }) => parentSpanId === parent.spanId);
    expect(request).toMatchObject({
      traceId,
      parentSpanId: callerSpanId,
      kind: 2,
      isError: false,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/api/v1/auth/register',
        'http.response.status_code': 201,
      },
      resource: { 'service.name': 'latchkey', 'deployment.environment.name': 'test' },
    });
    expect(below(request).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['password.hash', 'register.create_user', 'job mail.send']),
    );
    expect(job).toMatchObject({ traceId, parentSpanId: request.spanId, kind: 5, isError: false, links: [] });
    expect(job.attributes).toMatchObject({ 'latchkey.job.kind': 'mail.send', 'latchkey.job.attempt': 1 });
    const work = below(job);
    expect(work.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['mail_ledger.find', 'smtp.send', 'jobs.complete']),
    );
    expect(work.find(({ name }) => name === 'smtp.send')).toMatchObject({
      kind: 3,
      attributes: { 'latchkey.outcome': 'accepted', 'smtp.reply_code': 250 },
    });
    expect(work.find(({ name }) => name === 'mail_ledger.find')?.attributes).toEqual({
      'db.system.name': 'postgresql',
      'db.operation.name': 'mail_ledger.find',
      'latchkey.lane': expect.any(String),
    });
    const [first] = collector.receiver.received;
    expect([first?.url, first?.headers['api-key']]).toEqual(['/v1/traces', 'of the collector']);
  });

  it('of a caller that is no trusted proxy is a link of our own one', async () => {
    expect((await registration(uniqueEmail(), '203.0.113.9')).status).toBe(201);
    const request = await spanOf('POST /api/v1/auth/register');
    expect(request).toMatchObject({ parentSpanId: '', links: [traceId] });
    expect(request.traceId).not.toBe(traceId);
    const job = await spanOf('job mail.send', (span) => span.traceId === request.traceId);
    expect(job.parentSpanId).toBe(request.spanId);
    expect(collector.spans.filter((span) => span.traceId === traceId)).toEqual([]);
  });

  it('of a later attempt at a job is one of its own, with a link to that of its cause', async () => {
    let refusals = 1;
    smtp.react((stage) => {
      if (stage !== 'end' || refusals === 0) return 'accept';
      refusals -= 1;
      return { code: 451, text: 'try again later' };
    });
    expect((await registration(uniqueEmail(), trustedPeer)).status).toBe(201);
    const first = await spanOf('job mail.send');
    expect(first).toMatchObject({ traceId, isError: true, attributes: { 'latchkey.outcome': 'retry' } });
    app.clock.advance(60_000);
    const second = await spanOf('job mail.send', ({ links }) => links.includes(traceId));
    expect(second).toMatchObject({ parentSpanId: '', links: [traceId], attributes: { 'latchkey.outcome': 'done' } });
    expect(second.traceId).not.toBe(traceId);
  });

  it('shows the code of a refusal, and no value of the request', async () => {
    const email = uniqueEmail('in-no-span');
    await register(app, email);
    const json = { email, password: 'a wrong password in no span' };
    const refused = await app.send('POST', '/api/v1/auth/login', {
      json,
      headers: { traceparent },
      peerAddress: trustedPeer,
    });
    expect(refused.status).toBe(401);
    const request = await spanOf('POST /api/v1/auth/login');
    expect(request.attributes).toMatchObject({
      'http.response.status_code': 401,
      'latchkey.problem': 'invalid_credentials',
      'latchkey.request_id': expect.any(String),
    });
    expect(request.isError).toBe(false);
    const received = Buffer.concat(collector.bytes).toString('latin1');
    for (const secret of ['in-no-span', 'wrong password', 'Lovelace', 'select ', 'insert into'])
      expect(received).not.toContain(secret);
  });

  it('of a probe does not exist', async () => {
    await app.send('GET', '/livez', { headers: { traceparent }, peerAddress: trustedPeer });
    await app.send('GET', '/api/v1/auth/session', { headers: { traceparent }, peerAddress: trustedPeer });
    await spanOf('GET /api/v1/auth/session');
    expect(collector.spans.map(({ name }) => name)).not.toContain('GET /livez');
  });
});

// The last one, because the collector does not come back.
it('requests succeed without a collector, and the spans that it misses are counted', async () => {
  await collector.stop();
  expect((await registration(uniqueEmail(), trustedPeer)).status).toBe(201);
  const lost = /^telemetry_dropped_total\{signal="traces"\} [1-9]\d*$/m;
  await eventually(async () => lost.test(await app.services.metrics.render()), {
    what: 'spans are counted as dropped',
    timeoutMs: 20_000,
  });
});

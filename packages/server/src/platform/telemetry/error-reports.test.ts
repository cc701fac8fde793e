import { type ErrorEvent, parseEnvelope } from '@sentry/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { FixedClock, systemClock } from '#kernel/clock.ts';
import { ErrorReports, type SendEnvelope } from './error-reports.ts';
import { createLogger, type LogFields } from './logger.ts';
import { runInSpan, type Span } from './spans.ts';

const dsn = 'https://abc@sentry.example/42';

let clock: FixedClock;
let sent: string[];
let dropped: number;
let reports: ErrorReports;

beforeEach(() => {
  clock = new FixedClock(new Date('2030-02-03T04:05:06.000Z'));
  sent = [];
  dropped = 0;
  reports = new ErrorReports({ dsn, clock, release: '1.2.3', environment: 'production', serverName: 'node-1' });
});

const accept: SendEnvelope = async (envelope) => {
  sent.push(envelope);
  return { kind: 'sent' };
};

function connect(send: SendEnvelope = accept): void {
  reports.connect(send, (count) => {
    dropped += count;
  });
}

function report(fields: LogFields, more: { readonly span?: Span } = {}): void {
  reports.capture({ level: 'error', message: 'request', fields, span: more.span });
}

/** The head and the event, as Sentry's own parser reads them. */
function readEnvelope(text = sent.at(-1) ?? ''): { readonly head: object; readonly event: ErrorEvent } {
  const [head, items] = parseEnvelope(text);
  expect(items).toHaveLength(1);
  const [item] = items;
  expect(item?.[0]).toEqual({ type: 'event' });
  return { head, event: item?.[1] as ErrorEvent };
}

async function flush(): Promise<void> {
  await reports.close();
}

describe('ErrorReports', () => {
  it('sends the error of a log line with its place in the code, its causes, tags and trace', async () => {
    connect();
    const span = { traceId: 'a'.repeat(32), traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } as Span;
    const error = new TypeError('boom', { cause: Object.assign(new Error('inner'), { code: 'ECONNRESET' }) });
    report(
      { method: 'POST', route: '/api/v1/auth/login', status: 500, requestId: 'r1', userId: 'u1', error },
      { span },
    );
    await flush();
    const { head, event } = readEnvelope();
    expect(head).toEqual({ event_id: event.event_id, sent_at: '2030-02-03T04:05:06.000Z', dsn });
    expect(event).toMatchObject({
      event_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      timestamp: Date.parse('2030-02-03T04:05:06.000Z') / 1000,
      platform: 'node',
      level: 'error',
      release: 'latchkey@1.2.3',
      environment: 'production',
      server_name: 'node-1',
      tags: { method: 'POST', route: '/api/v1/auth/login', status: '500' },
      extra: { requestId: 'r1' },
      contexts: { trace: { trace_id: 'a'.repeat(32), span_id: 'b'.repeat(16) } },
    });
    const [inner, outer] = event.exception?.values ?? [];
    expect([inner?.type, inner?.value]).toEqual(['Error', 'inner (ECONNRESET)']);
    expect([outer?.type, outer?.value]).toEqual(['TypeError', 'boom']);
    const frames = outer?.stacktrace?.frames ?? [];
    expect(frames.findLast(({ in_app: isOwn }) => isOwn)).toMatchObject({
      filename: 'src/platform/telemetry/error-reports.test.ts',
      lineno: expect.any(Number),
    });
    expect(sent[0]).not.toMatch(/u1|\/tmp|\/home|context_line/);
  });

  it.each([
    ['a secret', 'no row for lk_rt_abcDEF123_-x', 'lk_rt'],
    ['an address', '550 <someone@example.com> unknown', 'someone'],
    ['a query', 'cannot GET /verify-email?token=abcdef', 'abcdef'],
    ['credentials', 'connect postgres://user:hunter2@db/x', 'hunter2'],
  ])('masks %s in the message of an error and of its cause', async (_, message, secret) => {
    connect();
    report({ error: new Error(message, { cause: new Error(message) }) });
    await flush();
    expect(readEnvelope().event.exception?.values).toHaveLength(2);
    expect(sent.join('')).not.toContain(secret);
  });

  it('reports a line without an error by its message', async () => {
    connect();
    const detail = 'refused with 550';
    reports.capture({
      level: 'error',
      message: 'a job became a dead letter',
      fields: { job: 'mail.send', detail },
      span: undefined,
    });
    await flush();
    expect(readEnvelope().event).toMatchObject({
      tags: { job: 'mail.send' },
      extra: { detail },
      fingerprint: ['a job became a dead letter', 'a job became a dead letter'],
    });
  });

  it('sends ten reports of one fault in a minute, and counts the others', async () => {
    connect();
    const fail = () => new Error('the same fault');
    for (let index = 0; index < 50; index += 1) report({ error: fail() });
    report({ error: new RangeError('another one') });
    await flush();
    expect([sent.length, dropped]).toEqual([11, 40]);
    connect();
    clock.advance(60_000);
    report({ error: fail() });
    await flush();
    expect(sent).toHaveLength(12);
  });

  it('keeps the first errors until it can send, and a hundred at most', async () => {
    for (let index = 0; index < 150; index += 1)
      report({ error: Object.assign(new Error('x'), { name: `E${index}` }) });
    connect();
    await flush();
    expect([sent.length, dropped]).toEqual([100, 50]);
  });

  it('drops what waits, and sends nothing for as long as the service says, when it refuses', async () => {
    connect(async () => ({ kind: 'refused', pauseSeconds: 30 }));
    report({ error: new Error('first') });
    report({ error: new RangeError('second') });
    await flush();
    connect();
    report({ error: new Error('third') });
    expect(dropped).toBe(3);
    clock.advance(30_000);
    report({ error: new SyntaxError('fourth') });
    await flush();
    expect(sent).toHaveLength(1);
  });

  it('closes within two seconds while the service does not respond', async () => {
    connect(() => new Promise(() => undefined));
    report({ error: new Error('x') });
    const startedMs = systemClock.monotonicMs();
    await flush();
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(4000);
  });
});

describe('a logger', () => {
  it('reports its lines at error and fatal with the fields of its parents, and no others', () => {
    const seen: unknown[] = [];
    const span = { traceId: 'a'.repeat(32) } as Span;
    const logger = createLogger({
      level: 'silent',
      service: 'latchkey',
      version: '1',
      destination: { write: () => undefined },
      onError: (line) => seen.push(line),
    });
    const child = logger.child({ route: '/livez' }).child({ method: 'GET' });
    child.warn('a warning');
    runInSpan(span, () => child.error('request', { status: 500 }));
    child.fatal('the end');
    const fields = { route: '/livez', method: 'GET' };
    expect(seen).toEqual([
      { level: 'error', message: 'request', fields: { ...fields, status: 500 }, span },
      { level: 'fatal', message: 'the end', fields, span: undefined },
    ]);
  });
});

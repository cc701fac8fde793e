import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { systemClock } from '#kernel/clock.ts';
import { createLogger, createMetrics } from '#platform/telemetry/index.ts';
import { sampleEndpoints, sampleOptions } from '#test/support/sample-http-server.ts';
import { eventually } from '#test/support/wait.ts';
import { apiEndpoint, buildServer, type Endpoint, type HttpServer, Overload } from '../index.ts';
import { type SheddingLevel, shedFromMs } from './load-shedding.ts';

const ofSession = (id: string, path: `/${string}`, more: { readonly isSessionCheck?: true }): Endpoint =>
  apiEndpoint({
    id,
    method: 'GET',
    path,
    tag: 'test',
    summary: 'Of a session',
    auth: { principals: ['session'] },
    rateLimit: 'authenticated',
    problems: [],
    request: {},
    response: { status: 200, message: 'Yours.', data: z.null(), example: null },
    handler: async () => ({ data: null }),
    ...more,
  });

/** A request of each priority, the first that is shed first. */
const paths = ['/form?token=t', '/api/v1/things', '/api/v1/of-session', '/api/v1/check', '/livez'] as const;

const metrics = createMetrics({ processMetrics: false });
const lines: string[] = [];
const logger = createLogger({
  level: 'warn',
  service: 'latchkey',
  version: '0',
  destination: { write: (line) => void lines.push(line) },
});
/** The bounds are reached in an eighth of the time. */
const speed = 8;
const clock = { now: () => systemClock.now(), monotonicMs: () => systemClock.monotonicMs() * speed };
const overload = new Overload({ clock, logger });
let server: HttpServer;
let base: string;

beforeAll(async () => {
  server = await buildServer(
    sampleOptions({
      endpoints: [
        ...sampleEndpoints,
        ofSession('test.of_session', '/api/v1/of-session', {}),
        ofSession('test.check', '/api/v1/check', { isSessionCheck: true }),
      ],
      metrics,
      overload,
      limits: { requestTimeoutMs: 15_000 },
    }),
  );
  const [address] = await server.listen({ hosts: ['127.0.0.1'], port: 0 });
  base = `http://127.0.0.1:${address?.port ?? 0}`;
  overload.start();
});

afterAll(async () => {
  overload.stop();
  await server.close({ graceMs: 0 });
});

const ask = async (path: string): Promise<Response> => {
  const response = await fetch(base + path, { headers: { authorization: 'Bearer good', cookie: 'latchkey=good' } });
  await response.clone().arrayBuffer();
  return response;
};
const send = (path: string): Promise<Response> =>
  fetch(base + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: 'x'.repeat(10_000) });
const statuses = async (): Promise<number[]> => (await Promise.all(paths.map(ask))).map(({ status }) => status);

/** Blocks each turn of the event loop for as long as a timer must be late for this lateness. */
async function whileLate<T>(lateMs: number, work: () => Promise<T>): Promise<T> {
  let isDone = false;
  const turn = (): void => {
    const untilMs = clock.monotonicMs() + lateMs + 70;
    while (clock.monotonicMs() < untilMs);
    if (!isDone) setImmediate(turn);
  };
  turn();
  try {
    return await work();
  } finally {
    isDone = true;
  }
}

async function shed(): Promise<Record<string, number>> {
  const found = (await metrics.render()).matchAll(/^http_requests_shed_total\{priority="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries([...found].map(([, priority, count]) => [priority, Number(count)]));
}

const rises = (level: SheddingLevel) =>
  eventually(() => overload.level === level, { what: `level ${level} is reached`, timeoutMs: 30_000 });

describe('while the event loop stays late', () => {
  it.each([
    ['serves everything on time', 0, 0, [200, 200, 200, 200, 200]],
    ['rejects pages and what may begin a session first', shedFromMs.low, 1, [503, 503, 200, 200, 200]],
    ['then the requests of sessions', shedFromMs.normal, 2, [503, 503, 503, 200, 200]],
    ['then session checks, and never a probe', shedFromMs.high, 3, [503, 503, 503, 503, 200]],
  ] as const)('%s', { timeout: 60_000 }, async (_, lateMs, level, expected) => {
    const found = await whileLate(lateMs, async () => {
      await rises(level);
      return statuses();
    });
    expect(found).toEqual(expected);
    await eventually(() => overload.level === 0, { what: 'the level is 0 again' });
    expect(await statuses()).toEqual([200, 200, 200, 200, 200]);
  });

  it('counted each rejection by its priority', async () => {
    expect(await shed()).toEqual({ low: 6, normal: 2, high: 1 });
  });

  it('sends Retry-After and the reason, to people a page', async () => {
    const [page, data, sent] = await whileLate(shedFromMs.low, async () => {
      await rises(1);
      return Promise.all([ask('/form?token=t'), ask('/api/v1/things'), send('/api/v1/echo')]);
    });
    // Its body was read, so the connection stays open.
    expect(sent.headers.get('connection')).toBe('keep-alive');
    for (const { status, headers } of [page, data, sent]) {
      expect(status).toBe(503);
      expect(['1', '2', '3']).toContain(headers.get('retry-after'));
    }
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await data.json()).toMatchObject({ code: 'busy', status: 503 });
  });

  it('logs when it begins and when it ends, not for each level', async () => {
    await eventually(() => overload.level === 0, { what: 'the level is 0 again' });
    const messages = lines.map((line) => (JSON.parse(line) as { readonly msg: string }).msg);
    // A busy machine may add pairs.
    expect(messages.length).toBeGreaterThanOrEqual(8);
    const ends = [
      'the event loop is late; requests are rejected',
      'the event loop is on time again; no request is rejected',
    ];
    expect(messages).toEqual(messages.map((_, index) => ends[index % 2]));
  });
});

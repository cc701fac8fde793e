import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { FixedClock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { html, page } from '#platform/html/index.ts';
import { createLogger, createMetrics } from '#platform/telemetry/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import { sendRaw } from '#test/support/raw-http.ts';
import {
  apiEndpoint,
  buildServer,
  type Caller,
  documentationEndpoints,
  documentEndpoint,
  type Endpoint,
  type HttpServer,
  ListenFailed,
  type Principal,
  pageEndpoint,
  type ServerOptions,
} from './index.ts';

const now = new Date('2026-01-02T03:04:05.000Z');

const principal: Principal = {
  userId: 'u',
  subject: 'u',
  sessionId: 's',
  clientId: 'default',
  authEpoch: 0,
  transport: 'cookie',
  acr: 'aal1',
  amr: ['pwd'],
  authTime: now,
  expiresAt: now,
};

let lastCaller: Caller | undefined;
let releaseSlow: (() => void) | undefined;
let slowEntered: (() => void) | undefined;

const common = { tag: 'test', rateLimit: 'public', problems: [] } as const;

const echo = apiEndpoint({
  ...common,
  id: 'test.echo',
  method: 'POST',
  path: '/api/v1/echo',
  summary: 'Echo',
  auth: 'public',
  request: { body: z.strictObject({ email: z.string().max(254), note: z.string().optional() }) },
  response: {
    status: 201,
    message: 'Echoed.',
    data: z.object({ email: z.string(), at: z.date(), nothing: z.string().nullable(), quote: z.string() }),
  },
  handler: async ({ body, caller }) => {
    lastCaller = caller;
    const data = { email: body.email, at: now, nothing: null, quote: 'a "b"', secret: 'hunter2' };
    return { data };
  },
});

const endpoints: readonly Endpoint[] = [
  echo,
  apiEndpoint({
    ...common,
    id: 'test.me',
    method: 'GET',
    path: '/api/v1/me',
    summary: 'Me',
    auth: 'session',
    request: {},
    response: { status: 200, message: 'You.', data: z.strictObject({ user: z.string() }) },
    handler: async (input) => ({ data: { user: input.principal.userId } }),
  }),
  apiEndpoint({
    ...common,
    id: 'test.leave',
    method: 'POST',
    path: '/api/v1/leave',
    summary: 'Leave',
    auth: 'session',
    request: {},
    response: { status: 200, message: 'Gone.', data: z.null() },
    handler: async () => ({
      data: null,
      cookies: [
        { cookie: 'session', change: 'expire' },
        { cookie: 'device', change: { value: 'd1', expiresAt: now } },
      ],
      clearSiteData: true,
    }),
  }),
  apiEndpoint({
    ...common,
    id: 'test.list',
    method: 'GET',
    path: '/api/v1/things',
    summary: 'Things',
    auth: 'public',
    request: { query: z.strictObject({ sort: z.enum(['name', 'age']).optional() }) },
    response: { status: 200, message: 'Things.', list: true, data: z.array(z.strictObject({ id: z.string() })) },
    handler: async ({ query }) => ({
      data: [{ id: query.sort ?? 'none' }],
      pagination: { limit: 20, nextCursor: null, total: 1 },
    }),
  }),
  apiEndpoint({
    ...common,
    id: 'test.end',
    method: 'DELETE',
    path: '/api/v1/things/{id}',
    summary: 'End',
    auth: 'public',
    request: { params: z.strictObject({ id: z.uuid() }) },
    response: { status: 200, message: 'Ended.', data: z.strictObject({ id: z.string() }) },
    handler: async ({ params }) => ({ data: { id: params.id } }),
  }),
  apiEndpoint({
    ...common,
    id: 'test.fail',
    method: 'GET',
    path: '/api/v1/fail',
    summary: 'Fail',
    auth: 'public',
    request: { query: z.strictObject({ how: z.string() }) },
    response: { status: 200, message: '', data: z.null() },
    handler: async ({ query }) => {
      if (query.how === 'busy') throw new Problem('busy', { retryAfterSeconds: 2.2 });
      if (query.how === 'mapped') throw new RangeError('mapped');
      throw new Error('a bug with someone@example.com inside');
    },
  }),
  apiEndpoint({
    ...common,
    id: 'test.slow',
    method: 'GET',
    path: '/api/v1/slow',
    summary: 'Slow',
    auth: 'public',
    request: {},
    response: { status: 200, message: 'Done.', data: z.null() },
    handler: async () => {
      slowEntered?.();
      await new Promise<void>((resolve) => {
        releaseSlow = resolve;
      });
      return { data: null };
    },
  }),
  pageEndpoint({
    id: 'test.form',
    method: 'POST',
    path: '/form',
    summary: 'Form',
    rateLimit: 'public',
    problems: ['invalid_token'],
    request: { form: z.strictObject({ token: z.string() }) },
    handler: async ({ body }) => {
      if (body.token === 'bad') throw new Problem('invalid_token');
      if (body.token === 'go') return { kind: 'redirect', location: '/done' };
      return { kind: 'html', status: 200, html: page({ title: 'Form', body: html`<p>${body.token}</p>` }) };
    },
  }),
  documentEndpoint({
    id: 'test.probe',
    method: 'GET',
    path: '/livez',
    summary: 'Alive',
    rateLimit: 'none',
    problems: [],
    contentType: 'application/json; charset=utf-8',
    openToCors: false,
    cacheSeconds: 0,
    handler: async (query) => ({ status: 200, body: JSON.stringify({ ok: true, query }) }),
  }),
];

const lines: string[] = [];
const clock = new FixedClock(now);
let nextId = 0;

function options(overrides: Partial<ServerOptions> = {}): ServerOptions {
  const publicUrl = new URL('http://localhost:3000');
  return {
    endpoints: [...endpoints, ...documentationEndpoints(endpoints, { publicUrl, version: '0' })],
    authenticate: async ({ bearer, sessionCookie }) =>
      bearer === 'good' || sessionCookie === 'good' ? principal : undefined,
    logger: createLogger({
      level: 'info',
      service: 'latchkey',
      version: '0',
      destination: { write: (line) => void lines.push(line) },
    }),
    metrics: createMetrics({ processMetrics: false }),
    publicUrl,
    production: false,
    clock,
    parseJson: parseStrictJson,
    resolveClientAddress: ({ socketAddress, forwardedFor }) => forwardedFor ?? socketAddress,
    makeRequestId: () => {
      nextId += 1;
      return `request-${nextId}`;
    },
    limits: { requestTimeoutMs: 400 },
    toProblem: (error) => (error instanceof RangeError ? new Problem('unavailable') : undefined),
    ...overrides,
  };
}

let server: HttpServer;
let port = 0;
let base = '';

beforeAll(async () => {
  server = await buildServer(options());
  const [address] = await server.listen({ hosts: ['127.0.0.1'], port: 0 });
  port = address!.port;
  base = `http://127.0.0.1:${port}`;
});

afterAll(() => server.close({ graceMs: 0 }));

interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly json: {
    readonly code?: string;
    readonly type?: string;
    readonly errors?: readonly unknown[];
    readonly data?: unknown;
    readonly pagination?: unknown;
  };
}

async function call(path: string, init: RequestInit = {}): Promise<Told> {
  const answer = await fetch(base + path, { redirect: 'manual', ...init });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, json: text.startsWith('{') ? JSON.parse(text) : {} };
}

const post = (body: BodyInit, headers: Record<string, string> = {}) =>
  call('/api/v1/echo', { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

describe('an answer of the API', () => {
  it('201 is the envelope, without what the schema does not list', async () => {
    const { status, headers, json } = await post('{"email":"a@b.example"}');
    expect(status).toBe(201);
    expect(json).toEqual({
      success: true,
      message: 'Echoed.',
      data: { email: 'a@b.example', at: now.toISOString(), nothing: null, quote: 'a "b"' },
      meta: { timestamp: now.toISOString(), requestId: headers.get('x-request-id') },
    });
  });

  it('has the headers that keep it out of caches and frames, and names no software', async () => {
    const { headers } = await post('{"email":"a"}');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect([headers.get('server'), headers.get('x-powered-by'), headers.get('strict-transport-security')]).toEqual([
      null,
      null,
      null,
    ]);
  });

  it('stands below /api as below /api/v1, and below no other version', async () => {
    expect((await call('/api/things')).json.data).toEqual([{ id: 'none' }]);
    expect((await call('/api/v1/things?sort=age')).json.pagination).toEqual({
      limit: 20,
      nextCursor: null,
      total: 1,
    });
    expect((await call('/api/v2/things')).status).toBe(404);
  });

  it('tells HEAD what GET would say, without a body', async () => {
    const answer = await fetch(`${base}/livez`, { method: 'HEAD' });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  it('gives the handler the caller that the resolver names', async () => {
    await post('{"email":"a"}', { 'x-forwarded-for': '203.0.113.9', cookie: 'latchkey_device=d; other=1; other=2' });
    expect(lastCaller).toMatchObject({ address: '203.0.113.9', deviceCookie: 'd' });
  });

  it('keeps a well-formed request id and replaces any other', async () => {
    expect((await post('{"email":"a"}', { 'x-request-id': 'proxy-id-1234' })).headers.get('x-request-id')).toBe(
      'proxy-id-1234',
    );
    for (const odd of ['a', 'x'.repeat(65), 'with space here', '<script>alert</script>']) {
      expect((await post('{"email":"a"}', { 'x-request-id': odd })).headers.get('x-request-id')).toMatch(
        /^request-\d+$/,
      );
    }
  });
});

describe('a bad body', () => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  const cases: readonly (readonly [string, BodyInit, number, string])[] = [
    ['no JSON', '{', 400, 'malformed_json'],
    ['nothing', '', 400, 'malformed_json'],
    ['a duplicate key', '{"email":"a","email":"b"}', 400, 'duplicate_key'],
    ['a duplicate key by escape', '{"email":"a","\\u0065mail":"b"}', 400, 'duplicate_key'],
    ['__proto__', '{"__proto__":{"a":1},"email":"a"}', 400, 'forbidden_key'],
    ['10,000 levels', deep.slice(0, 16_000), 400, 'too_deep'],
    ['10,000 levels and too large', deep, 413, 'body_too_large'],
    ['1 MB', `{"email":"${'a'.repeat(1024 * 1024)}"}`, 413, 'body_too_large'],
    ['8 MB', `{"email":"${'a'.repeat(8 * 1024 * 1024)}"}`, 413, 'body_too_large'],
    ['invalid UTF-8', Uint8Array.from([0x7b, 0xff, 0x7d]), 400, 'malformed_request'],
    ['a byte order mark', '\uFEFF{"email":"a"}', 400, 'malformed_json'],
    ['a null byte', '{"email":"a\\u0000b"}', 422, 'validation_failed'],
    ['a lone surrogate', '{"email":"\\ud800"}', 422, 'validation_failed'],
    ['a raw null byte', '{"email":"a\u0000"}', 400, 'malformed_json'],
    ['a number for a text', '{"email":1}', 422, 'validation_failed'],
    ['an array for a text', '{"email":["a"]}', 422, 'validation_failed'],
    ['an object for a text', '{"email":{"$ne":null}}', 422, 'validation_failed'],
    ['null for a text', '{"email":null}', 422, 'validation_failed'],
    ['an array for the body', '[]', 422, 'validation_failed'],
    ['null for the body', 'null', 422, 'validation_failed'],
    ['an unknown key', '{"email":"a","admin":true}', 422, 'validation_failed'],
    ['the key constructor', '{"email":"a","constructor":{"prototype":{}}}', 422, 'validation_failed'],
  ];

  it.each(cases)('of %s is refused', async (_, body, status, code) => {
    const answer = await post(body);
    expect([answer.status, answer.json.code]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  });

  it('422 names each field by JSON Pointer and code, without echoing a value', async () => {
    const { json } = await post('{"email":12345,"a/b~":"hunter2"}');
    expect(json.errors).toEqual([
      { path: '/email', code: 'invalid_type', message: expect.any(String) },
      { path: '/a~1b~0', code: 'unknown_key', message: expect.any(String) },
    ]);
    expect(JSON.stringify(json)).not.toMatch(/12345|hunter2/);
    expect((await post('{}')).json.errors).toMatchObject([{ path: '/email', code: 'required' }]);
    expect((await post(`{"email":"${'x'.repeat(255)}"}`)).json.errors).toMatchObject([{ code: 'too_long' }]);
    expect((await post('{"email":"\\u0000"}')).json.errors).toMatchObject([
      { path: '/email', code: 'invalid_characters' },
    ]);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=latin1',
    'application/jsonp',
    'application/problem+json',
    'nonsense',
  ])('of type %s is refused with 415', async (type) => {
    const answer = await post('{"email":"a"}', { 'content-type': type });
    expect([answer.status, answer.json.code]).toEqual([415, 'unsupported_media_type']);
  });

  it('that is compressed is refused with 415', async () => {
    expect((await post('{"email":"a"}', { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  it('without a type is refused with 415', async () => {
    const answer = await call('/api/v1/echo', { method: 'POST', body: new Uint8Array([123, 125]) });
    expect(answer.status).toBe(415);
  });

  it('is accepted with a charset of UTF-8 in any spelling', async () => {
    expect((await post('{"email":"a"}', { 'content-type': 'Application/JSON;charset="UTF-8"' })).status).toBe(201);
  });
});

describe('a body that is not declared', () => {
  const leave = (body: BodyInit | null) =>
    call('/api/v1/leave', {
      method: 'POST',
      body,
      headers: { authorization: 'Bearer good', 'content-type': 'application/json' },
    });

  it('may be empty or {} and nothing else', async () => {
    expect([(await leave(null)).status, (await leave('{}')).status]).toEqual([200, 200]);
    expect((await leave('{"a":1}')).json.errors).toMatchObject([{ path: '/a', code: 'unknown_key' }]);
    expect((await leave('[]')).status).toBe(422);
    expect((await leave('{')).status).toBe(400);
  });

  it('is refused with DELETE', async () => {
    const path = '/api/v1/things/0190b9e0-0000-7000-8000-000000000000';
    const refused = await call(path, { method: 'DELETE', body: '{}', headers: { 'content-type': 'application/json' } });
    expect([refused.status, refused.json.code]).toEqual([400, 'malformed_request']);
    expect((await call(path, { method: 'DELETE' })).status).toBe(200);
  });
});

describe('a bad target', () => {
  it.each([
    ['/api/v1/nothing', 404, 'not_found'],
    ['/api/v1/things/not-a-uuid', 405, 'method_not_allowed'],
    ['/', 404, 'not_found'],
    ['/livez/', 404, 'not_found'],
    ['/LIVEZ', 404, 'not_found'],
    ['/%ff', 400, 'malformed_request'],
    ['/%00', 404, 'not_found'],
    ['/../etc/passwd', 404, 'not_found'],
    [`/${'a'.repeat(5000)}`, 414, 'uri_too_long'],
    ['/api/v1/things?sort=secret', 422, 'validation_failed'],
    ['/api/v1/things?sort=name&sort=age', 400, 'malformed_request'],
    ['/api/v1/things?other=1', 422, 'validation_failed'],
    ['/api/v1/things?__proto__=1', 400, 'forbidden_key'],
    ['/api/v1/things?sort=%ff', 400, 'malformed_request'],
    ['/api/v1/things?sort=%00', 422, 'validation_failed'],
    ['/api/v1/slow?unknown=1', 422, 'validation_failed'],
    [`/livez?${'a&'.repeat(100)}`, 400, 'malformed_request'],
  ])('%.40s is refused', async (path, status, code) => {
    const answer = await call(path);
    expect([answer.status, answer.json.code]).toEqual([status, code]);
  });

  it('405 names what is allowed; OPTIONS says the same', async () => {
    for (const method of ['PUT', 'PATCH', 'DELETE', 'PROPFIND', 'SEARCH']) {
      const answer = await call('/api/v1/echo', { method });
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, 'POST, OPTIONS']);
    }
    const told = await call('/livez', { method: 'OPTIONS' });
    expect([told.status, told.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
    expect((await call('/openapi.json', { method: 'OPTIONS' })).headers.get('access-control-allow-origin')).toBe('*');
    expect((await call('/nothing', { method: 'OPTIONS' })).status).toBe(404);
  });

  it('404 of a parameter that names nothing', async () => {
    const answer = await call('/api/v1/things/not-a-uuid', { method: 'DELETE' });
    expect([answer.status, answer.json.code]).toEqual([404, 'not_found']);
  });

  it('404 comes before a body is read', async () => {
    const answer = await call('/nothing', { method: 'POST', body: 'x'.repeat(100_000) });
    expect([answer.status, answer.headers.get('connection')]).toEqual([404, 'close']);
  });
});

describe('bytes that are no request', () => {
  const host = `Host: 127.0.0.1\r\n`;
  const json = 'Content-Type: application/json\r\n';
  it.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'malformed_request'],
    ['TLS', Buffer.from('16030100', 'hex'), 400, 'malformed_request'],
    ['an unknown method', `BREW /livez HTTP/1.1\r\n${host}\r\n`, 400, 'malformed_request'],
    ['no version', 'GET /livez\r\n\r\n', 400, 'malformed_request'],
    ['a space in the target', `GET /li vez HTTP/1.1\r\n${host}\r\n`, 400, 'malformed_request'],
    ['no Host', 'GET /livez HTTP/1.1\r\n\r\n', 400, 'malformed_request'],
    ['two Hosts', `GET /livez HTTP/1.1\r\n${host}${host}\r\n`, 400, 'malformed_request'],
    [
      'two Authorizations',
      `GET /api/v1/me HTTP/1.1\r\n${host}Authorization: Bearer good\r\nauthorization: Bearer good\r\n\r\n`,
      400,
      'malformed_request',
    ],
    [
      'two Content-Lengths',
      `POST /api/v1/echo HTTP/1.1\r\n${host}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
      400,
      'malformed_request',
    ],
    [
      'both lengths',
      `POST /api/v1/echo HTTP/1.1\r\n${host}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'malformed_request',
    ],
    [
      'a chunk of a wrong size',
      `POST /api/v1/echo HTTP/1.1\r\n${host}${json}Transfer-Encoding: chunked\r\n\r\n2\r\n{}oops\r\n0\r\n\r\n`,
      400,
      'malformed_request',
    ],
    [
      'a chunk size that is no number',
      `POST /api/v1/echo HTTP/1.1\r\n${host}${json}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n`,
      400,
      'malformed_request',
    ],
    ['a GET with a body', `GET /livez HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\n{}`, 400, 'malformed_request'],
    ['a header line without a colon', `GET /livez HTTP/1.1\r\n${host}nonsense\r\n\r\n`, 400, 'malformed_request'],
    ['a header that is folded', `GET /livez HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`, 400, 'malformed_request'],
    ['a null byte in a header', `GET /livez HTTP/1.1\r\n${host}X: a\u0000b\r\n\r\n`, 400, 'malformed_request'],
    [
      'headers that are too large',
      `GET /livez HTTP/1.1\r\n${host}X: ${'a'.repeat(100_000)}\r\n\r\n`,
      431,
      'header_fields_too_large',
    ],
    [
      'an expectation',
      `POST /api/v1/echo HTTP/1.1\r\n${host}Expect: miracles\r\nContent-Length: 2\r\n\r\n{}`,
      417,
      'expectation_failed',
    ],
    ['CONNECT', `CONNECT example.com:443 HTTP/1.1\r\n${host}\r\n`, 405, 'method_not_allowed'],
    ['a head that does not end', `GET /livez HTTP/1.1\r\n${host}`, 408, 'request_timeout'],
    [
      'a body that does not end',
      `POST /api/v1/echo HTTP/1.1\r\n${host}${json}Content-Length: 20\r\n\r\n{`,
      408,
      'request_timeout',
    ],
  ])('%s is refused with a problem', async (_, bytes, status, code) => {
    const answer = await sendRaw(port, bytes);
    const document = JSON.parse(answer.body) as { readonly code: string; readonly meta: unknown };
    expect([answer.status, document.code]).toEqual([status, code]);
    expect(document.meta).toEqual({ timestamp: now.toISOString(), requestId: answer.headers['x-request-id'] });
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  });

  it.each([
    [
      'an absolute form, whose authority decides nothing',
      `GET http://elsewhere.example/livez HTTP/1.1\r\n${host}\r\n`,
      200,
    ],
    ['HTTP/1.0 without Host', 'GET /livez HTTP/1.0\r\n\r\n', 200],
    ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${host}\r\n`, 204],
    [
      'Expect: 100-continue',
      `POST /api/v1/echo HTTP/1.1\r\n${host}${json}Expect: 100-continue\r\nContent-Length: 13\r\n\r\n{"email":"a"}`,
      201,
    ],
    [
      'a chunked body',
      `POST /api/v1/echo HTTP/1.1\r\n${host}${json}Transfer-Encoding: chunked\r\n\r\nd\r\n{"email":"a"}\r\n0\r\n\r\n`,
      201,
    ],
  ])('%s is answered', async (_, bytes, status) => {
    expect((await sendRaw(port, bytes)).status).toBe(status);
  });

  it('are logged without anything of theirs', async () => {
    lines.length = 0;
    await sendRaw(port, 'SECRET-METHOD /secret?token=1 HTTP/1.1\r\n\r\n');
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ problem: 'malformed_request', status: 400 });
    expect(lines.join('')).not.toMatch(/secret/i);
  });
});

describe('a session', () => {
  const me = (headers: Record<string, string>) => call('/api/v1/me', { headers });
  const leave = (headers: Record<string, string>) => call('/api/v1/leave', { method: 'POST', headers });

  it('401 asks for a bearer token', async () => {
    const answer = await me({});
    expect([answer.status, answer.json.code, answer.headers.get('www-authenticate')]).toEqual([
      401,
      'not_authenticated',
      'Bearer',
    ]);
  });

  it('200 by bearer token or by cookie', async () => {
    expect((await me({ authorization: 'Bearer good' })).json.data).toEqual({ user: 'u' });
    expect((await me({ cookie: 'latchkey_session=good' })).json.data).toEqual({ user: 'u' });
  });

  it('401 when a header is presented that is no good token, whatever the cookie says', async () => {
    for (const authorization of ['Bearer bad', 'Basic Z29vZA==', 'Bearer', 'Bearer good good', 'Bearer ü', 'good']) {
      expect((await me({ authorization, cookie: 'latchkey_session=good' })).status).toBe(401);
    }
  });

  it('400 when our cookie stands twice', async () => {
    expect((await me({ cookie: 'latchkey_session=bad; latchkey_session=good' })).status).toBe(400);
  });

  it('403 for a write by cookie unless the browser says that it comes from here', async () => {
    const cookie = 'latchkey_session=good';
    const origin = 'http://localhost:3000';
    const refused = [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin },
      { 'sec-fetch-site': 'none' },
      { origin: 'http://localhost:3001' },
      { origin: 'null' },
    ];
    for (const headers of refused) {
      const { status, json } = await leave({ cookie, ...headers });
      expect([headers, status, json.code]).toEqual([headers, 403, 'cross_site_request']);
    }
    expect((await leave({ cookie, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    expect((await leave({ cookie, origin })).status).toBe(200);
    expect((await leave({ authorization: 'Bearer good', 'sec-fetch-site': 'cross-site' })).status).toBe(200);
  });

  it('sets and expires cookies with the flags of the scheme', async () => {
    const { headers } = await leave({ authorization: 'Bearer good' });
    expect(headers.getSetCookie()).toEqual([
      'latchkey_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0',
      `latchkey_device=d1; Path=/; HttpOnly; SameSite=Lax; Expires=${now.toUTCString()}`,
    ]);
    expect(headers.get('clear-site-data')).toBe('"storage"');
  });
});

describe('a failure', () => {
  it('500 says nothing of the error; the log has it under the request id', async () => {
    lines.length = 0;
    const { status, json, headers } = await call('/api/v1/fail?how=bug');
    expect([status, json.code]).toEqual([500, 'internal']);
    expect(JSON.stringify(json)).not.toContain('a bug');
    const line = JSON.parse(lines.at(-1)!) as Record<string, unknown>;
    expect(line).toMatchObject({
      level: 'error',
      requestId: headers.get('x-request-id'),
      route: '/api/v1/fail',
      error: { message: 'a bug with [address] inside' },
    });
    expect(lines.join('')).not.toContain('how=');
  });

  it('503 says when to try again', async () => {
    expect((await call('/api/v1/fail?how=busy')).headers.get('retry-after')).toBe('3');
    const mapped = await call('/api/v1/fail?how=mapped');
    expect([mapped.json.code, mapped.headers.get('retry-after')]).toEqual(['unavailable', '1']);
  });

  it('has a type that is a page of ours with that anchor', async () => {
    const { json } = await call('/api/v1/nothing');
    expect(json.type).toBe('http://localhost:3000/docs/problems#not_found');
    expect(await (await fetch(`${base}/docs/problems`)).text()).toContain('id="not_found"');
  });
});

describe('a page', () => {
  const submit = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${base}/form`, {
      method: 'POST',
      body,
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });

  it('200 is HTML under a policy without scripts', async () => {
    const answer = await submit('token=%3Cb%3E+%C3%BC');
    expect(await answer.text()).toContain('<p>&lt;b&gt; ü</p>');
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    expect(answer.headers.get('x-frame-options')).toBe('DENY');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('303 leads to a path of ours', async () => {
    const answer = await submit('token=go');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/done']);
  });

  it.each([
    ['token=a&token=b', 400],
    ['token=a&more=b', 422],
    ['token=%ff', 400],
    ['token=%00', 422],
    ['token=bad', 400],
    ['', 422],
    [Array.from({ length: 100 }, (_, index) => `a${index}=1`).join('&'), 400],
  ])('refuses the form %.20s with a page', async (form, status) => {
    const answer = await submit(form);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toContain('<h1>');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('refuses JSON, and a form from another site', async () => {
    expect((await submit('{}', { 'content-type': 'application/json' })).status).toBe(415);
    expect((await submit('token=a', { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await submit('token=a', { origin: 'https://evil.example' })).status).toBe(403);
  });
});

describe('the log and the metrics', () => {
  it('know the pattern, the status, the trace and the problem of each request, never its path', async () => {
    const metrics = createMetrics({ processMetrics: false });
    const other = await buildServer(options({ metrics }));
    lines.length = 0;
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await other.fetch(
      new Request('http://x/api/things/0190b9e0-0000-7000-8000-000000000000', {
        method: 'DELETE',
        headers: { traceparent },
      }),
      { peerAddress: '::1' },
    );
    await other.fetch(new Request('http://x/very/secret/path?q=1'), { peerAddress: '::1' });
    await other.fetch(new Request('http://x/%ff'), { peerAddress: '::1' });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { route: '/api/v1/things/{id}', status: 200, traceId: '4bf92f3577b34da6a3ce929d0e0e4736', msg: 'request' },
      { route: 'unmatched', status: 404, problem: 'not_found' },
      { route: 'unmatched', status: 400, problem: 'malformed_request' },
    ]);
    expect(lines.join('')).not.toMatch(/0190b9e0|secret/);
    const text = await metrics.render();
    expect(text).toContain('http_requests_total{method="DELETE",route="/api/v1/things/{id}",status_code="200"} 1');
    expect(text).toContain('http_requests_total{method="GET",route="unmatched",status_code="404"} 1');
    await other.close({ graceMs: 0 });
  });
});

describe('fetch in-process', () => {
  it('answers as the socket does, with the peer that is said', async () => {
    const request = new Request('http://localhost:3000/api/v1/echo', {
      method: 'POST',
      body: '{"email":"a"}',
      headers: { 'content-type': 'application/json' },
    });
    const answer = await server.fetch(request, { peerAddress: '198.51.100.7' });
    expect(answer.status).toBe(201);
    expect(lastCaller?.address).toBe('198.51.100.7');
    const left = new Request('http://x/api/v1/leave', { method: 'POST', headers: { authorization: 'Bearer good' } });
    expect((await server.fetch(left, { peerAddress: '::1' })).headers.getSetCookie()).toHaveLength(2);
    const options = new Request('http://x/livez', { method: 'OPTIONS' });
    expect((await server.fetch(options, { peerAddress: '::1' })).status).toBe(204);
  });
});

describe('listening and closing', () => {
  it('listens on both loopbacks with one port', async () => {
    const other = await buildServer(options());
    const addresses = await other.listen({ hosts: ['127.0.0.1', '::1'], port: 0 });
    expect(new Set(addresses.map((address) => address.port)).size).toBe(1);
    for (const { host, port: each } of addresses) {
      expect((await sendRaw(each, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n', host)).status).toBe(200);
    }
    await other.close({ graceMs: 0 });
  });

  it('says in one sentence that a port is taken', async () => {
    const other = await buildServer(options());
    const listening = other.listen({ hosts: ['127.0.0.1'], port });
    await expect(listening).rejects.toThrow(new ListenFailed(`Port ${port} on 127.0.0.1 is already in use.`));
    await other.close({ graceMs: 0 });
  });

  it('answers what is under way, says Connection: close, and accepts no more', async () => {
    const other = await buildServer(options());
    const [address] = await other.listen({ hosts: ['127.0.0.1'], port: 0 });
    const entered = new Promise<void>((resolve) => {
      slowEntered = resolve;
    });
    const slow = fetch(`http://127.0.0.1:${address!.port}/api/v1/slow`);
    await entered;
    const closed = other.close({ graceMs: 5000 });
    await expect(sendRaw(address!.port, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')).rejects.toThrow('ECONNREFUSED');
    releaseSlow?.();
    const answer = await slow;
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    await closed;
    await other.close({ graceMs: 5000 });
  });

  it('cuts what is left after the grace', async () => {
    const other = await buildServer(options());
    const [address] = await other.listen({ hosts: ['127.0.0.1'], port: 0 });
    const entered = new Promise<void>((resolve) => {
      slowEntered = resolve;
    });
    const slow = fetch(`http://127.0.0.1:${address!.port}/api/v1/slow`);
    const cut = expect(slow).rejects.toThrow();
    await entered;
    await other.close({ graceMs: 10 });
    await cut;
    releaseSlow?.();
  });
});

describe('https in production', () => {
  it('asks browsers to stay on https and uses host-bound cookies', async () => {
    const other = await buildServer(options({ publicUrl: new URL('https://id.example.com'), production: true }));
    const request = new Request('https://id.example.com/api/v1/leave', {
      method: 'POST',
      headers: { cookie: '__Host-latchkey=good', 'sec-fetch-site': 'same-origin' },
    });
    const answer = await other.fetch(request, { peerAddress: '::1' });
    expect(answer.headers.get('strict-transport-security')).toContain('max-age=63072000');
    expect(answer.headers.getSetCookie()).toEqual([
      '__Host-latchkey=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0',
      `__Host-latchkey-device=d1; Path=/; HttpOnly; SameSite=Lax; Secure; Expires=${now.toUTCString()}`,
    ]);
    await other.close({ graceMs: 0 });
  });
});

describe('buildServer', () => {
  it('refuses a list that declares an endpoint twice', async () => {
    await expect(buildServer(options({ endpoints: [echo, echo] }))).rejects.toThrow('declared twice');
  });
});

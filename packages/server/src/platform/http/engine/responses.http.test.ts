import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMetrics } from '#platform/telemetry/index.ts';
import { renderedForm } from '#test/support/rendered-form.ts';
import {
  now,
  observed,
  type SampleServer,
  sampleOptions,
  startSample,
  trustedPeer,
} from '#test/support/sample-http-server.ts';
import { buildServer } from '../index.ts';

let sample: SampleServer;

beforeAll(async () => {
  sample = await startSample();
});

afterAll(() => sample.server.close({ graceMs: 0 }));

describe('a response of the API', () => {
  it('201 is the envelope, without fields that the schema does not list', async () => {
    const { status, headers, json } = await sample.post('{"email":"a@b.example"}');
    expect(status).toBe(201);
    expect(json).toEqual({
      success: true,
      message: 'Echoed.',
      data: { email: 'a@b.example', at: now.toISOString(), nothing: null, quote: 'a "b"' },
      meta: { timestamp: now.toISOString(), requestId: headers.get('x-request-id') },
    });
  });

  it('has headers against caching and framing, and none that names the software', async () => {
    const { headers } = await sample.post('{"email":"a"}');
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

  it('is the same below /api and /api/v1, and no other version exists', async () => {
    expect((await sample.call('/api/things')).json.data).toEqual([{ id: 'none' }]);
    expect((await sample.call('/api/v1/things?sort=age')).json.pagination).toEqual({
      limit: 20,
      nextCursor: null,
      total: 1,
    });
    expect((await sample.call('/api/v2/things')).status).toBe(404);
  });

  it('to HEAD is that to GET without a body', async () => {
    const response = await fetch(`${sample.base}/livez`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('gets the address that the resolver returns', async () => {
    await sample.post('{"email":"a"}', {
      'x-forwarded-for': '203.0.113.9',
      cookie: 'latchkey_device=d; other=1; other=2',
    });
    expect(observed.caller).toMatchObject({ address: '203.0.113.9', deviceCookie: 'd' });
  });

  it('has a request id of ours, and handlers get no other', async () => {
    const { headers } = await sample.post('{"email":"a"}', { 'x-request-id': 'proxy-id-1234' });
    expect(headers.get('x-request-id')).toMatch(/^request-\d+$/);
    expect(observed.caller?.requestId).toBe(headers.get('x-request-id'));
  });
});

describe('a session', () => {
  const me = (headers: Record<string, string>) => sample.call('/api/v1/me', { headers });
  const leave = (headers: Record<string, string>) => sample.call('/api/v1/leave', { method: 'POST', headers });

  it('401 without a credential, with a bearer challenge', async () => {
    const response = await me({});
    expect([response.status, response.json.code, response.headers.get('www-authenticate')]).toEqual([
      401,
      'not_authenticated',
      'Bearer',
    ]);
  });

  it('401 with the reason of a rejected token, and none for a cookie', async () => {
    const challenge = async (headers: Record<string, string>) => (await me(headers)).headers.get('www-authenticate');
    expect(await challenge({ authorization: 'Bearer old' })).toBe(
      'Bearer error="invalid_token", error_description="The access token has expired."',
    );
    expect(await challenge({ authorization: 'Bearer x' })).toContain('malformed');
    expect(await challenge({ cookie: 'latchkey_session=x' })).toBe('Bearer');
    expect(await challenge({ authorization: 'Basic eDp5' })).toBe('Bearer');
  });

  it('200 by bearer token or by cookie', async () => {
    expect((await me({ authorization: 'Bearer good' })).json.data).toEqual({ user: 'u' });
    expect((await me({ cookie: 'latchkey_session=good' })).json.data).toEqual({ user: 'u' });
  });

  it('401 for an Authorization header without a valid token, also with a valid cookie', async () => {
    const malformed = ['Bearer bad', 'Bearer', 'bearer\tgood', 'Bearer good good', 'Bearer ü', 'good', 'Token good'];
    for (const authorization of [...malformed, 'Basically good']) {
      expect((await me({ authorization, cookie: 'latchkey_session=good' })).status).toBe(401);
    }
  });

  it('is that of the cookie under the credentials by which a proxy in front authenticates the browser', async () => {
    for (const authorization of ['Basic Z29vZA==', 'basic', 'Digest username="a"', 'Negotiate YQ==', 'NTLM YQ==']) {
      expect((await me({ authorization, cookie: 'latchkey_session=good' })).status).toBe(200);
      expect((await me({ authorization })).status).toBe(401);
      expect((await leave({ authorization, cookie: 'latchkey_session=good' })).json.code).toBe('cross_site_request');
    }
  });

  it('400 when our cookie is repeated', async () => {
    expect((await me({ cookie: 'latchkey_session=bad; latchkey_session=good' })).status).toBe(400);
  });

  it('403 for a write by cookie without proof of the same origin', async () => {
    const cookie = 'latchkey_session=good';
    const origin = 'http://localhost:5625';
    const refused = [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin },
      { 'sec-fetch-site': 'none' },
      { origin: 'http://localhost:5626' },
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
    expect(headers.has('clear-site-data')).toBe(false);
  });
});

describe('a failure', () => {
  it('500 contains nothing of the error; the log has it under the request id', async () => {
    observed.lines.length = 0;
    const { status, json, headers } = await sample.call('/api/v1/fail?how=bug');
    expect([status, json.code]).toEqual([500, 'internal']);
    expect(JSON.stringify(json)).not.toContain('a bug');
    const line = JSON.parse(observed.lines.at(-1)!) as Record<string, unknown>;
    expect(line).toMatchObject({
      level: 'error',
      requestId: headers.get('x-request-id'),
      route: '/api/v1/fail',
      error: { message: 'a bug with [address] inside' },
    });
    expect(observed.lines.join('')).not.toContain('how=');
  });

  it('503 has Retry-After', async () => {
    expect((await sample.call('/api/v1/fail?how=busy')).headers.get('retry-after')).toBe('3');
    const mapped = await sample.call('/api/v1/fail?how=mapped');
    expect([mapped.json.code, mapped.headers.get('retry-after')]).toEqual(['unavailable', '1']);
  });

  it('has a hint for developers, except in production', async () => {
    expect((await sample.call('/api/v1/me')).json.hint).toContain('POST /api/v1/auth/login');
    const refused = await sample.post('{"email":"a"}', { origin: 'https://elsewhere.example' });
    expect(refused.json.hint).toContain('latchkey client set-origins');
    const production = await buildServer(sampleOptions({ production: true }));
    const response = await production.fetch(new Request('http://x/api/v1/me'), { peerAddress: '::1' });
    expect([response.status, await response.text()]).toEqual([401, expect.not.stringContaining('hint')]);
  });

  it('has a type that is an anchor of our page of problems', async () => {
    const { json } = await sample.call('/api/v1/nothing');
    expect(json.type).toBe('http://localhost:5625/docs/problems#not_found');
    expect(await (await fetch(`${sample.base}/docs/problems`)).text()).toContain('id="not_found"');
  });
});

describe('a page', () => {
  const submit = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${sample.base}/form`, {
      method: 'POST',
      body: `formToken=${renderedForm.fields.formToken}&${body}`,
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded', cookie: renderedForm.cookie, ...headers },
    });

  it('200 is HTML under a policy without scripts', async () => {
    const response = await submit('token=%3Cb%3E+%C3%BC');
    expect(await response.text()).toContain('<p>&lt;b&gt; ü</p>');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; " +
        "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    );
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('referrer-policy')).toBe('strict-origin');
  });

  it.each([
    'token=a&utm_source=mail&utm_medium=email',
    'fbclid=x&token=a',
    'token=a&utm_source=1&utm_source=2',
    'token=a&__proto__=1&x=%ff&y=%&%FF=1',
    'token=a&amp;utm_source=x',
    `token=a${'&b'.repeat(200)}`,
  ])('200 with names in its query that it does not know: %.60s', async (query) => {
    const response = await fetch(`${sample.base}/form?${query}`);
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('name="token" value="a"')]);
  });

  it.each([
    ['token=a&utm_source=x&token=a', 400],
    ['token=%ff&utm_source=x', 400],
    ['utm_source=x', 422],
  ])('rejects the query %s', async (query, status) => {
    expect((await fetch(`${sample.base}/form?${query}`)).status).toBe(status);
  });

  it('303 leads to a path of ours', async () => {
    const response = await submit('token=go');
    expect([response.status, response.headers.get('location')]).toEqual([303, '/done']);
  });

  it.each([
    ['token=a&token=b', 400],
    ['token=a&more=b', 422],
    ['token=%ff', 400],
    ['token=%00', 422],
    ['token=bad', 400],
    ['', 422],
    [Array.from({ length: 100 }, (_, index) => `a${index}=1`).join('&'), 400],
  ])('rejects the form %.20s with a page', async (form, status) => {
    const response = await submit(form);
    expect(response.status).toBe(status);
    expect(await response.text()).toContain('<h1>');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('rejects JSON, and a form from another site', async () => {
    expect((await submit('{}', { 'content-type': 'application/json' })).status).toBe(415);
    expect((await submit('token=a', { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await submit('token=a', { origin: 'https://evil.example' })).status).toBe(403);
  });
});

describe('the log and the metrics', () => {
  it('contain the request id of a trusted proxy, and none of any other peer', async () => {
    const logged = async (peerAddress: string, id: string) => {
      observed.lines.length = 0;
      const server = await buildServer(sampleOptions());
      const headers = { 'x-request-id': id };
      await server.fetch(new Request('http://x/api/v1/things', { headers }), { peerAddress });
      return (JSON.parse(observed.lines.at(-1)!) as { readonly proxyRequestId?: string }).proxyRequestId;
    };
    expect(await logged(trustedPeer, 'proxy-id-1234')).toBe('proxy-id-1234');
    expect(await logged('203.0.113.9', 'proxy-id-1234')).toBeUndefined();
    for (const odd of ['a', 'x'.repeat(65), 'with space here', '<script>alert</script>']) {
      expect(await logged(trustedPeer, odd)).toBeUndefined();
    }
  });

  it('contain the pattern, the status, the trace and the problem of each request, never its path', async () => {
    const metrics = createMetrics({ processMetrics: false });
    const other = await buildServer(sampleOptions({ metrics }));
    observed.lines.length = 0;
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
    expect(observed.lines.map((line) => JSON.parse(line))).toMatchObject([
      { route: '/api/v1/things/{id}', status: 200, traceId: '4bf92f3577b34da6a3ce929d0e0e4736', msg: 'request' },
      { route: 'unmatched', status: 404, problem: 'not_found' },
      { route: 'unmatched', status: 400, problem: 'malformed_request' },
    ]);
    expect(observed.lines.join('')).not.toMatch(/0190b9e0|secret/);
    const text = await metrics.render();
    expect(text).toContain('http_requests_total{method="DELETE",route="/api/v1/things/{id}",status_code="200"} 1');
    expect(text).toContain('http_requests_total{method="GET",route="unmatched",status_code="404"} 1');
    await other.close({ graceMs: 0 });
  });
});

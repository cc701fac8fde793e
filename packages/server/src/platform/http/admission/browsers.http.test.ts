import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderedForm } from '#test/support/rendered-form.ts';
import { listedOrigin, type SampleServer, sampleOptions, startSample } from '#test/support/sample-http-server.ts';
import { buildServer } from '../index.ts';

const ownOrigin = 'http://localhost:5625';
const stranger = 'https://elsewhere.example';

let sample: SampleServer;

beforeAll(async () => {
  sample = await startSample();
});

afterAll(() => sample.server.close({ graceMs: 0 }));

describe('our cookies', () => {
  const me = async (cookie: string) => (await sample.call('/api/v1/me', { headers: { cookie } })).status;

  it.each([
    'latchkey_session=good; latchkey_session=bad',
    'latchkey_session=bad; latchkey_session=good',
    'latchkey_session=good; latchkey_session=good',
    'latchkey_session=good; other=1; latchkey_session=',
    'latchkey_session=good;latchkey_session =bad',
    'latchkey_session=good;\t latchkey_session\t=\tbad',
    'latchkey_device=a; latchkey_session=good; latchkey_device=b',
    'latchkey_form=a; latchkey_session=good; latchkey_form=b',
  ])('400 for %j: another site may have set one of two cookies of a name', async (cookie) => {
    expect(await me(cookie)).toBe(400);
  });

  it.each([
    'Latchkey_Session=good',
    'LATCHKEY_SESSION=good',
    '\u00a0latchkey_session=good',
    'latchkey_session\u00a0=good',
    'latchkey_session.=good',
    '=latchkey_session=good',
    '__Host-latchkey=good',
    '"latchkey_session"=good',
    'other=1, latchkey_session=good',
    'latchkey_session="good"',
    'latchkey_session',
  ])('401 for %j, which is not our cookie', async (cookie) => {
    expect(await me(cookie)).toBe(401);
  });

  it.each(['Latchkey_Session=bad', '\u00a0latchkey_session=bad', '=latchkey_session=bad', 'a=1; a=2'])(
    '200 with %j in addition to ours: a sibling subdomain can neither shadow it nor lock the user out',
    async (other) => {
      expect(await me(`${other}; latchkey_session=good`)).toBe(200);
      expect(await me(`latchkey_session=good; ${other}`)).toBe(200);
    },
  );

  it('have the __Host- prefix over https, so that neither a sibling subdomain nor plain HTTP can set them', async () => {
    const secure = await buildServer(sampleOptions({ publicUrl: new URL('https://auth.example') }));
    const get = async (path: string, headers: Record<string, string>) =>
      secure.fetch(new Request(`http://x${path}`, { headers }), { peerAddress: '::1' });
    for (const name of ['latchkey_session', '__host-latchkey', '__Secure-latchkey', '__HOST-LATCHKEY']) {
      expect((await get('/api/v1/me', { cookie: `${name}=good` })).status).toBe(401);
    }
    expect((await get('/api/v1/me', { cookie: '__Host-latchkey=good' })).status).toBe(200);
    const [cookie] = (await get('/form?token=a', {})).headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-latchkey-form=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    await secure.close({ graceMs: 0 });
  });
});

describe('a form', () => {
  const show = (cookie?: string) =>
    fetch(`${sample.base}/form?token=a`, { headers: cookie === undefined ? {} : { cookie } });
  const submit = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${sample.base}/form`, { method: 'POST', body: new URLSearchParams(fields), headers, redirect: 'manual' });
  const tokenIn = (text: string) => /name="formToken" value="([\w-]{43})"/.exec(text)?.[1] ?? '';
  const nameAndValue = (setCookie: string | undefined) => setCookie?.split(';')[0] ?? '';

  it('200 with its token and the cookie of the same response', async () => {
    const page = await show();
    const [set] = page.headers.getSetCookie();
    expect(set).toMatch(/^latchkey_form=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
    const token = tokenIn(await page.text());
    expect(set).not.toContain(token);
    const response = await submit({ token: 'x', formToken: token }, { cookie: nameAndValue(set) });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('<p>x</p>');
  });

  it('200 in every tab: an existing cookie is kept', async () => {
    const [first, second] = [await show(), await show(renderedForm.cookie)];
    expect(second.headers.getSetCookie()).toEqual([]);
    expect(tokenIn(await second.text())).toBe(renderedForm.fields.formToken);
    expect(tokenIn(await first.text())).not.toBe(renderedForm.fields.formToken);
  });

  it('replaces a cookie that is not in our format', async () => {
    for (const value of ['', 'short', 'x'.repeat(44), `${'x'.repeat(42)}%`]) {
      const page = await show(`latchkey_form=${value}`);
      expect(page.headers.getSetCookie()).toHaveLength(1);
    }
  });

  it.each([
    ['no token', {}, { cookie: renderedForm.cookie }],
    ['an empty token', { formToken: '' }, { cookie: renderedForm.cookie }],
    ['no cookie', renderedForm.fields, {}],
    ['another browser’s cookie', renderedForm.fields, { cookie: `latchkey_form=${'B'.repeat(43)}` }],
    ['another browser’s token', { formToken: 'B'.repeat(43) }, { cookie: renderedForm.cookie }],
    ['a cookie that is its own token', { formToken: 'B'.repeat(43) }, { cookie: `latchkey_form=${'B'.repeat(43)}` }],
    [
      'a cookie in another spelling',
      renderedForm.fields,
      { cookie: renderedForm.cookie.replace('latchkey', 'Latchkey') },
    ],
    ['a cookie that was never ours', { formToken: 'x' }, { cookie: 'latchkey_form=x' }],
  ])('403 with %s changes nothing and shows the form again', async (_what, fields, headers: Record<string, string>) => {
    const response = await submit({ token: '<i>', ...fields }, headers);
    const text = await response.text();
    expect([response.status, response.headers.get('location')]).toEqual([403, null]);
    expect(text).toContain('Send the form again.');
    expect(text).toContain('<input name="token" value="&lt;i&gt;">');
    expect(text).not.toContain('<p>&lt;i&gt;</p>');
    const cookie = nameAndValue(response.headers.getSetCookie()[0]) || (headers.cookie ?? '');
    expect((await submit({ token: 'x', formToken: tokenIn(text) }, { cookie })).status).toBe(200);
  });

  it('422 when its page cannot be shown again', async () => {
    expect((await submit({ more: 'x' })).status).toBe(422);
  });
});

describe('a write that needs no session', () => {
  const write = async (headers: Record<string, string>) => {
    const { status, json } = await sample.post('{"email":"a"}', headers);
    return [status, json.code];
  };

  it.each([
    { origin: stranger },
    { origin: 'null' },
    { origin: ownOrigin.replace('http:', 'https:') },
    { origin: 'http://localhost' },
    { origin: 'http://localhost:5626' },
    { origin: `${ownOrigin}.elsewhere.example` },
    { origin: ownOrigin.toUpperCase() },
    { origin: '' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'Same-Origin' },
    { 'sec-fetch-site': 'cross-site', origin: ownOrigin },
    { 'sec-fetch-site': 'cross-site', origin: `${listedOrigin}/` },
    { origin: `${listedOrigin}, ${ownOrigin}` },
    { origin: `${listedOrigin}:443` },
    { origin: listedOrigin.replace('https:', 'http:') },
    { origin: 'https://evil-app.example' },
  ])('403 from a page that is neither ours nor of a listed origin: %j', async (headers: Record<string, string>) => {
    expect(await write(headers)).toEqual([403, 'cross_site_request']);
  });

  it('403 before its body is read', async () => {
    expect((await sample.post('{', { origin: stranger })).json.code).toBe('cross_site_request');
    expect((await sample.post('x', { 'content-type': 'text/plain', origin: stranger })).status).toBe(403);
  });

  it('201 from our own pages, from listed ones, and from clients that are no browsers', async () => {
    const fromListed = { 'sec-fetch-site': 'cross-site', origin: listedOrigin };
    for (const headers of [{}, { origin: ownOrigin }, { 'sec-fetch-site': 'same-origin' }, fromListed]) {
      expect(await write(headers as Record<string, string>)).toEqual([201, undefined]);
    }
  });
});

describe('CORS', () => {
  const allowed = (headers: Headers) => headers.get('access-control-allow-origin');
  const preflight = (path: string, origin: string) =>
    fetch(sample.base + path, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'DELETE', 'access-control-request-headers': 'authorization' },
    });

  it('allows a listed origin, in responses and problems, and never credentials', async () => {
    const responses = [
      await sample.post('{"email":"a"}', { origin: listedOrigin }),
      await sample.post('{', { origin: listedOrigin }),
      await sample.call('/api/v1/me', { headers: { origin: listedOrigin } }),
      await sample.call('/api/v1/me', { headers: { origin: listedOrigin, authorization: 'Bearer good' } }),
      await sample.call('/api/v1/nothing', { headers: { origin: listedOrigin } }),
    ];
    expect(responses.map(({ status }) => status)).toEqual([201, 400, 401, 200, 404]);
    for (const { headers } of responses) {
      expect([allowed(headers), headers.get('vary')]).toEqual([listedOrigin, 'Origin']);
      expect(headers.get('access-control-expose-headers')).toContain('RateLimit');
      expect(headers.has('access-control-allow-credentials')).toBe(false);
    }
  });

  it.each([stranger, 'null', '*', ownOrigin, `${listedOrigin}.elsewhere.example`])(
    'allows nothing to %s, and varies by Origin',
    async (origin) => {
      const { headers } = await sample.call('/api/v1/me', { headers: { origin, authorization: 'Bearer good' } });
      expect([allowed(headers), headers.get('vary')]).toEqual([null, 'Origin']);
      const response = await preflight('/api/v1/things/1', origin);
      expect([response.status, allowed(response.headers), response.headers.get('vary')]).toEqual([204, null, 'Origin']);
      expect(response.headers.has('access-control-allow-methods')).toBe(false);
    },
  );

  it('responds to a preflight of a listed origin with the methods of that path', async () => {
    const { status, headers } = await preflight('/api/v1/things/1', listedOrigin);
    expect(status).toBe(204);
    expect(allowed(headers)).toBe(listedOrigin);
    expect(headers.get('access-control-allow-methods')).toBe('DELETE');
    expect(headers.get('access-control-allow-headers')).toBe(
      'Authorization, Content-Type, X-Request-Id, traceparent, tracestate, baggage',
    );
    expect(headers.get('vary')).toBe('Origin');
    expect(headers.has('access-control-allow-credentials')).toBe(false);
  });

  it('adds no header to pages and documents', async () => {
    for (const path of ['/form', '/livez', '/docs']) {
      expect(allowed((await preflight(path, listedOrigin)).headers)).toBeNull();
      const response = await fetch(`${sample.base}${path}?token=a`, { headers: { origin: listedOrigin } });
      expect(allowed(response.headers)).toBeNull();
    }
    const open = await fetch(`${sample.base}/openapi.json`, { headers: { origin: stranger } });
    expect(allowed(open.headers)).toBe('*');
    expect(allowed((await preflight('/openapi.json', stranger)).headers)).toBe('*');
    await open.arrayBuffer();
  });
});

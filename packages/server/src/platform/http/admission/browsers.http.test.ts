import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderedForm } from '#test/support/rendered-form.ts';
import { listedOrigin, type SampleServer, sampleOptions, startSample } from '#test/support/sample-http-server.ts';
import { buildServer } from '../index.ts';

const ownOrigin = 'http://localhost:3000';
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
  ])('400 for %j: one of two of a name is somebody else’s, and nobody knows which', async (cookie) => {
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
  ])('401 for %j, which is no cookie of ours', async (cookie) => {
    expect(await me(cookie)).toBe(401);
  });

  it.each(['Latchkey_Session=bad', '\u00a0latchkey_session=bad', '=latchkey_session=bad', 'a=1; a=2'])(
    '200 with %j beside ours: a sibling subdomain can neither shadow it nor lock its owner out',
    async (other) => {
      expect(await me(`${other}; latchkey_session=good`)).toBe(200);
      expect(await me(`latchkey_session=good; ${other}`)).toBe(200);
    },
  );

  it('are bound to our host over https, where no sibling and no plain HTTP can set them', async () => {
    const secure = await buildServer(sampleOptions({ publicUrl: new URL('https://auth.example') }));
    const ask = async (path: string, headers: Record<string, string>) =>
      secure.fetch(new Request(`http://x${path}`, { headers }), { peerAddress: '::1' });
    for (const name of ['latchkey_session', '__host-latchkey', '__Secure-latchkey', '__HOST-LATCHKEY']) {
      expect((await ask('/api/v1/me', { cookie: `${name}=good` })).status).toBe(401);
    }
    expect((await ask('/api/v1/me', { cookie: '__Host-latchkey=good' })).status).toBe(200);
    const [cookie] = (await ask('/form?token=a', {})).headers.getSetCookie();
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

  it('200 works with the token and the cookie that came with it', async () => {
    const page = await show();
    const [set] = page.headers.getSetCookie();
    expect(set).toMatch(/^latchkey_form=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
    const token = tokenIn(await page.text());
    expect(set).not.toContain(token);
    const answer = await submit({ token: 'x', formToken: token }, { cookie: nameAndValue(set) });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('<p>x</p>');
  });

  it('200 in every tab: the cookie that is there is kept', async () => {
    const [first, second] = [await show(), await show(renderedForm.cookie)];
    expect(second.headers.getSetCookie()).toEqual([]);
    expect(tokenIn(await second.text())).toBe(renderedForm.fields.formToken);
    expect(tokenIn(await first.text())).not.toBe(renderedForm.fields.formToken);
  });

  it('replaces a cookie that we cannot have made', async () => {
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
  ])('403 with %s does nothing, and shows the form again', async (_what, fields, headers: Record<string, string>) => {
    const answer = await submit({ token: '<i>', ...fields }, headers);
    const text = await answer.text();
    expect([answer.status, answer.headers.get('location')]).toEqual([403, null]);
    expect(text).toContain('Once more, please.');
    expect(text).toContain('<input name="token" value="&lt;i&gt;">');
    expect(text).not.toContain('<p>&lt;i&gt;</p>');
    const cookie = nameAndValue(answer.headers.getSetCookie()[0]) || (headers.cookie ?? '');
    expect((await submit({ token: 'x', formToken: tokenIn(text) }, { cookie })).status).toBe(200);
  });

  it('422 when what it stood on cannot be shown again', async () => {
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
    { origin: 'http://localhost:3001' },
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
  ])('403 from a page that is neither ours nor listed: %j', async (headers: Record<string, string>) => {
    expect(await write(headers)).toEqual([403, 'cross_site_request']);
  });

  it('403 before its body is looked at', async () => {
    expect((await sample.post('{', { origin: stranger })).json.code).toBe('cross_site_request');
    expect((await sample.post('x', { 'content-type': 'text/plain', origin: stranger })).status).toBe(403);
  });

  it('201 from our own pages, from listed ones, and from what is no browser', async () => {
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

  it('names a listed origin to itself, on answers and on refusals, and never allows credentials', async () => {
    const answers = [
      await sample.post('{"email":"a"}', { origin: listedOrigin }),
      await sample.post('{', { origin: listedOrigin }),
      await sample.call('/api/v1/me', { headers: { origin: listedOrigin } }),
      await sample.call('/api/v1/me', { headers: { origin: listedOrigin, authorization: 'Bearer good' } }),
      await sample.call('/api/v1/nothing', { headers: { origin: listedOrigin } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 400, 401, 200, 404]);
    for (const { headers } of answers) {
      expect([allowed(headers), headers.get('vary')]).toEqual([listedOrigin, 'Origin']);
      expect(headers.get('access-control-expose-headers')).toContain('RateLimit');
      expect(headers.has('access-control-allow-credentials')).toBe(false);
    }
  });

  it.each([stranger, 'null', '*', ownOrigin, `${listedOrigin}.elsewhere.example`])(
    'names nobody to %s, and says that the answer depends on it',
    async (origin) => {
      const { headers } = await sample.call('/api/v1/me', { headers: { origin, authorization: 'Bearer good' } });
      expect([allowed(headers), headers.get('vary')]).toEqual([null, 'Origin']);
      const asked = await preflight('/api/v1/things/1', origin);
      expect([asked.status, allowed(asked.headers), asked.headers.get('vary')]).toEqual([204, null, 'Origin']);
      expect(asked.headers.has('access-control-allow-methods')).toBe(false);
    },
  );

  it('answers a preflight of a listed origin with the methods of that path', async () => {
    const { status, headers } = await preflight('/api/v1/things/1', listedOrigin);
    expect(status).toBe(204);
    expect(allowed(headers)).toBe(listedOrigin);
    expect(headers.get('access-control-allow-methods')).toBe('DELETE');
    expect(headers.get('access-control-allow-headers')).toBe('Authorization, Content-Type, X-Request-Id');
    expect(headers.get('vary')).toBe('Origin');
    expect(headers.has('access-control-allow-credentials')).toBe(false);
  });

  it('leaves pages and documents to themselves', async () => {
    for (const path of ['/form', '/livez', '/docs']) {
      expect(allowed((await preflight(path, listedOrigin)).headers)).toBeNull();
      const answer = await fetch(`${sample.base}${path}?token=a`, { headers: { origin: listedOrigin } });
      expect(allowed(answer.headers)).toBeNull();
    }
    const open = await fetch(`${sample.base}/openapi.json`, { headers: { origin: stranger } });
    expect(allowed(open.headers)).toBe('*');
    expect(allowed((await preflight('/openapi.json', stranger)).headers)).toBe('*');
    await open.arrayBuffer();
  });
});

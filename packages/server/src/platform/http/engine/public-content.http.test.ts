import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

/** With the bytes of the body as they were sent. */
async function get(path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  const request = new Request(app.services.config.http.publicUrl + path, { headers, method });
  const response = await app.server.fetch(request, { peerAddress: '127.0.0.1' });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

describe.each(['/openapi.json', '/.well-known/jwks.json', '/.well-known/security.txt'])('the document %s', (path) => {
  it('is not sent again to a client that has it', async () => {
    const first = await get(path);
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await get(path, { 'if-none-match': known });
      expect([again.status, again.bytes.length]).toEqual([304, 0]);
      for (const name of ['etag', 'cache-control', 'vary', 'access-control-allow-origin']) {
        expect(again.headers.get(name)).toBe(first.headers.get(name));
      }
      for (const name of ['content-type', 'content-length', 'content-encoding']) {
        expect(again.headers.has(name)).toBe(false);
      }
    }
    const { status, bytes } = await get(path, { 'if-none-match': '"other", W/"x", nonsense' });
    expect([status, bytes]).toEqual([200, first.bytes]);
    await app.send('GET', path, { headers: { 'if-none-match': etag } });
  });

  it('has the same headers for HEAD', async () => {
    const [head, whole] = [await get(path, {}, 'HEAD'), await get(path)];
    expect([head.status, head.bytes.length, head.headers.get('etag')]).toEqual([200, 0, whole.headers.get('etag')]);
  });
});

describe('a document that is the same for everyone', () => {
  it('is compressed for those who accept it, each form with a validator of its own', async () => {
    const plain = await get('/openapi.json');
    const br = await get('/openapi.json', { 'accept-encoding': 'gzip, deflate, br' });
    const gzip = await get('/openapi.json', { 'accept-encoding': 'GZIP, br;q=0' });
    expect(brotliDecompressSync(br.bytes)).toEqual(plain.bytes);
    expect(gunzipSync(gzip.bytes)).toEqual(plain.bytes);
    expect(br.bytes.length).toBeLessThan(gzip.bytes.length);
    expect(gzip.bytes.length).toBeLessThan(plain.bytes.length / 4);
    expect([plain, br, gzip].map(({ headers }) => headers.get('content-encoding'))).toEqual([null, 'br', 'gzip']);
    expect(new Set([plain, br, gzip].map(({ headers }) => headers.get('etag'))).size).toBe(3);
    for (const { headers } of [plain, br, gzip]) expect(headers.get('vary')).toBe('accept-encoding');
    const known = { 'if-none-match': br.headers.get('etag') ?? '' };
    expect((await get('/openapi.json', { ...known, 'accept-encoding': 'br' })).status).toBe(304);
    expect((await get('/openapi.json', known)).status).toBe(200);
  });

  it('has another validator when it changes', async () => {
    const before = await get('/.well-known/security.txt');
    app.clock.advance(24 * 3600 * 1000);
    const after = await get('/.well-known/security.txt', { 'if-none-match': before.headers.get('etag') ?? '' });
    expect(after.status).toBe(200);
    expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'));
  });

  it('that is short is not compressed', async () => {
    const { headers } = await get('/.well-known/security.txt', { 'accept-encoding': 'br' });
    expect([headers.get('content-encoding'), headers.get('vary')]).toEqual([null, null]);
  });
});

describe('compression', () => {
  it('reaches the pages without forms that are the same for everyone', async () => {
    const [plain, br] = [await get('/docs'), await get('/docs', { 'accept-encoding': 'br' })];
    expect([br.headers.get('content-encoding'), br.headers.get('cache-control')]).toEqual(['br', 'no-store']);
    expect(brotliDecompressSync(br.bytes)).toEqual(plain.bytes);
  });

  it.each(['/login', '/register', '/api/v1/auth/session', '/nothing', '/', '/readyz'])(
    'does not reach %s, which has secrets or reflects the request',
    async (path) => {
      const { headers } = await get(path, { 'accept-encoding': 'gzip, br' });
      expect([headers.get('content-encoding'), headers.get('etag')]).toEqual([null, null]);
    },
  );
});

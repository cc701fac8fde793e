import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';

const hostileSvg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';

let app: Application;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-brand-'));
  writeFileSync(join(folder, 'logo.svg'), hostileSvg);
  writeFileSync(join(folder, 'dark.svg'), '<svg/>');
  writeFileSync(join(folder, 'de.json'), JSON.stringify({ 'page.login.title': 'Willkommen bei {service}' }));
  app = await Application.open({
    env: {
      LATCHKEY_SERVICE_NAME: 'Acme <&> Söhne',
      LATCHKEY_BRAND_ACCENT: '#6d28d9',
      LATCHKEY_BRAND_RADIUS: '4',
      LATCHKEY_BRAND_LOGO: join(folder, 'logo.svg'),
      LATCHKEY_BRAND_LOGO_DARK: join(folder, 'dark.svg'),
      LATCHKEY_BRAND_LINKS: 'privacy=https://acme.example/privacy?a=b&c=d',
      LATCHKEY_TEXTS: folder,
    },
  });
});
afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true });
});

/** The bytes as they were sent, and their headers. */
async function get(path: string, headers: Readonly<Record<string, string>> = {}) {
  const url = new URL(path, app.services.config.http.publicUrl);
  const response = await app.server.fetch(new Request(url, { headers }), { peerAddress: '127.0.0.1' });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

async function assetsOf(path: string): Promise<string[]> {
  const { text } = await app.send('GET', path);
  return [...text.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, asset]) => asset ?? '');
}

describe('the files of a page', () => {
  it('are named by their content, and kept for a year', async () => {
    const assets = await assetsOf('/login');
    expect(assets.map((asset) => asset.replace(/\.[0-9a-f]{12}\./, '.'))).toEqual([
      '/assets/latchkey.css',
      '/assets/icon.svg',
      '/assets/enhance.js',
      '/assets/passkey.js',
      '/assets/logo-dark.svg',
      '/assets/logo.svg',
    ]);
    for (const asset of assets) {
      const { status, headers } = await get(asset);
      expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
    }
  });

  it('are compressed for those who accept it, and never for those who do not', async () => {
    const [path = ''] = await assetsOf('/login');
    const plain = await get(path);
    const [br, gzip, refused] = await Promise.all(
      ['gzip, deflate, br;q=0.9', 'gzip', 'br;q=0, identity'].map((accepted) =>
        get(path, { 'accept-encoding': accepted }),
      ),
    );
    expect([plain, br, gzip, refused].map((each) => each?.headers.get('content-encoding'))).toEqual([
      null,
      'br',
      'gzip',
      null,
    ]);
    for (const each of [plain, br, gzip, refused]) expect(each?.headers.get('vary')).toBe('accept-encoding');
    expect(brotliDecompressSync(br?.bytes ?? Buffer.of())).toEqual(plain.bytes);
    expect(gunzipSync(gzip?.bytes ?? Buffer.of())).toEqual(plain.bytes);
    expect(refused?.bytes).toEqual(plain.bytes);
    expect((await get('/login', { 'accept-encoding': 'gzip, br' })).headers.get('content-encoding')).toBeNull();
  });

  it.each(['/assets/latchkey.css', '/assets/enhance.js', '/assets/passkey.js', '/assets/latchkey.0123456789ab.css'])(
    'of another release are ours, and not stored: %s',
    async (path) => {
      const { status, headers } = await get(path);
      expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    },
  );

  it.each([
    '/assets/nothing.css',
    '/assets/latchkey',
    '/assets/constructor',
    '/assets/latchkey.css.',
    '/assets/..%2fx',
  ])('are no others: %s', async (path) => expect((await app.send('GET', path)).status).toBe(404));
});

describe('the brand', () => {
  it('has its colors and its radius in the stylesheet', async () => {
    const [path = ''] = await assetsOf('/login');
    const css = (await get(path)).bytes.toString();
    expect(css).toMatch(/^:root\{color-scheme:light dark;--radius:4px;.*--accent:#6d28d9;/);
    expect(css).not.toContain('/*');
  });

  it('is named in titles, and beside its logo for readers who do not see it', async () => {
    const { text } = await app.send('GET', '/login', { headers: { 'accept-language': 'de' } });
    expect(text).toContain('<title>Willkommen bei Acme &lt;&amp;&gt; Söhne');
    expect(text).toContain('alt="Acme &lt;&amp;&gt; Söhne"');
    expect(text).toContain('href="https://acme.example/privacy?a=b&amp;c=d"');
  });

  it('has a logo that runs nothing, whatever is in it', async () => {
    const logo = (await assetsOf('/login')).find((asset) => asset.startsWith('/assets/logo.')) ?? '';
    const { headers, bytes } = await get(logo);
    expect(bytes.toString()).toBe(hostileSvg);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'image/svg+xml',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
      'x-content-type-options': 'nosniff',
    });
  });

  it('stops the start with one sentence when a file cannot be used', async () => {
    const refusals = await Promise.all(
      [
        { LATCHKEY_BRAND_LOGO: join(folder, 'de.json') },
        { LATCHKEY_BRAND_LOGO: join(folder, 'nowhere.svg') },
        { LATCHKEY_TEXTS: join(folder, 'nowhere') },
      ].map((env) =>
        Application.open({ env }).then(
          () => 'started',
          (error: Error) => error.message,
        ),
      ),
    );
    expect(refusals.map((refusal) => refusal.replaceAll(folder, ''))).toEqual([
      'LATCHKEY_BRAND_LOGO names /de.json, which cannot be used: its name must end with .svg, .png or .webp.',
      'LATCHKEY_BRAND_LOGO names /nowhere.svg, which cannot be read (ENOENT).',
      'LATCHKEY_TEXTS: The folder /nowhere cannot be read (ENOENT).',
    ]);
  });
});

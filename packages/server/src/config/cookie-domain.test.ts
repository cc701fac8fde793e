import { describe, expect, it } from 'vitest';
import { loadConfig } from './index.ts';

const production = {
  NODE_ENV: 'production',
  LATCHKEY_PUBLIC_URL: 'https://auth.example.com',
  LATCHKEY_KEK: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
  DATABASE_URL: 'postgres://db.example.com/latchkey',
  SMTP_URL: 'smtps://mail.example.com',
};

const load = (env: Readonly<Record<string, string>>) =>
  loadConfig({ env, cwd: '/srv', files: () => ({ kind: 'absent' }) });

async function mistakes(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const result = await load(env);
  return result.kind === 'invalid' ? result.mistakes : [];
}

async function domainOf(env: Readonly<Record<string, string>>): Promise<string | undefined> {
  const result = await load(env);
  return result.kind === 'ok' ? result.config.http.cookieDomain : expect.unreachable(result.mistakes.join());
}

describe('LATCHKEY_COOKIE_DOMAIN', () => {
  it('is a parent of an https public host', async () => {
    const of = (domain: string) => domainOf({ ...production, LATCHKEY_COOKIE_DOMAIN: domain });
    expect([await of('example.com'), await of('.Example.com')]).toEqual(['example.com', 'example.com']);
    expect(await domainOf(production)).toBeUndefined();
  });

  it.each([
    { LATCHKEY_COOKIE_DOMAIN: 'other.example' },
    { LATCHKEY_COOKIE_DOMAIN: 'auth.example.com' },
    { LATCHKEY_COOKIE_DOMAIN: 'app.auth.example.com' },
    { LATCHKEY_COOKIE_DOMAIN: 'ample.com' },
    { LATCHKEY_COOKIE_DOMAIN: 'example.com', LATCHKEY_PUBLIC_URL: 'https://example.com' },
    { LATCHKEY_COOKIE_DOMAIN: 'example.com', LATCHKEY_PUBLIC_URL: 'https://example.com.evil.example' },
  ])('is rejected for another host: %j', async (env) => {
    expect(await mistakes({ ...production, ...env })).toEqual([expect.stringMatching(/^LATCHKEY_COOKIE_DOMAIN is /)]);
  });

  it('is rejected without https', async () => {
    expect(await mistakes({ LATCHKEY_COOKIE_DOMAIN: 'example.com' })).toEqual([
      expect.stringContaining('needs LATCHKEY_PUBLIC_URL to be an https origin below it'),
    ]);
  });
});

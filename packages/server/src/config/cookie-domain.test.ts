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

function mistakes(env: Readonly<Record<string, string>>): readonly string[] {
  const result = load(env);
  return result.kind === 'invalid' ? result.mistakes : [];
}

function domainOf(env: Readonly<Record<string, string>>): string | undefined {
  const result = load(env);
  return result.kind === 'ok' ? result.config.http.cookieDomain : expect.unreachable(result.mistakes.join());
}

describe('LATCHKEY_COOKIE_DOMAIN', () => {
  it('is a parent of an https public host', () => {
    const of = (domain: string) => domainOf({ ...production, LATCHKEY_COOKIE_DOMAIN: domain });
    expect([of('example.com'), of('.Example.com')]).toEqual(['example.com', 'example.com']);
    expect(domainOf(production)).toBeUndefined();
  });

  it.each([
    { LATCHKEY_COOKIE_DOMAIN: 'other.example' },
    { LATCHKEY_COOKIE_DOMAIN: 'auth.example.com' },
    { LATCHKEY_COOKIE_DOMAIN: 'app.auth.example.com' },
    { LATCHKEY_COOKIE_DOMAIN: 'ample.com' },
    { LATCHKEY_COOKIE_DOMAIN: 'example.com', LATCHKEY_PUBLIC_URL: 'https://example.com' },
    { LATCHKEY_COOKIE_DOMAIN: 'example.com', LATCHKEY_PUBLIC_URL: 'https://example.com.evil.example' },
  ])('is rejected for another host: %j', (env) => {
    expect(mistakes({ ...production, ...env })).toEqual([expect.stringMatching(/^LATCHKEY_COOKIE_DOMAIN is /)]);
  });

  it('is rejected without https', () => {
    expect(mistakes({ LATCHKEY_COOKIE_DOMAIN: 'example.com' })).toEqual([
      expect.stringContaining('needs LATCHKEY_PUBLIC_URL to be an https origin below it'),
    ]);
  });
});

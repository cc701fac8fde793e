import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';

interface Jwks {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

describe('GET /.well-known/jwks.json', () => {
  it('200 holds public members only, with an id and an algorithm for each key', async () => {
    const answer = await app.send('GET', '/.well-known/jwks.json');
    const { keys } = JSON.parse(answer.text) as Jwks;
    expect(answer.headers.get('content-type')).toBe('application/jwk-set+json');
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
      expect(key).toMatchObject({ alg: 'ES256', crv: 'P-256', kty: 'EC', use: 'sig' });
    }
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
  });

  it('200 may be read by every site and kept by every cache, without credentials', async () => {
    const answer = await app.send('GET', '/.well-known/jwks.json', { headers: { origin: 'https://app.example' } });
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.has('access-control-allow-credentials')).toBe(false);
    expect(answer.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/);
  });
});

describe('other sites', () => {
  it('may read none of the API’s answers', async () => {
    const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
    const preflight = await app.send('OPTIONS', '/api/v1/auth/login', { headers });
    const answer = await app.send('POST', '/api/v1/auth/login', { json: {}, headers });
    for (const { headers: sent } of [preflight, answer]) {
      expect([...sent.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });
});

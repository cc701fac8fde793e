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
  it('200 with public members only, and with an id and an algorithm for each key', async () => {
    const response = await app.send('GET', '/.well-known/jwks.json');
    const { keys } = JSON.parse(response.text) as Jwks;
    expect(response.headers.get('content-type')).toBe('application/jwk-set+json');
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
      expect(key).toMatchObject({ alg: 'ES256', crv: 'P-256', kty: 'EC', use: 'sig' });
    }
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
  });

  it('200 with CORS for every origin, without credentials, and cacheable', async () => {
    const response = await app.send('GET', '/.well-known/jwks.json', { headers: { origin: 'https://app.example' } });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.has('access-control-allow-credentials')).toBe(false);
    expect(response.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/);
  });
});

describe('cross-origin requests', () => {
  it('cannot read any response of the API', async () => {
    const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
    const preflight = await app.send('OPTIONS', '/api/v1/auth/login', { headers });
    const response = await app.send('POST', '/api/v1/auth/login', { json: {}, headers });
    for (const { headers: sent } of [preflight, response]) {
      expect([...sent.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });
});

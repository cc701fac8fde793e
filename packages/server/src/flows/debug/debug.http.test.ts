import { beforeAll, describe, expect, it } from 'vitest';
import { serverOf } from '#app/running.ts';
import type { HttpServer } from '#platform/http/index.ts';
import { Application } from '#test/support/application.ts';
import { login, uniqueEmail } from '#test/support/user-actions.ts';
import { debugEndpoints } from './index.ts';

let app: Application;
let ops: HttpServer;

beforeAll(async () => {
  app = await Application.open();
  ops = await serverOf(app.services, debugEndpoints());
  return async () => {
    await ops.close({ graceMs: 0 });
    await app.close();
  };
});

function get(
  path: string,
  peerAddress = '127.0.0.1',
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return ops.fetch(new Request(`http://localhost:5626${path}`, { headers }), { peerAddress });
}

interface CpuProfile {
  readonly nodes: readonly { readonly callFrame: { readonly functionName: string; readonly url: string } }[];
  readonly samples: readonly number[];
}

describe('the profiles', () => {
  it('200 with what this process does, one at a time', async () => {
    const recording = get('/debug/profile?seconds=1');
    expect((await login(app, uniqueEmail())).status).toBe(401);
    const second = await get('/debug/heap?seconds=1');
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '20']);
    const response = await recording;
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const profile = (await response.json()) as CpuProfile;
    expect(profile.samples.length).toBeGreaterThan(10);
    expect(profile.nodes.some(({ callFrame: { url } }) => url.includes('/src/'))).toBe(true);
  });

  it('200 with the functions that allocate, and no value of the memory', async () => {
    const secret = `secret-${'x'.repeat(10)}`;
    const recording = get('/debug/heap?seconds=1');
    await login(app, uniqueEmail(), { password: secret });
    const response = await recording;
    const text = await response.text();
    expect(Object.keys(JSON.parse(text) as object)).toEqual(expect.arrayContaining(['head', 'samples']));
    expect(text).not.toContain(secret);
  });

  it.each(['0', '21', '1.5', 'x', ''])('400 for seconds=%s', async (seconds) => {
    expect((await get(`/debug/profile?seconds=${seconds}`)).status).toBe(400);
  });

  it('404 for another machine, and 403 for a page of another site', async () => {
    expect((await get('/debug/profile', '192.0.2.1')).status).toBe(404);
    expect((await get('/debug/heap', '127.0.0.1', { origin: 'https://other.example' })).status).toBe(403);
  });
});

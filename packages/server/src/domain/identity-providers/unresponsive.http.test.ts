import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { type FakePath, type FakeProvider, startFakeProvider, type Tampering } from '#test/support/fake-provider.ts';
import type { Reaction } from '#test/support/http-receiver.ts';
import {
  callbackUrl,
  logInAt,
  openOutbound,
  openProviderClient,
  providerOf,
  refusalOf,
} from '#test/support/provider-client.ts';

let fake: FakeProvider;

beforeAll(async () => {
  fake = await startFakeProvider();
  return () => fake.stop();
});

beforeEach(() => {
  fake.tampering = {};
});

const paths: readonly FakePath[] = ['/.well-known/openid-configuration', '/token', '/jwks', '/userinfo'];

const html: Reaction = (response) => {
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end('<h1>Maintenance</h1>');
};

const withStatus =
  (status: number): Reaction =>
  (response) => {
    response.writeHead(status, { 'content-type': 'text/plain' });
    response.end('no');
  };

const large = JSON.stringify({ text: 'x'.repeat(5_000_000) });

const reactions: readonly (readonly [string, Reaction])[] = [
  ['an error of its server', withStatus(500)],
  ['a rejection', withStatus(403)],
  ['a page', html],
  ['JSON that is none', (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":')],
  ['a list', (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('[]')],
  ['a redirect', (response) => response.writeHead(302, { location: `${fake.issuer}/elsewhere` }).end()],
  ['five megabytes', (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(large)],
  ['a closed connection', (response) => response.destroy()],
  ['an empty response', withStatus(204)],
];

const silent: Reaction = () => undefined;
const dripping: Reaction = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 100);
  response.on('close', () => clearInterval(timer));
};

/** A login that needs all four paths, with nothing known from before. */
function logIn(): Promise<unknown> {
  return logInAt(fake, openProviderClient(fake, { outbound: openOutbound() }), providerOf(fake));
}

function breakAt(path: FakePath, reaction: Reaction): void {
  const claims = { email: undefined, name: undefined };
  fake.tampering = { claims, reactions: { [path]: reaction } };
}

describe.each(paths)('a provider whose %s responds with', (path) => {
  it.each(reactions)('%s refuses the login', async (_, reaction) => {
    breakAt(path, reaction);
    expect(['invalid', 'unavailable']).toContain(await refusalOf(logIn()));
    expect(fake.receiver.received.map(({ url }) => url)).not.toContain('/elsewhere');
  });
});

describe('a provider that is', () => {
  it('silent, dripping or slow at an endpoint ends the login within six seconds', { timeout: 15_000 }, async () => {
    const cases: readonly Tampering[] = [
      ...paths.flatMap((path) => [silent, dripping].map((reaction) => ({ reactions: { [path]: reaction } }))),
      { delayMs: 2000 },
    ];
    const ends = cases.map(async (tampering) => {
      const slow = await startFakeProvider();
      const login = { state: 's', nonce: 'n', verifier: 'v'.repeat(43), redirectUri: callbackUrl };
      const callback = slow.authorize(await openProviderClient(slow).authorizationUrl(providerOf(slow), login));
      slow.tampering = { claims: { email: undefined }, ...tampering };
      const startedMs = systemClock.monotonicMs();
      const kind = await refusalOf(openProviderClient(slow).exchange(providerOf(slow), { ...login, callback }));
      const milliseconds = systemClock.monotonicMs() - startedMs;
      await slow.stop();
      return { kind, isLate: milliseconds > 6000 };
    });
    expect(await Promise.all(ends)).toEqual(cases.map(() => ({ kind: 'unavailable', isLate: false })));
  });

  it('down refuses the login at once', async () => {
    const down = await startFakeProvider();
    await down.stop();
    const startedMs = systemClock.monotonicMs();
    expect(await refusalOf(logInAt(down, openProviderClient(down)))).toBe('unavailable');
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(2000);
  });

  it('down is not asked again by the next logins, and is used when it is back', async () => {
    breakAt('/token', withStatus(500));
    const client = openProviderClient(fake, { outbound: openOutbound({ openSeconds: 1 }) });
    for (let attempt = 0; attempt < 8; attempt += 1) await refusalOf(logInAt(fake, client));
    const asked = fake.requestsTo('/token').length;
    fake.tampering = {};
    expect(await refusalOf(logInAt(fake, client))).toBe('unavailable');
    expect(fake.requestsTo('/token').length).toBe(asked);
  });
});

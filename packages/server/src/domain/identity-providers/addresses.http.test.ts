/** No URL that a setting or a discovery document names leads the server to a private address. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isLoopback } from '#protocol/network-address/index.ts';
import { readDestination } from '#protocol/outbound-url/index.ts';
import { makeCertificate } from '#test/support/certificates.ts';
import { type FakeProvider, startFakeProvider } from '#test/support/fake-provider.ts';
import type { Reaction } from '#test/support/http-receiver.ts';
import {
  callbackUrl,
  logInAt,
  openOutbound,
  openProviderClient,
  providerOf,
  refusalOf,
} from '#test/support/provider-client.ts';
import type { ProviderSettings } from './settings.ts';

/** The only address that these tests treat as global. */
const internet = '127.0.0.2';
const certificate = makeCertificate(['idp.example']);

let fake: FakeProvider;
let trap: number;
let connections = 0;

beforeAll(async () => {
  fake = await startFakeProvider({ host: internet, name: 'idp.example', tls: certificate });
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '::', resolve);
  await promise;
  const address = server.address();
  trap = typeof address === 'object' && address !== null ? address.port : 0;
  return async () => {
    server.close();
    await fake.stop();
  };
});

beforeEach(() => {
  fake.tampering = {};
  connections = 0;
});

/** Names of the provider and of a host that resolves to this machine. */
const resolve = async (host: string) => {
  const known: Readonly<Record<string, string>> = { 'idp.example': internet, 'inside.example': '127.0.0.1' };
  return [known[host] ?? (host === 'localhost' ? '::1' : internet)];
};

function openClient() {
  const isGlobal = (address: string) => address === internet;
  const outbound = openOutbound({
    resolve,
    certificateAuthority: certificate.cert,
    readDestination: (url, policy) => readDestination(url, { ...policy, production: true }, { isGlobal, isLoopback }),
  });
  return openProviderClient(fake, { outbound, production: true });
}

const publicProvider = (settings: Partial<ProviderSettings> = {}) =>
  providerOf(fake, 'oidc', { allowPrivate: false, ...settings });

const hosts = [
  '127.0.0.1',
  '[::1]',
  'localhost',
  'inside.example',
  '0.0.0.0',
  '[::]',
  '2130706433',
  '0x7f.1',
  '[::ffff:127.0.0.1]',
  '169.254.169.254',
  '[fe80::1]',
  '10.0.0.1',
  '[fd00::1]',
];

const urls = () => [
  ...hosts.flatMap((host) => [`https://${host}:${trap}/x`, `http://${host}:${trap}/x`]),
  'file:///etc/passwd',
  `https://user:pass@127.0.0.1:${trap}/x`,
  `ftp://127.0.0.1:${trap}/`,
];

describe('a provider with public addresses', () => {
  it('is reached', async () => {
    expect(await logInAt(fake, openClient(), publicProvider())).toMatchObject({ subject: 'ada-1' });
  });

  it.each(['token_endpoint', 'jwks_uri', 'userinfo_endpoint'])(
    'whose discovery document names a private %s causes no connection',
    async (member) => {
      for (const url of urls()) {
        fake.tampering = { discovery: { [member]: url }, claims: { email: undefined } };
        expect(['unavailable', 'invalid'], url).toContain(
          await refusalOf(logInAt(fake, openClient(), publicProvider())),
        );
      }
      expect(connections).toBe(0);
    },
  );

  it('whose discovery document sends the browser to a script or a private address starts no login', async () => {
    for (const url of [
      'javascript:alert(1)',
      'data:text/html,x',
      'http://idp.example/',
      `https://127.0.0.1:${trap}/`,
    ]) {
      fake.tampering = { discovery: { authorization_endpoint: url } };
      expect(await refusalOf(logInAt(fake, openClient(), publicProvider())), url).toBe('unavailable');
    }
    expect(connections).toBe(0);
  });

  it('that redirects to a private address is not followed', async () => {
    for (const path of ['/token', '/jwks', '/.well-known/openid-configuration'] as const) {
      const redirect: Reaction = (response) => response.writeHead(307, { location: `http://127.0.0.1:${trap}/` }).end();
      fake.tampering = { reactions: { [path]: redirect } };
      expect(await refusalOf(logInAt(fake, openClient(), publicProvider())), path).toBe('unavailable');
    }
    expect(connections).toBe(0);
  });
});

/** A namespace of its own has a link-local address, whatever network this machine has. */
const inNamespace = 'ip link set lo up && ip addr add 169.254.169.254/16 dev lo && exec "$@"';

it('no URL leads to the link-local address of the metadata service of clouds', async () => {
  const root = join(import.meta.dirname, '../../../../..');
  const trial = join(root, 'packages/server/test/support/link-local-trial.ts');
  const command = ['--user', '--map-root-user', '--net', 'sh', '-c', inNamespace, 'sh', process.execPath];
  const { stdout } = await promisify(execFile)('unshare', [...command, join(root, 'bin/run.cjs'), trial]);
  expect(JSON.parse(stdout)).toEqual({ byServer: 0, byTrial: 1, attempts: 48 });
}, 30_000);

describe('a setting', () => {
  it('that names a private issuer causes no connection', async () => {
    for (const url of urls()) {
      const provider = { ...publicProvider(), issuer: url };
      expect(await refusalOf(logInAt(fake, openClient(), provider)), url).toBe('unavailable');
    }
    expect(connections).toBe(0);
  });

  it('that names private endpoints of OAuth 2.0 causes no connection', async () => {
    const login = { state: 's', nonce: 'n', verifier: 'v'.repeat(43), redirectUri: callbackUrl };
    fake.tampering = { idToken: () => undefined };
    for (const url of urls()) {
      for (const name of ['token', 'profile']) {
        const own = { authorization: `${fake.issuer}/authorize`, token: `${fake.issuer}/token`, profile: fake.issuer };
        const provider = providerOf(fake, 'oauth2', { allowPrivate: false, endpoints: { ...own, [name]: url } });
        const client = openClient();
        const callback = fake.authorize(await client.authorizationUrl(provider, login));
        const refusal = await refusalOf(client.exchange(provider, { ...login, callback }));
        expect(['unavailable', 'invalid'], url).toContain(refusal);
      }
    }
    expect(connections).toBe(0);
  });

  it('allows a private address for a provider of our own, which the trap notices', async () => {
    const provider = { ...providerOf(fake), issuer: `https://127.0.0.1:${trap}` };
    expect(await refusalOf(logInAt(fake, openClient(), provider))).toBe('unavailable');
    expect(connections).toBeGreaterThan(0);
  });
});

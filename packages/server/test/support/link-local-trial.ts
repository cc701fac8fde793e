/**
 * Run in a network namespace whose loopback interface has a link-local address, that of the metadata service of clouds. Prints how
 * often the server connected to it, for URLs that a setting, a discovery document or a name can lead to, and how often the trial did.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { readDestination } from '#protocol/outbound-url/index.ts';
import { startFakeProvider } from './fake-provider.ts';
import { callbackUrl, logInAt, openOutbound, openProviderClient, providerOf, refusalOf } from './provider-client.ts';

const address = '169.254.169.254';

let connections = 0;
const trap = createServer((socket) => {
  connections += 1;
  socket.destroy();
});
trap.listen(0, address);
await once(trap, 'listening');
const bound = trap.address();
const port = typeof bound === 'object' && bound !== null ? bound.port : 0;

const hosts = [address, '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', `[::ffff:${address}]`, 'metadata.example'];
const urls = hosts.flatMap((host) => [`https://${host}:${port}/x`, `http://${host}:${port}/x`]);

const fake = await startFakeProvider();
const rules = (production: boolean) =>
  openOutbound({
    resolve: async () => [address],
    readDestination: (url, policy) => readDestination(url, { ...policy, production }),
  });

const refusals: string[] = [];
for (const production of [true, false]) {
  const client = openProviderClient(fake, { outbound: rules(production), production });
  for (const url of urls) {
    const issuer = { ...providerOf(fake, 'oidc', { allowPrivate: false }), issuer: url };
    refusals.push(await refusalOf(logInAt(fake, client, issuer)));
    const endpoints = { authorization: 'https://idp.example/authorize', token: url, profile: url };
    const generic = providerOf(fake, 'oauth2', { allowPrivate: false, endpoints });
    const login = { state: 's', nonce: 'n', verifier: 'v'.repeat(43), redirectUri: callbackUrl };
    const callback = new URLSearchParams({ code: 'c', state: 's' });
    refusals.push(await refusalOf(client.exchange(generic, { ...login, callback })));
  }
}
const byServer = connections;

const own = connect(port, address);
await once(own, 'close');
process.stdout.write(JSON.stringify({ byServer, byTrial: connections - byServer, attempts: refusals.length }));
trap.close();
await fake.stop();

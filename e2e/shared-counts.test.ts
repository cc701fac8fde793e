/** Nodes of one deployment share what they count. */
import { it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { type Client, client } from './support/client.ts';
import { startServer } from './support/server.ts';

it('two servers on one database sum their counts of an address with each portion that they report', async () => {
  const limit = 10_000;
  const options = { database: await cloneDatabase(), env: { LATCHKEY_LIMIT_PUBLIC: `${limit}/1h` } };
  const nodes = [await startServer(options), await startServer(options)] as const;
  const [nodeA, nodeB] = nodes.map(({ url }) => client(url)) as [Client, Client];
  const sendTo = (node: Client) => node.api('GET', '/auth/session', { token: 'not.a.token' });
  const remaining = async (node: Client) =>
    Number(/r=(\d+)/.exec((await sendTo(node)).headers.get('ratelimit') ?? '')?.[1]);
  const portion = limit / 10;
  for (const node of [nodeA, nodeB, nodeA, nodeB]) {
    for (let sent = 0; sent < portion; sent += 50) await Promise.all(Array.from({ length: 50 }, () => sendTo(node)));
  }
  // Each has counted two portions by itself, and learned those of the other with its second report.
  const knowsSum = async (node: Client) => (await remaining(node)) < limit - 2.5 * portion;
  for (const node of [nodeA, nodeB]) await eventually(() => knowsSum(node), { what: 'the sum of the counts' });
  await Promise.all(nodes.map((node) => node.stop()));
});

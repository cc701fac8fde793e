/** A short form of `npm run prove caddy`, for both proxies: a node stops under load and comes back. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUsers, password } from '../../../../bench/support/users.ts';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import { type RunningServer, type ServerOptions, startServer } from '../../../../e2e/support/server.ts';
import { EdgeLoad } from '../../../../tools/proofs/support/edge-load.ts';
import { startCaddy } from '../support/caddy.ts';
import { startNginx } from '../support/nginx.ts';
import { cloneDatabase } from '../support/postgres.ts';

const proxies = { caddy: startCaddy, nginx: startNginx };
const portOf = (url: string) => Number(new URL(url).port);

describe.each(['caddy', 'nginx'] as const)('behind %s', (name) => {
  const running = new AsyncDisposableStack();
  let options: readonly [ServerOptions, ServerOptions];
  let first: RunningServer;
  let second: RunningServer;
  let load: EdgeLoad;

  beforeAll(async () => {
    const port = await findFreePort();
    // Longer than the interval of the health check.
    const env = { LATCHKEY_TRUSTED_PROXIES: '127.0.0.1', LATCHKEY_SHUTDOWN_DELAY_SECONDS: '3' };
    const common = { database: await cloneDatabase(), publicUrl: `https://localhost:${port}`, env };
    options = [
      { ...common, port: await findFreePort() },
      { ...common, port: await findFreePort() },
    ];
    first = await startServer(options[0]);
    running.defer(async () => void (await first.stop()));
    // Alone at first, so that every mail is in its inbox.
    const users = await addUsers({ port: portOf(first.url), opsPort: portOf(first.opsUrl) }, 4);
    second = await startServer(options[1]);
    running.defer(async () => void (await second.stop()));
    const nodes = options.map((node) => `127.0.0.1:${node.port}`);
    const edge = running.use(await proxies[name]({ port, nodes }));
    load = new EdgeLoad(
      edge,
      users.map((user) => ({ ...user, password })),
    );
  }, 360_000);

  afterAll(() => running.disposeAsync());

  it('no request fails while a node stops by SIGTERM and comes back', async () => {
    await load.reach(100);
    expect(await second.stop()).toBe(0);
    second = await startServer(options[1]);
    const during = load.mark();
    await load.reach(100);
    await load.stop();
    const tallies = [during, load.mark()];
    for (const { failures } of tallies) expect([...failures]).toEqual([]);
    // nginx may pick an idle connection in the moment in which the node closes it; it sends no POST a second time by itself.
    const repeated = tallies.reduce((sum, tally) => sum + tally.repeated, 0);
    expect(repeated).toBeLessThanOrEqual(name === 'nginx' ? 1 : 0);
  }, 360_000);
});

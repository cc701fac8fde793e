import { afterEach, describe, expect, it } from 'vitest';
import { type PostgresCluster, startPostgres } from '#test/support/postgres-cluster.ts';
import { eventually } from '#test/support/wait.ts';
import { client, dataOf } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { type RunningServer, startServer } from '../../../../e2e/support/server.ts';
import { startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import { linkFor } from './user-journey.ts';

/** The 5 s drain that `startServer` sets, plus every later step at its limit. */
const endsWithinMs = 20_000;

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const resource of opened.splice(0).reverse()) await resource[Symbol.asyncDispose]();
});

describe('SIGTERM while the database is unavailable', () => {
  it.each(['killed', 'frozen'] as const)(
    'stops the server in time with exit code 0 and logs every reason, when PostgreSQL is %s',
    async (failure) => {
      const { cluster, server } = await startServerInUse();
      if (failure === 'killed') await cluster.kill9();
      else freeze(cluster);
      const requests = Promise.allSettled(
        Array.from({ length: 8 }, () => client(server.url).login('ada@example.com', 'what Ada never chose')),
      );
      const startedMs = performance.now();
      expect(await server.stop()).toBe(0);
      expect(performance.now() - startedMs).toBeLessThan(endsWithinMs);
      const statuses = (await requests).flatMap((result) =>
        result.status === 'fulfilled' ? [result.value.status] : [],
      );
      expect(statuses.filter((status) => status !== 503)).toEqual([]);
      expect(server.logs()).toContain('a shutdown step failed or timed out');
      expect(server.logs()).not.toContain('"status":500');
    },
  );
});

/** A server with a logged-in user whose last-seen time is not yet written. */
async function startServerInUse(): Promise<{ readonly cluster: PostgresCluster; readonly server: RunningServer }> {
  const sink = await startSmtpSink();
  const cluster = await startPostgres();
  opened.push({ [Symbol.asyncDispose]: () => sink.close() });
  opened.push({ [Symbol.asyncDispose]: () => cluster.stop() });
  const server = await startServer({ database: cluster.url('postgres'), smtpUrl: sink.url });
  opened.push({
    [Symbol.asyncDispose]: async () => {
      if (!server.hasExited()) await server.kill9();
    },
  });
  const node = client(server.url);
  const ada = { email: 'ada@example.com', password: 'what Ada chose for herself' };
  dataOf(await node.register(ada));
  const link = await eventually(() => linkFor(sink, ada.email), { what: 'the link has arrived' });
  dataOf(await node.verify(tokenOf(link)));
  const { accessToken } = dataOf(await node.login(ada.email, ada.password));
  dataOf(await node.session(accessToken));
  return { cluster, server };
}

/** A frozen server would not react to its own stop either. */
function freeze(cluster: PostgresCluster): void {
  cluster.freeze();
  opened.push({ [Symbol.asyncDispose]: async () => cluster.thaw() });
}

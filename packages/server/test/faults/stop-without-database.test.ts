import { afterEach, describe, expect, it } from 'vitest';
import { type PostgresCluster, startPostgres } from '#test/support/postgres-cluster.ts';
import { eventually } from '#test/support/wait.ts';
import { client, dataOf } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { type RunningServer, startServer } from '../../../../e2e/support/server.ts';
import { startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import { linkFor } from './traveller.ts';

/** The drain of 5 s that `startServer` sets, and every step behind it at its limit. */
const endsWithinMs = 20_000;

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

describe('SIGTERM while the database is away', () => {
  it.each(['killed', 'frozen'] as const)(
    'ends the server in time, with 0 and every reason in the log, when PostgreSQL was %s',
    async (how) => {
      const { cluster, server } = await serverInUse();
      if (how === 'killed') await cluster.kill9();
      else freeze(cluster);
      const asking = Promise.allSettled(
        Array.from({ length: 8 }, () => client(server.url).login('ada@example.com', 'what Ada never chose')),
      );
      const startedMs = performance.now();
      expect(await server.stop()).toBe(0);
      expect(performance.now() - startedMs).toBeLessThan(endsWithinMs);
      const statuses = (await asking).flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.status] : []));
      expect(statuses.filter((status) => status !== 503)).toEqual([]);
      expect(server.logs()).toContain('could not be finished before the end');
      expect(server.logs()).not.toContain('"status":500');
    },
  );
});

/** A server with somebody logged in, whose last use of the session is not yet written. */
async function serverInUse(): Promise<{ readonly cluster: PostgresCluster; readonly server: RunningServer }> {
  const sink = await startSmtpSink();
  const cluster = await startPostgres();
  opened.push({ [Symbol.asyncDispose]: () => sink.close() });
  opened.push({ [Symbol.asyncDispose]: () => cluster.stop() });
  const server = await startServer({ database: cluster.url('postgres'), smtpUrl: sink.url });
  opened.push({
    [Symbol.asyncDispose]: async () => {
      if (!server.hasEnded()) await server.kill9();
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

/** A frozen server would hear of its own end no more than of anything else. */
function freeze(cluster: PostgresCluster): void {
  cluster.freeze();
  opened.push({ [Symbol.asyncDispose]: async () => cluster.thaw() });
}

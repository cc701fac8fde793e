/**
 * The embedded database: all lanes share its one connection, behind a first-in-first-out lock. With two connections to
 * one PGlite, each receives rows of the other; and a statement that is sent inside a neighbor's transaction is rolled
 * back with it.
 */
import type { QueryArrayConfig } from 'pg';
import { AssertionFailed } from '#kernel/assert.ts';
import { deliver } from '../effects.ts';
import { endsSession, outcomeUnknown, refusalOf, sqlState, unavailable } from '../errors.ts';
import type { EmbeddedDatabase, EmbeddedOptions, Observers } from '../options.ts';
import { parseInt8AsNumber } from '../postgres/connecting.ts';
import { type Bound, RoundTrips, SentQueries } from '../queries.ts';
import type { Statement } from '../statement.ts';
import { runTransaction } from '../transaction.ts';
import { FifoLock } from './fifo-lock.ts';
import { type EmbeddedCluster, openEmbeddedCluster } from './index.ts';

/**
 * PGlite has no idle_in_transaction_session_timeout, so a transaction that awaits anything else would block forever.
 */
const transactionAtMostMs = 10_000;

/** Opens the embedded database, and creates it if there is none. Throws as `openEmbeddedCluster`. */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  return embeddedOver(await openEmbeddedCluster(options.dataDirectory), options);
}

function embeddedOver(cluster: EmbeddedCluster, observers: Observers): EmbeddedDatabase {
  const { client } = cluster;
  const lock = new FifoLock();
  const roundTrips = new RoundTrips(observers);
  let lost = false;
  client.on('error', (error) => {
    // A failed checkpoint is emitted here too, and closes no connection.
    lost ||= sqlState(error) === undefined || endsSession(error);
    observers.onConnectionError?.(error);
  });
  parseInt8AsNumber(client);
  const send = async (statement: Statement, { query }: Bound) => {
    try {
      const result = await lock.together(() =>
        roundTrips.watch(statement.name, statement.lane, () => client.query<unknown[]>(query)),
      );
      return result;
    } catch (error) {
      throw lost ? refusalOfLost(statement, error) : refusalOf(statement.name, error);
    }
  };
  const { onCommitted } = observers;
  const queries = new SentQueries(send, true, (effects) => deliver(effects, onCommitted));
  const inTransaction = (query: QueryArrayConfig) => client.query<unknown[]>(query);
  const connection = { client, named: true, send: inTransaction, roundTrips, onCommitted, isLost: () => lost };
  return {
    kind: 'embedded',
    rows: queries.rows.bind(queries),
    row: queries.row.bind(queries),
    run: queries.run.bind(queries),
    transaction: async (work) => {
      try {
        const result = await lock.alone(() => runTransaction(connection, (tx) => bounded(work(tx))));
        return result;
      } catch (error) {
        throw refusalOf('transaction', error);
      }
    },
    // Its one connection leads to this process.
    reconnect: () => undefined,
    findRefusal: async () => (lost ? 'the embedded database has failed; restart the process' : undefined),
    exclusively: (work) => lock.alone(() => work(client)),
    dump: () => lock.alone(() => cluster.dump()),
    close: () => lock.alone(() => cluster.close()),
  };
}

function refusalOfLost(statement: Statement, error: unknown): Error {
  if (statement.lane === 'read') return unavailable('the embedded database has failed', error);
  return outcomeUnknown(`"${statement.name}"`, error);
}

/** Aborts a transaction that awaits anything but its own statements, which would wait for the transaction in turn. */
async function bounded<T>(work: Promise<T>): Promise<T> {
  const { promise: tooLong, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new AssertionFailed('a transaction awaited something else than its own statements')),
    transactionAtMostMs,
  );
  try {
    const result = await Promise.race([work, tooLong]);
    return result;
  } finally {
    clearTimeout(timer);
  }
}

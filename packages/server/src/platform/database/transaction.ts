/** One transaction on one client: begin, the caller's statements, commit; the same on both databases. */
import type { ClientBase, QueryArrayConfig, QueryConfig } from 'pg';
import { AssertionFailed, assert } from '#kernel/assert.ts';
import type { Queries } from './database.ts';
import { type OnCommitted, TransactionEffects } from './effects.ts';
import { outcomeUnknown, unavailable } from './errors.ts';
import type { StatementResult } from './postgres/named-query.ts';
import { type RoundTrips, type Send, SentQueries } from './queries.ts';

export interface TransactionConnection {
  readonly client: ClientBase;
  readonly named: boolean;
  /** Sends a statement of the work, behind those that were sent before. */
  send(query: QueryArrayConfig): Promise<StatementResult>;
  readonly roundTrips: RoundTrips;
  readonly onCommitted: OnCommitted | undefined;
  /** How long begin, commit and rollback may wait for their response: no timeout of the server bounds a commit. */
  readonly controlTimeoutMs?: number;
  /** Whether this error of the client means that the connection was lost. */
  isLost(error: unknown): boolean;
}

/** SQL that changes nothing. It may lock rows: without a transaction the lock ends with the statement. */
const changesNothing = /^select\b/i;

/**
 * Runs `work` between `begin` and `commit`, or `rollback` when it throws. `begin` is sent synchronously, and selects follow
 * it at once, which saves a round trip. Statements that change something wait until it has succeeded: without it, each of
 * them would be a transaction of its own.
 *
 * `work` may send statements together (`Promise.all`): the connection runs them in the order of the calls, each with a
 * snapshot of its own. When one fails, PostgreSQL rejects those behind it, and the first error is thrown.
 *
 * A connection that is lost before the commit is sent means that nothing happened (`unavailable`); at the commit, the
 * outcome is unknown (`outcome_unknown`).
 */
export async function runTransaction<T>(
  connection: TransactionConnection,
  work: (tx: Queries) => Promise<T>,
): Promise<T> {
  const { roundTrips } = connection;
  const control = (sql: 'begin' | 'commit' | 'rollback') =>
    roundTrips.watch(`transaction.${sql}`, 'transaction', () => sendControl(sql, connection));
  let waits = true;
  const begun = control('begin').then(() => {
    waits = false;
  });
  // `work` may fail first; its error is thrown, and the end of the transaction reports this one.
  begun.catch(() => undefined);
  let open = true;
  let someWait = false;
  const effects = new TransactionEffects();
  const send: Send = async (statement, { query }) => {
    if (waits && (someWait || !changesNothing.test(statement.sql))) {
      someWait = true;
      await begun;
    }
    assert(open, `"${statement.name}" was sent on a transaction that has ended`);
    return roundTrips.watch(statement.name, 'transaction', () => connection.send(query));
  };
  const tx = new SentQueries(send, connection.named, (added) => effects.add(added));
  let result: T;
  try {
    result = await work(tx);
    await begun;
    open = false;
  } catch (error) {
    open = false;
    if (connection.isLost(error)) throw unavailable('the connection was lost in a transaction', error);
    await rollBack(connection, () => control('rollback'));
    throw error;
  }
  await commit(connection, () => control('commit'));
  effects.deliver(connection.onCommitted);
  return result;
}

function sendControl(text: 'begin' | 'commit' | 'rollback', { client, controlTimeoutMs }: TransactionConnection) {
  if (controlTimeoutMs === undefined) return client.query(text);
  // The driver's option is not in its declarations.
  const query: QueryConfig & { readonly query_timeout: number } = { text, query_timeout: controlTimeoutMs };
  return client.query(query);
}

async function commit(connection: TransactionConnection, send: () => Promise<{ command: string }>): Promise<void> {
  let command: string;
  try {
    ({ command } = await send());
  } catch (error) {
    throw connection.isLost(error) ? outcomeUnknown('a commit', error) : error;
  }
  // PostgreSQL responds to the commit of an aborted transaction with ROLLBACK and no error.
  if (command !== 'COMMIT') {
    throw new AssertionFailed('a statement of a transaction failed, its error was caught, and all was rolled back');
  }
}

async function rollBack(connection: TransactionConnection, send: () => Promise<unknown>): Promise<void> {
  try {
    await send();
  } catch (error) {
    // The end of the connection rolls back too, and the first error is the one to report.
    if (!connection.isLost(error)) throw error;
  }
}

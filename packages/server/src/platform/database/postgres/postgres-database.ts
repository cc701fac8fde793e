/** The database on a PostgreSQL server: each statement on its lane, transactions on the pool. */
import type { QueryArrayConfig } from 'pg';
import { Problem } from '#kernel/problem.ts';
import { deliver } from '../effects.ts';
import { ConnectionLost, isLockTimeout, isTransient, outcomeUnknown, refusalOf, unavailable } from '../errors.ts';
import type { PostgresDatabase, PostgresOptions } from '../options.ts';
import { type Bound, RoundTrips, SentQueries } from '../queries.ts';
import type { Lane, Statement } from '../statement.ts';
import { cannotConnect, connectClient, type SessionSettings } from './connecting.ts';
import { ConnectionPool, retryTransient } from './connection-pool.ts';
import type { StatementResult } from './named-query.ts';
import { PipelinedLane } from './pipelined-lane.ts';
import { settlePreference } from './tls.ts';

// A waiting statement delays all behind it on its connection, so the timeouts of a lane are short.
const laneSettings: SessionSettings = {
  statementTimeoutMs: 1000,
  lockTimeoutMs: 250,
  idleInTransactionTimeoutMs: 1000,
  synchronousCommit: true,
};
const counterSettings: SessionSettings = { ...laneSettings, synchronousCommit: false };
/**
 * Statements on one connection commit one after the other, so this many commits can share a flush of the log. With a
 * flush of 2 ms: 391 refreshes per second on two connections, 557 on four, 697 on eight.
 */
const writeConnections = 8;
const poolLockTimeoutMs = 2000;
const idleInTransactionTimeoutMs = 10_000;

type Lanes = Readonly<Record<Exclude<Lane, 'pool'>, PipelinedLane>>;

/**
 * Connects to PostgreSQL: two connections for reads, eight for writes, one for counters, and the pool.
 *
 * @throws Error with a sentence for the operator when the server cannot be reached or used.
 */
export async function openPostgres(given: PostgresOptions): Promise<PostgresDatabase> {
  const options = await probe(given);
  const roundTrips = new RoundTrips(options);
  const poolSettings: SessionSettings = {
    statementTimeoutMs: options.statementTimeoutMs ?? 10_000,
    lockTimeoutMs: poolLockTimeoutMs,
    idleInTransactionTimeoutMs,
    synchronousCommit: true,
  };
  const opening = [
    openLane('read', 2, options, laneSettings),
    openLane('write', writeConnections, options, laneSettings),
    openLane('counter', 1, options, counterSettings),
    ConnectionPool.open(options, poolSettings, roundTrips),
  ] as const;
  const opened = await Promise.allSettled(opening);
  const failed = opened.find((part) => part.status === 'rejected');
  if (failed !== undefined) {
    for (const part of opened) if (part.status === 'fulfilled') await part.value.close();
    throw cannotConnect(failed.reason);
  }
  const [read, write, counter, pool] = await Promise.all(opening);
  return assemble(options, { read, write, counter }, pool, roundTrips);
}

/** Tries one connection first, so that an error is reported once. */
async function probe(given: PostgresOptions): Promise<PostgresOptions> {
  try {
    const options = { ...given, server: await settlePreference(given.server, given.connectTimeoutMs ?? 5000) };
    const client = await connectClient(options, laneSettings, { pipeline: false, probe: true });
    await client.end();
    return options;
  } catch (error) {
    throw cannotConnect(error);
  }
}

function openLane(name: string, connections: number, options: PostgresOptions, settings: SessionSettings) {
  return PipelinedLane.open({
    name,
    connections,
    clock: options.clock,
    connect: (onLost) => connectClient(options, settings, { pipeline: true, probe: false }, onLost),
    onConnectionError: (error) => options.onConnectionError?.(error),
  });
}

function assemble(
  options: PostgresOptions,
  lanes: Lanes,
  pool: ConnectionPool,
  roundTrips: RoundTrips,
): PostgresDatabase {
  const on = { ...lanes, pool };
  const routes: Routes = {
    once: (statement, query) => roundTrips.watch(statement.name, statement.lane, () => on[statement.lane].send(query)),
    again: (statement, query) =>
      roundTrips.watch(statement.name, statement.lane, () => on[statement.lane].sendAgain(query)),
    onPool: (statement, query) => roundTrips.watch(statement.name, 'pool', () => pool.send(query)),
  };
  const queries = new SentQueries(
    (statement, bound) => sendSafely(statement, bound, routes),
    options.pooler !== 'transaction',
    (effects) => deliver(effects, options.onCommitted),
  );
  let closed: Promise<unknown> | undefined;
  return {
    kind: 'postgres',
    rows: queries.rows.bind(queries),
    row: queries.row.bind(queries),
    run: queries.run.bind(queries),
    transaction: (work) => pool.transaction(work),
    poolUse: () => pool.use(),
    close: () => {
      closed ??= Promise.all([lanes.read.close(), lanes.write.close(), lanes.counter.close(), pool.close()]);
      return closed.then(() => undefined);
    },
  };
}

type SendOnce = (statement: Statement, query: QueryArrayConfig) => Promise<StatementResult>;

/** On its lane; on its lane after a lost connection; on the pool, which waits longer. */
type Routes = Readonly<Record<'once' | 'again' | 'onPool', SendOnce>>;

/** Sends a statement once, and again only where that is harmless. */
async function sendSafely(statement: Statement, bound: Bound, routes: Routes) {
  try {
    const result = await routes.once(statement, bound.query);
    return result;
  } catch (error) {
    return sendSecond(statement, bound, error, routes);
  }
}

async function sendSecond(statement: Statement, bound: Bound, first: unknown, routes: Routes) {
  try {
    const result = await secondTry(statement, bound, first, routes);
    return result;
  } catch (last) {
    const lost = last instanceof ConnectionLost || (first instanceof ConnectionLost && last instanceof Problem);
    if (!lost) throw refusalOf(statement.name, last);
    if (statement.lane === 'read') throw unavailable(`the connection was lost during "${statement.name}"`, last);
    throw outcomeUnknown(`"${statement.name}"`, last);
  }
}

/**
 * How often an idempotent statement is sent again; beyond that, the server closes connections faster than it responds.
 */
const againAtMost = 3;

async function sendAgain(statement: Statement, bound: Bound, routes: Routes): Promise<StatementResult> {
  for (let sent = 1; ; sent += 1) {
    try {
      const result = await routes.again(statement, bound.query);
      return result;
    } catch (error) {
      if (!(error instanceof ConnectionLost) || sent === againAtMost) throw error;
    }
  }
}

/** The second attempt, if this error allows one. */
function secondTry(statement: Statement, bound: Bound, error: unknown, routes: Routes) {
  if (error instanceof ConnectionLost && statement.idempotent) return sendAgain(statement, bound, routes);
  if (isTransient(error) || (isLockTimeout(error) && statement.lane !== 'pool')) {
    return retryTransient(() => routes.onPool(statement, bound.query));
  }
  throw error;
}

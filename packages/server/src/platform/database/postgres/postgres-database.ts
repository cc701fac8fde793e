/** The database on a PostgreSQL server: each statement on its lane, transactions on the pool. */
import type { QueryArrayConfig } from 'pg';
import type { Queries } from '../database.ts';
import { deliver } from '../effects.ts';
import { isReadOnly, isRefusal } from '../errors.ts';
import type { PostgresDatabase, PostgresOptions } from '../options.ts';
import { RoundTrips, SentQueries } from '../queries.ts';
import type { Lane, Statement } from '../statement.ts';
import { type Retry, sendUntilDone } from './attempts.ts';
import { cannotConnect, connectClient, type SessionSettings } from './connecting.ts';
import { ConnectionOrder } from './connection-order.ts';
import { ConnectionPool } from './connection-pool.ts';
import type { StatementResult } from './named-query.ts';
import { PipelinedLane } from './pipelined-lane.ts';
import { ServerProbe } from './server-probe.ts';
import { settlePreference } from './tls.ts';

// A waiting statement delays all behind it on its connection, so the timeouts of a lane are short.
const laneSettings: SessionSettings = {
  statementTimeoutMs: 1000,
  lockTimeoutMs: 250,
  idleInTransactionTimeoutMs: 1000,
  synchronousCommit: true,
  lookupsOnly: true,
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
  const settled = await tryOnce(given);
  const probe = new ServerProbe(settled, laneSettings);
  const options: PostgresOptions = {
    ...settled,
    onConnectionError: (error) => {
      probe.suspect();
      given.onConnectionError?.(error);
    },
    onRefusal: (error) => {
      probe.suspect();
      given.onRefusal?.(error);
    },
  };
  const roundTrips = new RoundTrips(options);
  const order = new ConnectionOrder();
  const poolSettings: SessionSettings = {
    statementTimeoutMs: options.statementTimeoutMs ?? 10_000,
    lockTimeoutMs: poolLockTimeoutMs,
    idleInTransactionTimeoutMs,
    synchronousCommit: true,
    lookupsOnly: false,
  };
  const opening = [
    openLane('read', 2, options, laneSettings, order),
    openLane('write', writeConnections, options, laneSettings, order),
    openLane('counter', 1, options, counterSettings, order),
    ConnectionPool.open(options, poolSettings, order, roundTrips),
  ] as const;
  const opened = await Promise.allSettled(opening);
  const failed = opened.find((part) => part.status === 'rejected');
  if (failed !== undefined) {
    for (const part of opened) if (part.status === 'fulfilled') await part.value.close();
    throw cannotConnect(failed.reason);
  }
  const [read, write, counter, pool] = await Promise.all(opening);
  return assemble(options, { lanes: { read, write, counter }, pool, order, roundTrips }, probe);
}

/** Tries one connection first, so that an error is reported once. */
async function tryOnce(given: PostgresOptions): Promise<PostgresOptions> {
  try {
    const options = { ...given, server: await settlePreference(given.server, given.connectTimeoutMs ?? 5000) };
    const client = await connectClient(options, laneSettings, { pipeline: false, probe: true });
    await client.end();
    return options;
  } catch (error) {
    throw cannotConnect(error);
  }
}

function openLane(
  name: string,
  connections: number,
  options: PostgresOptions,
  settings: SessionSettings,
  order: ConnectionOrder,
) {
  return PipelinedLane.open({
    name,
    connections,
    clock: options.clock,
    order,
    connect: (onLost) => connectClient(options, settings, { pipeline: true, probe: false }, onLost),
    onConnectionError: (error) => options.onConnectionError?.(error),
  });
}

interface Connections {
  readonly lanes: Lanes;
  readonly pool: ConnectionPool;
  readonly order: ConnectionOrder;
  readonly roundTrips: RoundTrips;
}

function assemble(options: PostgresOptions, connections: Connections, probe: ServerProbe): PostgresDatabase {
  const { lanes, pool, order } = connections;
  const sender = new Sender(connections, options);
  const queries = new SentQueries(
    (statement, { query }) => sender.send(statement, query),
    options.pooler !== 'transaction',
    (effects) => deliver(effects, options.onCommitted),
  );
  let closed: Promise<unknown> | undefined;
  return {
    kind: 'postgres',
    rows: queries.rows.bind(queries),
    row: queries.row.bind(queries),
    run: queries.run.bind(queries),
    transaction: (work) => sender.transaction(work),
    reconnect: () => sender.renew(order.newest),
    findRefusal: () => probe.findRefusal(),
    poolUse: () => pool.use(),
    laneUse: () => (['read', 'write', 'counter'] as const).map((lane) => ({ lane, ...lanes[lane].use })),
    close: () => {
      closed ??= Promise.all([lanes.read.close(), lanes.write.close(), lanes.counter.close(), pool.close()]);
      return closed.then(() => undefined);
    },
  };
}

/** Sends statements and transactions, repeats them where that is harmless, and notes the refusals of the server. */
class Sender {
  readonly #on: Lanes & { readonly pool: ConnectionPool };
  readonly #order: ConnectionOrder;
  readonly #roundTrips: RoundTrips;
  readonly #onRefusal: PostgresOptions['onRefusal'];

  constructor({ lanes, pool, order, roundTrips }: Connections, { onRefusal }: PostgresOptions) {
    this.#on = { ...lanes, pool };
    this.#order = order;
    this.#roundTrips = roundTrips;
    this.#onRefusal = onRefusal;
  }

  send(statement: Statement, query: QueryArrayConfig): Promise<StatementResult> {
    return sendUntilDone(statement, (retry) => {
      const lane = retry === 'pool' || retry === 'new_on_pool' ? 'pool' : statement.lane;
      const sendOnce = () => this.#sendTo(lane, query, retry);
      return this.#roundTrips.watch(statement.name, lane, () => this.#noting(sendOnce));
    });
  }

  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    return sendUntilDone({ name: 'transaction', lane: 'pool', idempotent: false }, () =>
      this.#noting(() => this.#on.pool.transaction(work)),
    );
  }

  renew(upTo: number): void {
    this.#on.read.renew(upTo);
    this.#on.write.renew(upTo);
    this.#on.counter.renew(upTo);
    this.#on.pool.renew(upTo);
  }

  #sendTo(lane: Lane, query: QueryArrayConfig, retry: Retry | undefined): Promise<StatementResult> {
    const isAgain = retry === 'new_on_lane' || retry === 'new_on_pool';
    return isAgain ? this.#on[lane].sendAgain(query) : this.#on[lane].send(query);
  }

  /** After a read-only response no connection of that time is used again, also not for reads. */
  async #noting<T>(send: () => Promise<T>): Promise<T> {
    const { newest } = this.#order;
    try {
      const result = await send();
      return result;
    } catch (error) {
      if (isReadOnly(error)) this.renew(newest);
      if (isRefusal(error)) this.#onRefusal?.(error as Error);
      throw error;
    }
  }
}

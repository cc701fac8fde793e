/** The database on a PostgreSQL server: each statement on its lane, transactions on the pool. */
import type { QueryArrayConfig } from 'pg';
import type { Queries } from '../database.ts';
import { deliver } from '../effects.ts';
import { isReadOnly, isRefusal } from '../errors.ts';
import type { PostgresDatabase, PostgresOptions } from '../options.ts';
import { RoundTrips, SentQueries } from '../queries.ts';
import type { Lane, Statement } from '../statement.ts';
import { type Retry, sendUntilDone } from './attempts.ts';
import { cannotConnect, type SessionSettings } from './connecting.ts';
import { ConnectionOrder } from './connection-order.ts';
import { ConnectionPool, type PoolGround } from './connection-pool.ts';
import { Destination } from './destination.ts';
import type { StatementResult, TimedQuery } from './named-query.ts';
import { PipelinedLane } from './pipelined-lane.ts';
import { lagAtMostMs, Replica, readPosition, replicaConnections, respondsWithinMs } from './replica.ts';
import { ServerProbe } from './server-probe.ts';
import { readSilenceMs, WriteBreaker, writeSilenceMs, writesOpenMs } from './silence.ts';

/**
 * The connections of the lanes; those of the pool are a setting. Statements on one connection commit one after the other, so
 * eight commits can share a flush of the log. With a flush of 2 ms: 391 refreshes per second on two connections, 557 on
 * four, 697 on eight.
 */
const connectionsOf = { read: 2, write: 8, counter: 1 } as const;
const laneStatementMs = 1000;

// A waiting statement delays all behind it on its connection, so the timeouts of a lane are short.
const laneSettings: SessionSettings = {
  statementTimeoutMs: laneStatementMs,
  lockTimeoutMs: 250,
  idleInTransactionTimeoutMs: 1000,
  synchronousCommit: true,
  access: 'write',
  lookupsOnly: true,
};
const counterSettings: SessionSettings = { ...laneSettings, synchronousCommit: false };
const poolLockTimeoutMs = 2000;
const idleInTransactionTimeoutMs = 10_000;

type Lanes = Readonly<Record<Exclude<Lane, 'pool'>, PipelinedLane>>;

/**
 * Connects to PostgreSQL: two connections for reads, eight for writes, one for counters, and the pool.
 *
 * @throws Error with a sentence for the operator when the server cannot be reached or used.
 */
export async function openPostgres(given: PostgresOptions): Promise<PostgresDatabase> {
  let onMoved = (): void => undefined;
  const destination = new Destination(given, 'write', (to) => {
    onMoved();
    given.onMoved?.(to);
  });
  await tryOnce(destination);
  const probe = new ServerProbe(given, destination, counterSettings);
  const suspect = () => {
    destination.suspect();
    probe.suspect();
  };
  const options: PostgresOptions = {
    ...given,
    onConnectionError: (error) => {
      suspect();
      given.onConnectionError?.(error);
    },
    onRefusal: (error) => {
      suspect();
      given.onRefusal?.(error);
    },
  };
  const ground: PoolGround = {
    options,
    destination,
    order: new ConnectionOrder(),
    roundTrips: new RoundTrips(options),
  };
  const sender = new Sender(await openAll(ground), ground);
  onMoved = () => sender.move();
  const replica = await openReplica(sender, ground);
  return assemble(sender, ground, { probe, replica });
}

/** Tries one connection first, so that an error is reported once. */
async function tryOnce(destination: Destination): Promise<void> {
  try {
    const client = await destination.connect(laneSettings, { pipeline: false, probe: true });
    await client.end();
  } catch (error) {
    throw cannotConnect(error);
  }
}

type Connections = Lanes & { readonly pool: ConnectionPool };

async function openReplica(sender: Sender, { options, roundTrips }: PoolGround): Promise<Replica | undefined> {
  const { replica: server } = options;
  if (server === undefined) return undefined;
  const readPrimary = (query: QueryArrayConfig) => sender.send(readPosition as unknown as Statement, query);
  return Replica.open({ options, server, settings: poolSettings(options), roundTrips, readPrimary });
}

function poolSettings({ statementTimeoutMs = 10_000 }: PostgresOptions): SessionSettings {
  return {
    statementTimeoutMs,
    lockTimeoutMs: poolLockTimeoutMs,
    idleInTransactionTimeoutMs,
    synchronousCommit: true,
    access: 'write',
    lookupsOnly: false,
  };
}

/** Opens the lanes and the pool, or none. */
async function openAll(ground: PoolGround): Promise<Connections> {
  let onSilence = (): void => undefined;
  const opening = [
    // No timeout of a standby or a lock delays a read, so that its silence is that of the server.
    openLane('read', ground, laneSettings, () => onSilence()),
    openLane('write', ground, laneSettings),
    openLane('counter', ground, counterSettings),
    ConnectionPool.open(ground, poolSettings(ground.options)),
  ] as const;
  const opened = await Promise.allSettled(opening);
  const failed = opened.find((part) => part.status === 'rejected');
  if (failed !== undefined) {
    for (const part of opened) if (part.status === 'fulfilled') await part.value.close();
    throw cannotConnect(failed.reason);
  }
  const [read, write, counter, pool] = await Promise.all(opening);
  onSilence = () => pool.hangUp();
  return { read, write, counter, pool };
}

function openLane(
  name: keyof Lanes,
  { options, destination, order }: PoolGround,
  settings: SessionSettings,
  onSilence: () => void = () => undefined,
): Promise<PipelinedLane> {
  return PipelinedLane.open({
    onSilence,
    name,
    connections: connectionsOf[name],
    order,
    silenceMs: name === 'write' ? writeSilenceMs : readSilenceMs,
    connect: (onLost) => destination.connect(settings, { pipeline: true, probe: false }, onLost),
    onConnectionError: (error) => options.onConnectionError?.(error),
  });
}

interface Beside {
  readonly probe: ServerProbe;
  readonly replica: Replica | undefined;
}

function assemble(sender: Sender, { options, order }: PoolGround, { probe, replica }: Beside): PostgresDatabase {
  const lagging = async (statement: Statement, query: QueryArrayConfig) =>
    (await replica?.send(statement.name, query)) ?? sender.send(statement, query);
  const queries = new SentQueries(
    (statement, { query }) => (statement.mayLag ? lagging(statement, query) : sender.send(statement, query)),
    options.pooler !== 'transaction',
    (effects) => deliver(effects, options.onCommitted),
  );
  const { pool, ...lanes } = sender.connections;
  let closed: Promise<unknown> | undefined;
  return {
    kind: 'postgres',
    rows: queries.rows.bind(queries),
    row: queries.row.bind(queries),
    run: queries.run.bind(queries),
    transaction: (work) => sender.transaction(work),
    reconnect: () => sender.renew(order.newest),
    findRefusal: () => probe.findRefusal(),
    replicaUse: () => replica?.use,
    findReplicaRefusal: async () => replica?.findRefusal(),
    poolUse: () => pool.use(),
    laneUse: () => (['read', 'write', 'counter'] as const).map((lane) => ({ lane, ...lanes[lane].use })),
    close: () => {
      closed ??= Promise.all(
        [...Object.values(sender.connections), ...(replica === undefined ? [] : [replica])].map((part) => part.close()),
      );
      return closed.then(() => undefined);
    },
  };
}

/** Sends statements and transactions, repeats them where that is harmless, and notes the refusals of the server. */
class Sender {
  readonly connections: Connections;
  readonly #order: ConnectionOrder;
  readonly #roundTrips: RoundTrips;
  readonly #onRefusal: PostgresOptions['onRefusal'];
  readonly #writes: WriteBreaker;

  constructor(connections: Connections, { options, order, roundTrips }: PoolGround) {
    this.connections = connections;
    this.#order = order;
    this.#roundTrips = roundTrips;
    this.#onRefusal = options.onRefusal;
    this.#writes = new WriteBreaker(options.clock);
  }

  send(statement: Statement, query: QueryArrayConfig): Promise<StatementResult> {
    const send = () =>
      sendUntilDone(statement, (retry) => {
        const lane = retry === 'pool' || retry === 'new_on_pool' ? 'pool' : statement.lane;
        const sendOnce = () => this.#sendTo(lane, timed(statement, lane, query), retry);
        return this.#roundTrips.watch(statement.name, lane, () => this.#noting(sendOnce));
      });
    return statement.lane === 'write' ? this.#writes.guard(send) : send();
  }

  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    return this.#writes.guard(() =>
      sendUntilDone({ name: 'transaction', lane: 'pool', idempotent: false, onlyReads: false }, () =>
        this.#noting(() => this.connections.pool.transaction(work)),
      ),
    );
  }

  renew(upTo: number): void {
    for (const part of Object.values(this.connections)) part.renew(upTo);
  }

  /** Another server is the primary: the connections to the old one get no more statements. */
  move(): void {
    this.renew(this.#order.newest);
    this.connections.pool.leaveBehind();
    this.#writes.close();
  }

  #sendTo(lane: Lane, query: TimedQuery, retry: Retry | undefined): Promise<StatementResult> {
    const isAgain = retry === 'new_on_lane' || retry === 'new_on_pool';
    return isAgain ? this.connections[lane].sendAgain(query) : this.connections[lane].send(query);
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

/** A statement of a lane that runs on the pool after a lock timeout is short too, so its silence is bounded as on the lane. */
function timed(statement: Statement, lane: Lane, query: QueryArrayConfig): TimedQuery {
  return lane === 'pool' && statement.lane !== 'pool' ? { ...query, query_timeout: writeSilenceMs } : query;
}

/** The limits that are not settings, for the reference page. */
export const databaseLimits = {
  laneConnections: Object.values(connectionsOf).reduce<number>((sum, each) => sum + each, 0),
  laneStatementMs,
  readSilenceMs,
  writeSilenceMs,
  writesOpenMs,
  replica: { connections: replicaConnections, lagMs: lagAtMostMs, respondsWithinMs },
} as const;

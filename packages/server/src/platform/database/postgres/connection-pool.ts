/**
 * The ordinary pool: lists, jobs, transactions, and statements that waited too long for a lock on their lane.
 * It lends connections by `connect` and calls `release` without the error: `pool.query` would destroy a connection at
 * each SQL error (100 failures took 582 ms instead of 32).
 */
import { Pool, type PoolClient, type QueryArrayConfig } from 'pg';
import type { Queries } from '../database.ts';
import type { OnCommitted } from '../effects.ts';
import { busy, ConnectionLost, endsSession, reasonOf, unavailable } from '../errors.ts';
import type { Endpoint, PoolUse, PostgresOptions } from '../options.ts';
import type { RoundTrips } from '../queries.ts';
import { runTransaction } from '../transaction.ts';
import { defaultConnectTimeoutMs, prepareSession, type SessionSettings } from './connecting.ts';
import type { ConnectionOrder } from './connection-order.ts';
import type { Destination, PooledClient } from './destination.ts';
import { type StatementResult, sendNamed } from './named-query.ts';
import { readSilenceMs, Silence, writeSilenceMs } from './silence.ts';

const waitingAtMost = 1000;
/** Longer than the server's own timeout: reached only when the network drops responses. */
const silenceBeyondTimeoutMs = 5000;
const leaveAfterMs = 1000;
/** How long the server may take to close a connection, including running statements. */
const endAtMostMs = 3000;

interface OpenClient {
  /** Its place in the order of opened connections. */
  readonly number: number;
  readonly endpoint: Endpoint;
}

/** The parts of the database that the pool shares with the lanes. */
export interface PoolGround {
  readonly options: PostgresOptions;
  readonly destination: Destination;
  readonly order: ConnectionOrder;
  readonly roundTrips: RoundTrips;
}

/** Lends each connection to one statement or one transaction at a time. */
export class ConnectionPool {
  readonly #pool: Pool;
  readonly #clients: ReadonlyMap<PoolClient, OpenClient>;
  readonly #destination: Destination;
  readonly #roundTrips: RoundTrips;
  readonly #named: boolean;
  readonly #onCommitted: OnCommitted | undefined;
  readonly #onFailure: (error: Error) => void;
  readonly #order: ConnectionOrder;
  /** Connections up to this number are not lent again. */
  #renewedUpTo = 0;
  readonly #lent = new Set<PoolClient>();
  /** Closed by `hangUp`. */
  readonly #silent = new WeakSet<PoolClient>();

  private constructor(
    pool: Pool,
    clients: ReadonlyMap<PoolClient, OpenClient>,
    { options, destination, order, roundTrips }: PoolGround,
  ) {
    this.#pool = pool;
    this.#clients = clients;
    this.#destination = destination;
    this.#order = order;
    this.#roundTrips = roundTrips;
    this.#named = options.pooler !== 'transaction';
    this.#onCommitted = options.onCommitted;
    this.#onFailure = options.onConnectionError ?? (() => undefined);
  }

  /** Opens `poolMin` connections; if one fails, it closes the others. */
  static async open(ground: PoolGround, settings: SessionSettings): Promise<ConnectionPool> {
    const { options, destination, order } = ground;
    const min = options.poolMin ?? 2;
    const connectionTimeoutMillis = options.connectTimeoutMs ?? defaultConnectTimeoutMs;
    const pool = new Pool({
      Client: destination.clients({
        pipeline: true,
        query_timeout: settings.statementTimeoutMs + silenceBeyondTimeoutMs,
      }),
      min,
      max: options.poolMax ?? 10,
      connectionTimeoutMillis,
      onConnect: (client) => prepareSession(client, options, settings),
    });
    const clients = new Map<PoolClient, OpenClient>();
    pool.on('connect', (client) => {
      clients.set(client, { number: order.next(), endpoint: (client as PoolClient & PooledClient).endpoint });
      client.on('error', (error) => options.onConnectionError?.(error));
    });
    pool.on('remove', (client) => clients.delete(client));
    // The listener above has reported it; without a listener here pg-pool would throw.
    pool.on('error', () => undefined);
    const connect = () => destination.attempt(() => pool.connect());
    const opened = await Promise.allSettled(Array.from({ length: min }, connect));
    for (const attempt of opened) if (attempt.status === 'fulfilled') attempt.value.release();
    const failed = opened.find((attempt) => attempt.status === 'rejected');
    if (failed === undefined) return new ConnectionPool(pool, clients, ground);
    await pool.end();
    throw failed.reason;
  }

  use(): PoolUse {
    return { open: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount };
  }

  /** Sends one statement; throws as `PipelinedLane.send`. */
  send(query: QueryArrayConfig): Promise<StatementResult> {
    return this.#lend(async (client, isLost) => {
      try {
        const result = await this.#send(client, query);
        return result;
      } catch (error) {
        if (!isLost(error)) throw error;
        throw this.#silent.has(client)
          ? new Silence('the pool', readSilenceMs)
          : new ConnectionLost('the connection was lost', { cause: error });
      }
    });
  }

  /**
   * Sends one statement again after its connection was lost or its server was read-only, on a connection that is opened
   * from now on: the event that closed one connection has often closed the idle ones too.
   */
  sendAgain(query: QueryArrayConfig): Promise<StatementResult> {
    this.renew(this.#order.newest);
    return this.send(query);
  }

  /** Lends no connection up to this number again; those that are lent are closed when they are returned. */
  renew(upTo: number): void {
    this.#renewedUpTo = Math.max(this.#renewedUpTo, upTo);
  }

  /**
   * Destroys the connections to servers that are not the primary any more, after those that respond have had time for the
   * statement in flight: the others are frozen.
   */
  leaveBehind(): void {
    const hangUp = () => {
      for (const [client, { endpoint }] of this.#clients) {
        if (this.#destination.hasMovedFrom(endpoint)) client.connection.stream.destroy();
      }
    };
    setTimeout(hangUp, leaveAfterMs).unref();
  }

  /**
   * Destroys all connections that wait for a response: the server has sent none to reads that need milliseconds. Their own
   * timeouts are long, for lists and jobs.
   */
  hangUp(): void {
    for (const client of this.#lent) {
      this.#silent.add(client);
      client.connection.stream.destroy();
    }
  }

  /** Runs a transaction once. */
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    const shared = { named: this.#named, roundTrips: this.#roundTrips, onCommitted: this.#onCommitted };
    return this.#lend((client, isLost) => {
      const send = (query: QueryArrayConfig) => this.#send(client, query);
      return runTransaction({ ...shared, client, send, isLost, controlTimeoutMs: writeSilenceMs }, work);
    });
  }

  /** Closes the connections as they are returned, and destroys those that are not. */
  async close(): Promise<void> {
    const hangUp = setTimeout(() => {
      for (const client of this.#clients.keys()) client.connection.stream.destroy();
    }, endAtMostMs);
    // The pool forgets a connection when it starts to close it, not when it is closed.
    const gone = [...this.#clients.keys()].map((client) => new Promise((resolve) => client.once('end', resolve)));
    await this.#pool.end();
    await Promise.all(gone);
    clearTimeout(hangUp);
  }

  #send(client: PoolClient, query: QueryArrayConfig): Promise<StatementResult> {
    return query.name === undefined ? client.query<unknown[]>(query) : sendNamed(client, query);
  }

  async #lend<T>(work: (client: PoolClient, isLost: (error: unknown) => boolean) => Promise<T>): Promise<T> {
    const client = await this.#connectFresh();
    let lost = false;
    const markLost = () => {
      lost = true;
    };
    client.on('error', markLost);
    this.#lent.add(client);
    const isLost = (error: unknown) => {
      lost ||= endsSession(error);
      return lost;
    };
    try {
      const result = await work(client, isLost);
      return result;
    } finally {
      client.off('error', markLost);
      this.#lent.delete(client);
      client.release(lost || this.#isOld(client));
    }
  }

  async #connectFresh(): Promise<PoolClient> {
    for (;;) {
      const client = await this.#connect();
      if (!this.#isOld(client)) return client;
      client.release(true);
    }
  }

  #isOld(client: PoolClient): boolean {
    const open = this.#clients.get(client);
    return open === undefined || open.number <= this.#renewedUpTo || this.#destination.hasMovedFrom(open.endpoint);
  }

  async #connect(): Promise<PoolClient> {
    if (this.#pool.waitingCount >= waitingAtMost) throw busy('too many callers wait for a connection of the pool');
    try {
      const connect = () => this.#pool.connect();
      const opensOne = this.#pool.idleCount === 0 && this.#pool.totalCount < this.#pool.options.max;
      const client = await (opensOne ? this.#destination.attempt(connect) : connect());
      return client;
    } catch (error) {
      if (this.#pool.totalCount >= this.#pool.options.max) throw busy('no connection of the pool came free', error);
      this.#onFailure(error as Error);
      throw unavailable(`the pool has no connection: ${reasonOf(error)}`, error);
    }
  }
}

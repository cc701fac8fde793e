/**
 * The ordinary pool: lists, jobs, transactions, and statements that waited too long for a lock on their lane.
 * It lends connections by `connect` and calls `release` without the error: `pool.query` would destroy a connection at
 * each SQL error (100 failures took 582 ms instead of 32).
 */
import { Pool, type PoolClient, type QueryArrayConfig, type QueryArrayResult } from 'pg';
import type { Queries } from '../database.ts';
import type { OnCommitted } from '../effects.ts';
import { busy, ConnectionLost, endsSession, isTransient, refusalOf, unavailable } from '../errors.ts';
import type { PoolUse, PostgresOptions } from '../options.ts';
import type { RoundTrips } from '../queries.ts';
import { runTransaction } from '../transaction.ts';
import { clientConfig, prepareSession, type SessionSettings } from './connecting.ts';

const waitingAtMost = 1000;
/** How often the victim of a deadlock runs again; with ordered locks the first time is enough. */
const transientRetries = 2;
/** Longer than the server's own timeout: reached only when the network drops responses. */
const silenceBeyondTimeoutMs = 5000;
/** How long the server may take to close a connection, including running statements. */
const endAtMostMs = 3000;

/** Lends each connection to one statement or one transaction at a time. */
export class ConnectionPool {
  readonly #pool: Pool;
  readonly #clients: ReadonlySet<PoolClient>;
  readonly #roundTrips: RoundTrips;
  readonly #named: boolean;
  readonly #onCommitted: OnCommitted | undefined;

  private constructor(
    pool: Pool,
    clients: ReadonlySet<PoolClient>,
    roundTrips: RoundTrips,
    { pooler, onCommitted }: PostgresOptions,
  ) {
    this.#pool = pool;
    this.#clients = clients;
    this.#roundTrips = roundTrips;
    this.#named = pooler !== 'transaction';
    this.#onCommitted = onCommitted;
  }

  /** Opens `poolMin` connections; if one fails, it closes the others. */
  static async open(options: PostgresOptions, settings: SessionSettings, roundTrips: RoundTrips) {
    const min = options.poolMin ?? 2;
    const pool = new Pool({
      ...clientConfig(options),
      min,
      max: options.poolMax ?? 10,
      query_timeout: settings.statementTimeoutMs + silenceBeyondTimeoutMs,
      pipeline: true,
      onConnect: (client) => prepareSession(client, options, settings),
    });
    const clients = new Set<PoolClient>();
    pool.on('connect', (client) => {
      clients.add(client);
      client.on('error', (error) => options.onConnectionError?.(error));
    });
    pool.on('remove', (client) => clients.delete(client));
    // The listener above has reported it; without a listener here pg-pool would throw.
    pool.on('error', () => undefined);
    const opened = await Promise.allSettled(Array.from({ length: min }, () => pool.connect()));
    for (const attempt of opened) if (attempt.status === 'fulfilled') attempt.value.release();
    const failed = opened.find((attempt) => attempt.status === 'rejected');
    if (failed === undefined) return new ConnectionPool(pool, clients, roundTrips, options);
    await pool.end();
    throw failed.reason;
  }

  use(): PoolUse {
    return { open: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount };
  }

  /** Sends one statement; throws as `PipelinedLane.send`. */
  send(query: QueryArrayConfig): Promise<QueryArrayResult<unknown[]>> {
    return this.#lend(async (client, isLost) => {
      try {
        const result = await client.query<unknown[]>(query);
        return result;
      } catch (error) {
        throw isLost(error) ? new ConnectionLost('the connection was lost', { cause: error }) : error;
      }
    });
  }

  /** Sends one statement again on another connection, after its own was lost. */
  sendAgain(query: QueryArrayConfig): Promise<QueryArrayResult<unknown[]>> {
    return this.send(query);
  }

  /** Runs a transaction; `work` runs again from the start when it was the victim of a deadlock. */
  async transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    const shared = { named: this.#named, roundTrips: this.#roundTrips, onCommitted: this.#onCommitted };
    const once = (client: PoolClient, isLost: (error: unknown) => boolean) =>
      runTransaction({ ...shared, client, isLost }, work);
    try {
      const result = await retryTransient(() => this.#lend(once));
      return result;
    } catch (error) {
      throw refusalOf('transaction', error);
    }
  }

  /** Closes the connections as they are returned, and destroys those that are not. */
  async close(): Promise<void> {
    const hangUp = setTimeout(() => {
      for (const client of this.#clients) client.connection.stream.destroy();
    }, endAtMostMs);
    // The pool forgets a connection when it starts to close it, not when it is closed.
    const gone = [...this.#clients].map((client) => new Promise((resolve) => client.once('end', resolve)));
    await this.#pool.end();
    await Promise.all(gone);
    clearTimeout(hangUp);
  }

  async #lend<T>(work: (client: PoolClient, isLost: (error: unknown) => boolean) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    let lost = false;
    const markLost = () => {
      lost = true;
    };
    client.on('error', markLost);
    const isLost = (error: unknown) => {
      lost ||= endsSession(error);
      return lost;
    };
    try {
      const result = await work(client, isLost);
      return result;
    } finally {
      client.off('error', markLost);
      client.release(lost);
    }
  }

  async #connect(): Promise<PoolClient> {
    if (this.#pool.waitingCount >= waitingAtMost) throw busy('too many callers wait for a connection of the pool');
    try {
      const client = await this.#pool.connect();
      return client;
    } catch (error) {
      if (this.#pool.totalCount >= this.#pool.options.max) throw busy('no connection of the pool came free', error);
      throw unavailable('the pool has no connection', error);
    }
  }
}

/** Runs `work` again after a deadlock or a serialization failure, which rolled it back completely. */
export async function retryTransient<T>(work: () => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries += 1) {
    try {
      const result = await work();
      return result;
    } catch (error) {
      if (!isTransient(error) || retries === transientRetries) throw error;
    }
  }
}

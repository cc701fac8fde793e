/**
 * Statements that may lag run on a replica, while it is at most 30 s behind the primary; otherwise on the primary.
 *
 * The lag is measured with positions in the log and this process's clock. `pg_last_xact_replay_timestamp()` would compare the
 * clocks of two servers, and a replica that has lost its primary has replayed all that it received.
 *
 * | time | primary's position | replica's | lag |
 * |---|---|---|---|
 * | 0 s | 0/5000 | 0/5000 | 0 |
 * | 10 s | 0/9000 | 0/6000 | at most 10 s: it has replayed what was there at 0 s |
 * | 40 s | 0/C000 | 0/6000 | more than 30 s: the primary is read |
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { QueryArrayConfig } from 'pg';
import { present } from '#kernel/assert.ts';
import { reasonOf } from '../errors.ts';
import type { PostgresOptions, PostgresServer, ReplicaUse } from '../options.ts';
import type { RoundTrips } from '../queries.ts';
import type { Values } from '../sql-types.ts';
import { statement } from '../statement.ts';
import type { SessionSettings } from './connecting.ts';
import { ConnectionOrder } from './connection-order.ts';
import { ConnectionPool } from './connection-pool.ts';
import { Destination } from './destination.ts';
import type { StatementResult, TimedQuery } from './named-query.ts';

export const lagAtMostMs = 30_000;
/** How long a measurement holds. */
const measureEveryMs = 1000;
const catchUpTries = 4;
const catchUpMs = 25;
export const replicaConnections = 4;
/** For a connection and for its position: the primary is read instead. */
export const respondsWithinMs = 1000;

/** The server and its position in the log: written on a primary, replayed on a standby. */
export const readPosition = statement('server.read_position', {
  lane: 'read',
  sql: `select pg_is_in_recovery() as standby, pg_postmaster_start_time()::text as started,
          (select system_identifier::text from pg_control_system()) as cluster,
          (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end)::text as position`,
  params: {},
  columns: { standby: 'bool', started: 'text', cluster: 'text', position: 'text' },
});

type Position = Values<typeof readPosition.columns>;

interface Sample {
  /** By the monotonic clock, before the position was read. */
  readonly atMs: number;
  readonly position: bigint;
}

interface ReplicaOptions {
  readonly options: PostgresOptions;
  readonly server: PostgresServer;
  readonly settings: SessionSettings;
  readonly roundTrips: RoundTrips;
  /** Runs `readPosition` on the primary. */
  readonly readPrimary: (query: QueryArrayConfig) => Promise<StatementResult>;
}

export class Replica {
  readonly #pool: ConnectionPool;
  readonly #destination: Destination;
  readonly #options: PostgresOptions;
  readonly #named: boolean;
  readonly #roundTrips: RoundTrips;
  readonly #readPrimary: ReplicaOptions['readPrimary'];
  /** Positions of the primary in the last 30 s. */
  #samples: Sample[] = [];
  #measuring: Promise<string | undefined> | undefined;
  #measuredMs = Number.NEGATIVE_INFINITY;
  #refusal: string | undefined;
  #use: ReplicaUse = { replica: 0, primary: 0 };

  private constructor(
    pool: ConnectionPool,
    destination: Destination,
    { options, roundTrips, readPrimary }: ReplicaOptions,
  ) {
    this.#pool = pool;
    this.#destination = destination;
    this.#options = options;
    this.#named = options.pooler !== 'transaction';
    this.#roundTrips = roundTrips;
    this.#readPrimary = readPrimary;
  }

  /** Opens no connection yet: the server starts while the replica is away. */
  static async open(given: ReplicaOptions): Promise<Replica> {
    const { currentPassword, ...shared } = given.options;
    const options: PostgresOptions = {
      ...shared,
      // A replica has the passwords of its primary, so a rotated one counts for the same login there.
      ...(currentPassword !== undefined && hasLoginOf(given.server, shared.server) && { currentPassword }),
      server: given.server,
      poolMin: 0,
      poolMax: replicaConnections,
      connectTimeoutMs: Math.min(given.options.connectTimeoutMs ?? respondsWithinMs, respondsWithinMs),
      // The statement that finds it is read from the primary, with the reason.
      onConnectionError: () => destination.suspect(),
    };
    const destination = new Destination(options, 'read');
    const ground = { options, destination, order: new ConnectionOrder(), roundTrips: given.roundTrips };
    const pool = await ConnectionPool.open(ground, { ...given.settings, access: 'read' });
    return new Replica(pool, destination, given);
  }

  get use(): ReplicaUse {
    return this.#use;
  }

  /** Returns undefined when the statement must be read from the primary: the replica is away, lags, or rejects it. */
  async send(name: string, query: QueryArrayConfig): Promise<StatementResult | undefined> {
    try {
      const refusal = await this.findRefusal();
      if (refusal !== undefined) return this.#fallBack(refusal);
      const result = await this.#roundTrips.watch(name, 'replica', () => this.#pool.send(query));
      this.#use = { ...this.#use, replica: this.#use.replica + 1 };
      this.#options.onReplica?.(undefined);
      return result;
    } catch (error) {
      return this.#fallBack(reasonOf(error));
    }
  }

  /**
   * Why the replica is not read from, or undefined; measured at most once a second. While it is refused, no statement waits for
   * the next measurement, which takes long when it does not respond.
   */
  async findRefusal(): Promise<string | undefined> {
    if (this.#options.clock.monotonicMs() - this.#measuredMs < measureEveryMs) return this.#refusal;
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined;
    });
    return this.#refusal ?? this.#measuring;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  #fallBack(refusal: string): undefined {
    this.#use = { ...this.#use, primary: this.#use.primary + 1 };
    this.#options.onReplica?.(refusal);
    return undefined;
  }

  async #measure(): Promise<string | undefined> {
    try {
      this.#refusal = await this.#compare();
    } catch (error) {
      this.#refusal = reasonOf(error);
    }
    if (this.#refusal !== undefined) this.#destination.suspect();
    this.#measuredMs = this.#options.clock.monotonicMs();
    return this.#refusal;
  }

  async #compare(): Promise<string | undefined> {
    const sample = await this.#sample();
    for (let tries = 1; ; tries += 1) {
      const replica = await this.#readOwn();
      const stranger = findStranger(sample.primary, replica);
      if (stranger !== undefined) return stranger;
      const isThere = !replica.standby || toNumber(replica.position) >= sample.position;
      if (isThere) return undefined;
      if (tries === catchUpTries) return this.#findLag(toNumber(replica.position));
      await pause(catchUpMs);
    }
  }

  async #sample(): Promise<Sample & { readonly primary: Position }> {
    const atMs = this.#options.clock.monotonicMs();
    const primary = read(await this.#readPrimary(this.#query()));
    const sample = { atMs, position: toNumber(primary.position) };
    const isOld = ({ atMs: of }: Sample) => atMs - of > lagAtMostMs;
    this.#samples = [...this.#samples.filter((each) => !isOld(each)), sample];
    return { ...sample, primary };
  }

  async #readOwn(): Promise<Position> {
    return read(await this.#pool.send(this.#query()));
  }

  #query(): TimedQuery {
    const { preparedName, sql: text } = readPosition;
    const name = this.#named ? { name: preparedName } : {};
    return { ...name, text, values: [], rowMode: 'array', query_timeout: respondsWithinMs };
  }

  /** Every position of the last 30 s that it has replayed bounds its lag. */
  #findLag(position: bigint): string | undefined {
    if (this.#samples.some((sample) => sample.position <= position)) return undefined;
    return `it is more than ${lagAtMostMs / 1000} s behind the primary, or its lag is not known yet`;
  }
}

function read({ rows }: StatementResult): Position {
  return readPosition.read(present(rows[0], 'the position of the server'));
}

/** A sentence when the replica does not follow this primary. */
function findStranger(primary: Position, replica: Position): string | undefined {
  if (primary.cluster !== replica.cluster) return 'it belongs to another cluster than the primary';
  const isPrimary = !replica.standby && replica.started === primary.started;
  return replica.standby || isPrimary ? undefined : 'it accepts writes and is not the primary';
}

/** A position is written as two hexadecimal numbers of 32 bits: `16/B374D848`. */
function toNumber(position: string): bigint {
  const [high = '', low = ''] = position.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

function hasLoginOf(replica: PostgresServer, primary: PostgresServer): boolean {
  return replica.user === primary.user && replica.password === primary.password;
}

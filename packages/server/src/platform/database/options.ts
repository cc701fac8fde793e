/** What opening a database takes, and what it gives beyond `Database`. */
import type { Client } from 'pg';
import type { Clock } from '#kernel/clock.ts';
import type { Database, StatementEvent } from './database.ts';
import type { OnCommitted } from './effects.ts';
import type { ClusterLocation } from './embedded/index.ts';

export interface Observers {
  /** Measures round trips; its wall clock is not used. */
  readonly clock: Clock;
  /** Called after every round trip, `begin` and `commit` included. */
  readonly onStatement?: (event: StatementEvent) => void;
  /** Called for a connection that is lost or cannot be made again, and never for a failed statement. */
  readonly onConnectionError?: (error: Error) => void;
  /** Called once after each known commit of statements that revoke something or enqueue a job. */
  readonly onCommitted?: OnCommitted;
}

/** How to reach PostgreSQL. */
export interface PostgresOptions extends Observers {
  readonly url: string;
  /** Seen in `pg_stat_activity`. */
  readonly applicationName: string;
  /**
   * `transaction` for PgBouncer in transaction mode: statements are unnamed and no session setting is made, so the
   * timeouts and the encoding must come from the role (`alter role … set statement_timeout = …`).
   */
  readonly pooler?: 'none' | 'transaction';
  /** Connections of the pool that stay open; 2 when not given. */
  readonly poolMin?: number;
  /** Connections of the pool at most; 10 when not given. The lanes have eleven more of their own. */
  readonly poolMax?: number;
  /** 5,000 when not given. */
  readonly connectTimeoutMs?: number;
  /** For statements of the pool and of transactions; 10,000 when not given. */
  readonly statementTimeoutMs?: number;
}

/** Connections of the pool, for metrics. */
export interface PoolUse {
  readonly open: number;
  readonly idle: number;
  /** Callers that wait for a connection. */
  readonly waiting: number;
}

/** A database on a PostgreSQL server. */
export interface PostgresDatabase extends Database {
  readonly kind: 'postgres';
  poolUse(): PoolUse;
}

/** How to open the embedded database. */
export interface EmbeddedOptions extends Observers {
  /** A data directory must be locked by the caller, since a second process would lose rows in silence. */
  readonly place: ClusterLocation;
}

/** The database in this process. */
export interface EmbeddedDatabase extends Database {
  readonly kind: 'embedded';
  /** The whole cluster as an archive that a new one can be made from; nothing else runs meanwhile. */
  dump(): Promise<Uint8Array>;
  /** Lends the only connection; all other statements wait until `work` is done. It must leave no transaction open. */
  exclusively<T>(work: (client: Client) => Promise<T>): Promise<T>;
}

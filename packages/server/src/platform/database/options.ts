/** The options for opening a database, and its members beyond `Database`. */
import type { Client } from 'pg';
import type { Clock } from '#kernel/clock.ts';
import type { Database, StatementEvent } from './database.ts';
import type { OnCommitted } from './effects.ts';

export interface Observers {
  /** Measures round trips; its wall clock is not used. */
  readonly clock: Clock;
  /** Called after every round trip, `begin` and `commit` included. */
  readonly onStatement?: (event: StatementEvent) => void;
  /** Called for a connection that is lost or cannot be reopened, never for a failed statement. */
  readonly onConnectionError?: (error: Error) => void;
  /** Called when the server refuses a statement: read-only, out of resources, shutting down. */
  readonly onRefusal?: (error: Error) => void;
  /** Called when another server of the settings has become the primary. */
  readonly onMoved?: (to: PostgresHost) => void;
  /** Called once after each known commit that has effects. */
  readonly onCommitted?: OnCommitted;
}

export interface PostgresHost {
  /** A name, an address, or the absolute path of a Unix socket's directory. */
  readonly host: string;
  readonly port: number;
}

/** The servers of the settings, and the login to them. */
export interface PostgresServer {
  /** The servers of one cluster. Connections go to the one that accepts writes. */
  readonly hosts: readonly [PostgresHost, ...PostgresHost[]];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  /** Command-line options for the server. */
  readonly options: string | undefined;
  readonly channelBinding: boolean;
  readonly tls: {
    readonly mode: 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
    /** PEM; without it `verify-full` trusts the public authorities that Node knows. */
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
  };
}

/** One server of the settings, with the login to it. */
export interface Endpoint extends Omit<PostgresServer, 'hosts'>, PostgresHost {}

export interface PostgresOptions extends Observers {
  readonly server: PostgresServer;
  /** Servers that statements that may lag are read from. */
  readonly replica?: PostgresServer | undefined;
  /** Called after each of these statements: why it was read from the primary, or undefined. */
  readonly onReplica?: (refusal: string | undefined) => void;
  /** The password of connections from now on, where it changes while the process runs; else that of `server`. */
  readonly currentPassword?: () => string;
  /** Visible in `pg_stat_activity`. */
  readonly applicationName: string;
  /**
   * `transaction` for PgBouncer in transaction mode: statements are unnamed and no session setting is made, so the
   * timeouts and the encoding must come from the role (`alter role … set statement_timeout = …`).
   */
  readonly pooler?: 'none' | 'transaction';
  /** The connections that the pool keeps open; 2 by default. */
  readonly poolMin?: number;
  /** The maximum of the pool; 10 by default. The lanes have eleven more connections. */
  readonly poolMax?: number;
  /** 5,000 by default. */
  readonly connectTimeoutMs?: number;
  /** For statements of the pool and of transactions; 10,000 by default. */
  readonly statementTimeoutMs?: number;
}

/** The connections of the pool, for metrics. */
export interface PoolUse {
  readonly open: number;
  readonly idle: number;
  /** The callers that wait for a connection. */
  readonly waiting: number;
}

/** A lane of pipelined connections, for metrics. */
export interface LaneUse {
  readonly lane: 'read' | 'write' | 'counter';
  /** Statements without a response. */
  readonly inFlight: number;
  /** Connections that were lost or could not be opened. */
  readonly failures: number;
}

/** The statements that may lag, for metrics. */
export interface ReplicaUse {
  readonly replica: number;
  /** Read from the primary, because the replica was away or lagged. */
  readonly primary: number;
}

export interface PostgresDatabase extends Database {
  readonly kind: 'postgres';
  /** Undefined without a replica in the settings. */
  replicaUse(): ReplicaUse | undefined;
  /** Why the replica is not read from, or undefined. */
  findReplicaRefusal(): Promise<string | undefined>;
  poolUse(): PoolUse;
  laneUse(): readonly LaneUse[];
}

export interface EmbeddedOptions extends Observers {
  /** The caller must lock a data directory: with a second process, rows would be lost without an error. */
  readonly dataDirectory: string;
}

export interface EmbeddedDatabase extends Database {
  readonly kind: 'embedded';
  /** The whole cluster as an archive from which a new one can be opened; nothing else runs meanwhile. */
  dump(): Promise<Uint8Array>;
  /** Lends the only connection; all other statements wait until `work` returns. It must leave no transaction open. */
  exclusively<T>(work: (client: Client) => Promise<T>): Promise<T>;
}

/** The interface of a database: statements with values in, typed rows out. */
import type { Shape, Values } from './sql-types.ts';
import type { Statement } from './statement.ts';

/** Runs statements: the database runs each on its lane, a transaction runs all on its connection. */
export interface Queries {
  rows<P extends Shape, C extends Shape>(statement: Statement<P, C>, values: Values<P>): Promise<Values<C>[]>;
  /** Returns the row, or undefined. Two rows are a bug and throw. */
  row<P extends Shape, C extends Shape>(statement: Statement<P, C>, values: Values<P>): Promise<Values<C> | undefined>;
  /** Returns the number of affected rows. */
  run<P extends Shape, C extends Shape>(statement: Statement<P, C>, values: Values<P>): Promise<number>;
}

export interface Database extends Queries {
  readonly kind: 'embedded' | 'postgres';
  /**
   * Runs `work` in a transaction (read committed) on a connection of its own, and commits when it returns.
   * - `work` awaits nothing but its own statements: on the single connection of the embedded database, anything else
   *   deadlocks.
   * - `work` can run again from the start after a deadlock, so it keeps no state outside.
   * - `work` must not catch the error of a statement and return: the error has aborted the transaction, and this
   *   throws.
   * A connection that is lost at the commit is `outcome_unknown`.
   */
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
  /**
   * Replaces every connection that is open now: they may lead to a server that is not the primary any more. Statements in
   * flight are completed.
   */
  reconnect(): void;
  /** Why the database would refuse a new connection or a write, in the server's words, or undefined. */
  findRefusal(): Promise<string | undefined>;
  /** Closes all connections after their running statements. Idempotent. */
  close(): Promise<void>;
}

/** One round trip, for metrics and the tests that count round trips. */
export interface StatementEvent {
  readonly name: string;
  readonly lane: 'read' | 'write' | 'counter' | 'pool' | 'transaction' | 'replica';
  readonly milliseconds: number;
  readonly outcome: 'ok' | 'error';
}

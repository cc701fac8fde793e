/** What the rest of the program sees of a database: statements go in, rows come out. */
import type { Shape, Values } from './sql-types.ts';
import type { Statement } from './statement.ts';

/** Something that runs statements: the database (each on its lane) or a transaction (all on its connection). */
export interface Queries {
  /** All rows. */
  rows<P extends Shape, C extends Shape>(statement: Statement<P, C>, values: Values<P>): Promise<Values<C>[]>;
  /** The one row, or undefined; two rows are a bug. */
  row<P extends Shape, C extends Shape>(statement: Statement<P, C>, values: Values<P>): Promise<Values<C> | undefined>;
  /** Runs it and answers the number of rows it affected. */
  run<P extends Shape, C extends Shape>(statement: Statement<P, C>, values: Values<P>): Promise<number>;
}

/** One database, embedded or not. */
export interface Database extends Queries {
  readonly kind: 'embedded' | 'postgres';
  /**
   * Runs `work` in one transaction (read committed) on a connection of its own and commits if it returns.
   * `work` may await nothing but its own statements: on the embedded database's single connection anything else is a
   * deadlock. It may run again from the start, after it was the victim of a deadlock: it keeps nothing outside.
   * It must not catch the error of a statement and return, since that statement has undone all others (this throws).
   * A connection lost at the commit is `outcome_unknown`.
   */
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
  /** Ends all connections after the running statements. The second call waits for the first. */
  close(): Promise<void>;
}

/** One round trip, as metrics and the round-trip tests see it. */
export interface StatementEvent {
  readonly name: string;
  readonly lane: 'read' | 'write' | 'counter' | 'pool' | 'transaction';
  readonly milliseconds: number;
  readonly outcome: 'ok' | 'error';
}

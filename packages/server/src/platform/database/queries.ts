/** Turns a function that sends a statement into `rows`, `row` and `run`. */
import type { QueryArrayConfig } from 'pg';
import { assert } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import { currentSpan } from '#platform/telemetry/index.ts';
import type { Queries, StatementEvent } from './database.ts';
import { effectsOf, type OnCommitted } from './effects.ts';
import type { Observers } from './options.ts';
import type { StatementResult } from './postgres/named-query.ts';
import type { Shape, Values } from './sql-types.ts';
import type { Statement } from './statement.ts';

/** A statement with its values, as the driver takes it. */
export interface Bound {
  readonly name: string;
  readonly idempotent: boolean;
  readonly query: QueryArrayConfig;
}

/** Sends a statement on the right connection. */
export type Send = (statement: Statement, bound: Bound) => Promise<StatementResult>;

export class SentQueries implements Queries {
  readonly #send: Send;
  readonly #named: boolean;
  readonly #onEffects: OnCommitted;

  /**
   * @param named false behind a pooler that gives each transaction another session.
   * @param onEffects receives the effects of each statement that declares some, before its caller continues.
   */
  constructor(send: Send, named: boolean, onEffects: OnCommitted) {
    this.#send = send;
    this.#named = named;
    this.#onEffects = onEffects;
  }

  async rows<P extends Shape, C extends Shape>(statement: Statement<P, C>, values: Values<P>): Promise<Values<C>[]> {
    const { rows } = await this.#execute(statement, values);
    return rows.map(statement.read);
  }

  async row<P extends Shape, C extends Shape>(
    statement: Statement<P, C>,
    values: Values<P>,
  ): Promise<Values<C> | undefined> {
    const { rows } = await this.#execute(statement, values);
    assert(rows.length <= 1, `"${statement.name}" returned ${rows.length} rows instead of one`);
    const [row] = rows;
    return row === undefined ? undefined : statement.read(row);
  }

  async run<P extends Shape, C extends Shape>(statement: Statement<P, C>, values: Values<P>): Promise<number> {
    const { rowCount } = await this.#execute(statement, values);
    return rowCount ?? 0;
  }

  #execute<P extends Shape, C extends Shape>(statement: Statement<P, C>, values: Values<P>): Promise<StatementResult> {
    const text = statement.sql;
    const bound = statement.bind(values);
    const query: QueryArrayConfig = this.#named
      ? { name: statement.preparedName, text, values: bound, rowMode: 'array' }
      : { text, values: bound, rowMode: 'array' };
    // Sending does not depend on the types of the values, which `read` restores for the caller.
    const sent = this.#send(statement as unknown as Statement, {
      name: statement.name,
      idempotent: statement.idempotent,
      query,
    });
    const { after } = statement;
    if (after === undefined) return sent;
    return sent.then((result) => {
      this.#onEffects(effectsOf(after, result.rows.map(statement.read), result.rowCount ?? 0));
      return result;
    });
  }
}

/** Reports round trips to the observers. */
export class RoundTrips {
  readonly #clock: Clock;
  readonly #onStatement: ((event: StatementEvent) => void) | undefined;

  constructor(observers: Observers) {
    this.#clock = observers.clock;
    this.#onStatement = observers.onStatement;
  }

  /** Runs `send` as one round trip of this name. */
  async watch<T>(name: string, lane: StatementEvent['lane'], send: () => Promise<T>): Promise<T> {
    if (this.#onStatement === undefined) return send();
    const startedMs = this.#clock.monotonicMs();
    let outcome: StatementEvent['outcome'] = 'error';
    const span = currentSpan()?.child('client', name, {
      'db.system.name': 'postgresql',
      'db.operation.name': name,
      'latchkey.lane': lane,
    });
    try {
      const result = await send();
      outcome = 'ok';
      return result;
    } finally {
      span?.end(outcome);
      this.#onStatement({ name, lane, milliseconds: this.#clock.monotonicMs() - startedMs, outcome });
    }
  }
}

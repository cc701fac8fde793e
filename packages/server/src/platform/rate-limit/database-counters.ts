/** Shared counters in PostgreSQL, for the exact quotas of a deployment without Redis. */
import { assert } from '#kernel/assert.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { mergeInDatabase } from './merge-statement.ts';
import { type Addition, type Charge, nameOf, type WindowState } from './quota.ts';
import type { Charges, SharedCounters, StatementCounters, TakeResult } from './shared-counters.ts';
import {
  afterRefund,
  type RefundValues,
  refundFragment,
  type UseRow,
  type UseValues,
  useColumns,
  useFields,
  useFragment,
  useJoins,
} from './use-fragments.ts';

const used = useFragment();

const take = statement('rate_limit_counters.take', {
  lane: 'counter',
  sql: `with ${used.sql} select ${useFields} from (select) as one ${useJoins}`,
  params: used.params,
  columns: useColumns,
});

const refunded = refundFragment('one');

const refund = statement('rate_limit_counters.refund', {
  lane: 'counter',
  sql: `with one as (select 1 as one), ${refunded.sql} select one from one where ${afterRefund}`,
  params: refunded.params,
  columns: { one: 'int4' },
});

const sweep = statement('rate_limit_counters.sweep', {
  lane: 'pool',
  sql: `delete from rate_limit_counters where key in (
    select key from rate_limit_counters where ends_at <= :now order by ends_at limit 10000)`,
  params: { now: 'timestamptz' },
  columns: {},
});

/** Deletes up to 10,000 ended windows; returns their number. */
export function deleteEndedWindows(database: Database, now: Date): Promise<number> {
  return database.run(sweep, { now });
}

/** Must be keyed (an HMAC), so that a database dump does not reveal addresses. */
export type HashKey = (text: string) => Buffer;

/** Counts by statements of its own, or within another module's statement (`StatementCounters`). */
export class DatabaseCounters implements SharedCounters, StatementCounters {
  readonly #database: Database;
  readonly #hash: HashKey;

  constructor(dependencies: { readonly database: Database; readonly hash: HashKey }) {
    this.#database = dependencies.database;
    this.#hash = dependencies.hash;
  }

  get inStatements(): StatementCounters {
    return this;
  }

  async take(charges: Charges, nowMs: number): Promise<TakeResult> {
    const row = await this.#database.row(take, this.useValuesOf(charges, nowMs));
    assert(row !== undefined, 'rate_limit_counters.take returns a row');
    return this.read(row, charges, nowMs);
  }

  async refund(charges: readonly Charge[], nowMs: number): Promise<void> {
    const [first, second] = charges;
    if (first === undefined) return;
    await this.#database.row(refund, this.refundValuesOf(second === undefined ? [first] : [first, second], nowMs));
  }

  useValuesOf([first, second]: Charges, nowMs: number): UseValues {
    return {
      perIdentifierKey: this.#keyOf(first),
      perIdentifierLimit: first.quota.limit,
      perIdentifierEndsAt: endOf(first, nowMs),
      perAddressKey: this.#keyOf(second),
      perAddressLimit: second?.quota.limit ?? 0,
      perAddressEndsAt: endOf(second, nowMs),
      countedAt: new Date(nowMs),
      useRefused: false,
    };
  }

  async read(row: UseRow, charges: Charges, nowMs: number): Promise<TakeResult> {
    const [first, second] = charges;
    const windows = [windowOf(first, nowMs, row.perIdentifierHits, row.perIdentifierEndsAt)];
    if (second !== undefined && row.perIdentifierHits !== null) {
      windows.push(windowOf(second, nowMs, row.perAddressHits, row.perAddressEndsAt));
    }
    const refused = windows.findIndex((window, index) => window.hits > (charges[index] as Charge).quota.limit);
    if (refused === 1) await this.refund([first], nowMs);
    return { windows, refused: refused === -1 ? undefined : refused };
  }

  refundValuesOf([first, second]: Charges, nowMs: number): RefundValues {
    return {
      refundPerIdentifierKey: this.#keyOf(first),
      refundPerAddressKey: this.#keyOf(second),
      refundedAt: new Date(nowMs),
    };
  }

  merge(additions: readonly Addition[], nowMs: number): Promise<readonly WindowState[]> {
    const keys = additions.map(({ name }) => this.#hash(name));
    return mergeInDatabase(this.#database, keys, additions, nowMs);
  }

  #keyOf(charge: Charge | undefined): Buffer | null {
    return charge === undefined ? null : this.#hash(nameOf(charge));
  }
}

function endOf(charge: Charge | undefined, nowMs: number): Date {
  return new Date(nowMs + (charge?.quota.windowSeconds ?? 0) * 1000);
}

/** `hits` is null when the statement did not count, because the quota is exhausted. */
function windowOf({ quota }: Charge, nowMs: number, hits: number | null, endsAt: Date | null): WindowState {
  return {
    hits: hits ?? quota.limit + 1,
    endsAtMs: endsAt?.getTime() ?? nowMs + quota.windowSeconds * 1000,
  };
}

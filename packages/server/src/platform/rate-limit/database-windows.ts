/** Windows in PostgreSQL, for the exact quotas of a deployment without Redis. */
import { assert } from '#kernel/assert.ts';
import { type Batch, wholeBatch } from '#kernel/batches.ts';
import type { Clock } from '#kernel/clock.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import { type Charge, nameOf, windowMsOf } from './quota.ts';
import type { QuotaReservation } from './shared-use.ts';
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
import type { Charges, StatementWindows, Window, WindowStore } from './window-store.ts';

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

/** Gives back the use that a statement counted, in the transaction of the success. A success locks an attempt counter after it. */
export async function refundWithin(tx: Queries, quota: QuotaReservation): Promise<void> {
  const values = quota.refundParams();
  if (values.refundPerIdentifierKey !== null) await tx.row(refund, values);
}

const sweep = statement('rate_limit_counters.sweep', {
  lane: 'pool',
  sql: `delete from rate_limit_counters where key in (
    select key from rate_limit_counters where ends_at <= :now order by ends_at limit :limit offset :skip)`,
  params: { now: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** Deletes ended windows; returns their number. */
export function deleteEndedWindows(database: Database, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return database.run(sweep, { now, ...batch });
}

export class DatabaseWindows implements WindowStore, StatementWindows {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #hash: (text: string) => Buffer;

  constructor(dependencies: {
    readonly database: Database;
    readonly clock: Clock;
    /** Must be keyed (an HMAC), so that a database dump does not reveal addresses. */
    readonly hash: (text: string) => Buffer;
  }) {
    this.#database = dependencies.database;
    this.#clock = dependencies.clock;
    this.#hash = dependencies.hash;
  }

  get inStatements(): StatementWindows {
    return this;
  }

  async take(charges: Charges, n: number): Promise<readonly Window[]> {
    if (n < 0) {
      for (let given = 0; given > n; given -= 1) await this.#database.row(refund, this.refundValuesOf(charges));
      return [];
    }
    const row = await this.#database.row(take, { ...this.useValuesOf(charges), uses: n });
    assert(row !== undefined, 'rate_limit_counters.take returns a row');
    return this.read(row, charges);
  }

  useValuesOf([first, second]: Charges): UseValues {
    return {
      perIdentifierKey: this.#keyOf(first),
      perIdentifierLimit: first.quota.limit,
      perIdentifierMs: windowMsOf(first),
      perIdentifierRestMs: first.restMs ?? windowMsOf(first),
      perAddressKey: this.#keyOf(second),
      perAddressLimit: second?.quota.limit ?? 0,
      perAddressMs: second === undefined ? 0 : windowMsOf(second),
      uses: 1,
      countedAt: this.#clock.now(),
      useRefused: false,
    };
  }

  async read(row: UseRow, [first, second]: Charges): Promise<readonly Window[]> {
    const perIdentifier = windowOf(first, row.perIdentifierHits, row.perIdentifierRestMs);
    if (second === undefined || !perIdentifier.isGranted) return [perIdentifier];
    const perAddress = windowOf(second, row.perAddressHits, row.perAddressRestMs);
    if (!perAddress.isGranted) await this.take([first], -1);
    return [perIdentifier, perAddress];
  }

  refundValuesOf([first, second]: Charges): RefundValues {
    return {
      refundPerIdentifierKey: this.#keyOf(first),
      refundPerAddressKey: this.#keyOf(second),
      refundedAt: this.#clock.now(),
    };
  }

  #keyOf(charge: Charge | undefined): Buffer | null {
    return charge === undefined ? null : this.#hash(nameOf(charge));
  }
}

/** `hits` is null when the statement did not count, because the quota is exhausted. */
function windowOf(charge: Charge, hits: number | null, restMs: number | null): Window {
  const known = restMs !== null && restMs > 0 ? restMs : windowMsOf(charge);
  return { isGranted: hits !== null, hits: hits ?? charge.quota.limit, restMs: known };
}

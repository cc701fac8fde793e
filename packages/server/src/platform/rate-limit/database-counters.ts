/** Counters that every node sees, in PostgreSQL: for quotas that must be exact where there is no Redis. */
import { assert } from '#kernel/assert.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { mergeInDatabase } from './merge-statement.ts';
import { type Addition, type Charge, nameOf, type Standing } from './quota.ts';
import type { Charges, SharedCounters, StatementCounters, Taken } from './shared-counters.ts';
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

const returned = refundFragment('one');

const giveBack = statement('rate_limit_counters.give_back', {
  lane: 'counter',
  sql: `with one as (select 1 as one), ${returned.sql} select one from one where ${afterRefund}`,
  params: returned.params,
  columns: { one: 'int4' },
});

const sweep = statement('rate_limit_counters.sweep', {
  lane: 'pool',
  sql: `delete from rate_limit_counters where key in (
    select key from rate_limit_counters where ends_at <= :now order by ends_at limit 10000)`,
  params: { now: 'timestamptz' },
  columns: {},
});

/** Deletes windows that have ended, some thousands at most; answers how many. */
export function deleteEndedWindows(database: Database, now: Date): Promise<number> {
  return database.run(sweep, { now });
}

/** Makes a key of bytes that tells nothing of the address in it. */
export type HashKey = (text: string) => Buffer;

/** By statements of its own, or as a part of one of somebody else. */
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

  async take(charges: Charges, nowMs: number): Promise<Taken> {
    const row = await this.#database.row(take, this.valuesOf(charges, nowMs));
    assert(row !== undefined, 'taking answers a row');
    return this.read(row, charges, nowMs);
  }

  async giveBack(charges: readonly Charge[], nowMs: number): Promise<void> {
    const [narrow, wide] = charges;
    if (narrow === undefined) return;
    await this.#database.row(giveBack, this.returning(wide === undefined ? [narrow] : [narrow, wide], nowMs));
  }

  valuesOf([narrow, wide]: Charges, nowMs: number): UseValues {
    return {
      perIdentifierKey: this.#keyOf(narrow),
      perIdentifierLimit: narrow.quota.limit,
      perIdentifierEndsAt: endOf(narrow, nowMs),
      perAddressKey: this.#keyOf(wide),
      perAddressLimit: wide?.quota.limit ?? 0,
      perAddressEndsAt: endOf(wide, nowMs),
      countedAt: new Date(nowMs),
      useRefused: false,
    };
  }

  async read(row: UseRow, charges: Charges, nowMs: number): Promise<Taken> {
    const [narrow, wide] = charges;
    const standings = [standingOf(narrow, nowMs, row.perIdentifierHits, row.perIdentifierEndsAt)];
    if (wide !== undefined && row.perIdentifierHits !== null) {
      standings.push(standingOf(wide, nowMs, row.perAddressHits, row.perAddressEndsAt));
    }
    const refused = standings.findIndex((standing, index) => standing.hits > (charges[index] as Charge).quota.limit);
    if (refused === 1) await this.giveBack([narrow], nowMs);
    return { standings, refused: refused === -1 ? undefined : refused };
  }

  returning([narrow, wide]: Charges, nowMs: number): RefundValues {
    return {
      refundPerIdentifierKey: this.#keyOf(narrow),
      refundPerAddressKey: this.#keyOf(wide),
      returnedAt: new Date(nowMs),
    };
  }

  merge(additions: readonly Addition[], nowMs: number): Promise<readonly Standing[]> {
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

/** No hits means that the counter took nothing: it stands at its limit. */
function standingOf({ quota }: Charge, nowMs: number, hits: number | null, endsAt: Date | null): Standing {
  return {
    hits: hits ?? quota.limit + 1,
    endsAtMs: endsAt?.getTime() ?? nowMs + quota.windowSeconds * 1000,
  };
}

import { expect, it, vi } from 'vitest';
import { countRoundTrips, describeOnBothDatabases } from '#test/support/databases.ts';
import { type Database, isUniqueViolation, statement, type Values } from './index.ts';

const createItems = statement('database_test.create_items', {
  lane: 'pool',
  sql: `create table if not exists items (id int4 not null, label text not null,
          constraint items_pkey primary key (id), constraint items_label_unique unique (label))`,
  params: {},
  columns: {},
});
const emptyItems = statement('database_test.empty_items', {
  lane: 'pool',
  sql: 'delete from items',
  params: {},
  columns: {},
});
const addItem = statement('database_test.add_item', {
  lane: 'write',
  sql: 'insert into items (id, label) values (:id, :label)',
  params: { id: 'int4', label: 'text' },
  columns: {},
});
const listItems = statement('database_test.list_items', {
  lane: 'read',
  sql: 'select id from items order by id',
  params: {},
  columns: { id: 'int4' },
});
const readInt8 = statement('database_test.read_int8', {
  lane: 'read',
  sql: 'select :digits::text::int8 as value',
  params: { digits: 'text' },
  columns: { value: 'int8' },
});
const divide = statement('database_test.divide', {
  lane: 'read',
  sql: 'select 12 / :by::int4 as value',
  params: { by: 'int4' },
  columns: { value: 'int4' },
});
const everyType = {
  text: 'text',
  uuid: 'uuid',
  bytea: 'bytea',
  timestamptz: 'timestamptz',
  bool: 'bool',
  int4: 'int4',
  int8: 'int8',
  float8: 'float8',
  jsonb: 'jsonb',
  inet: 'inet',
  xid8: 'xid8',
  texts: 'text[]',
  uuids: 'uuid[]',
  byteas: 'bytea[]',
  times: 'timestamptz[]',
  int4s: 'int4[]',
  int8s: 'int8[]',
  nothing: 'text?',
} as const;
const echo = statement('database_test.echo', {
  lane: 'read',
  sql: `select :text::text as text, :uuid::uuid as uuid, :bytea::bytea as bytea, :timestamptz::timestamptz as timestamptz,
          :bool::bool as bool, :int4::int4 as int4, :int8::int8 as int8, :float8::float8 as float8, :jsonb::jsonb as jsonb,
          :inet::inet as inet, :xid8::xid8 as xid8, :texts::text[] as texts, :uuids::uuid[] as uuids,
          :byteas::bytea[] as byteas, :times::timestamptz[] as times, :int4s::int4[] as int4s,
          :int8s::int8[] as int8s, :nothing::text as nothing`,
  params: everyType,
  columns: everyType,
});

async function items(database: Database): Promise<number[]> {
  return (await database.rows(listItems, {})).map(({ id }) => id);
}

async function resetItems(database: Database): Promise<void> {
  await database.run(createItems, {});
  await database.run(emptyItems, {});
}

describeOnBothDatabases('a database', (open, kind) => {
  it('returns every SQL type as it was written', async () => {
    const values: Values<typeof everyType> = {
      text: `O'Reilly "quoted" \\ {}, é ☃`,
      uuid: '01890a5d-ac96-774b-bcce-b302099a8057',
      bytea: Buffer.from([0, 255, 92, 39]),
      timestamptz: new Date('2026-03-29T01:30:00.123Z'),
      bool: false,
      int4: -5,
      int8: Number.MAX_SAFE_INTEGER,
      float8: 0.1,
      jsonb: [1, { a: null, b: 'x' }],
      inet: '2001:db8::1',
      xid8: '9007199254740993',
      texts: ['a', 'b,"c"', 'NULL', ''],
      uuids: ['01890a5d-ac96-774b-bcce-b302099a8057'],
      byteas: [Buffer.from([0, 1]), Buffer.alloc(0)],
      times: [new Date('2026-03-29T01:30:00.123Z')],
      int4s: [1, 2, 3],
      int8s: [1, Number.MAX_SAFE_INTEGER],
      nothing: null,
    };
    expect(await open().row(echo, values)).toEqual(values);
  });

  it('stores a JSON text and a JSON null as JSON', async () => {
    expect(await open().row(echo, { ...blank, jsonb: '"text"' })).toEqual({ ...blank, jsonb: '"text"' });
  });

  it("rejects an int8 beyond 2^53 and still returns the next statement's rows", async () => {
    const beyond = open().row(readInt8, { digits: '9007199254740993' });
    const behind = open().row(readInt8, { digits: '-7' });
    await expect(beyond).rejects.toThrow(RangeError);
    expect(await behind).toEqual({ value: -7 });
  });

  it('isolates a failing statement from its neighbors', async () => {
    const divisions = Array.from({ length: 60 }, (_, index) => open().row(divide, { by: index % 3 }));
    const outcomes = await Promise.allSettled(divisions);
    expect(outcomes.map(({ status }) => status)).toEqual(
      outcomes.map((_, index) => (index % 3 === 0 ? 'rejected' : 'fulfilled')),
    );
    expect(await open().row(divide, { by: 4 })).toEqual({ value: 3 });
  });

  it('reports which constraint a duplicate violates', async () => {
    await resetItems(open());
    await open().run(addItem, { id: 1, label: 'a' });
    const error: unknown = await open()
      .run(addItem, { id: 2, label: 'a' })
      .catch((thrown: unknown) => thrown);
    expect(isUniqueViolation(error)).toBe(true);
    expect(isUniqueViolation(error, 'items_label_unique')).toBe(true);
    expect(isUniqueViolation(error, 'items_pkey')).toBe(false);
    expect(isUniqueViolation(new Error('23505'))).toBe(false);
  });

  it('counts the affected rows', async () => {
    await resetItems(open());
    expect(await open().run(addItem, { id: 1, label: 'a' })).toBe(1);
    expect(await open().run(emptyItems, {})).toBe(1);
    expect(await open().run(emptyItems, {})).toBe(0);
  });

  it('throws when a statement that returns one row returns two', async () => {
    await resetItems(open());
    await open().run(addItem, { id: 1, label: 'a' });
    expect(await open().row(listItems, {})).toEqual({ id: 1 });
    await open().run(addItem, { id: 2, label: 'b' });
    await expect(open().row(listItems, {})).rejects.toThrow('returned 2 rows');
  });

  it('commits a transaction whose work returns, and returns its result', async () => {
    await resetItems(open());
    const result = await open().transaction(async (tx) => {
      await tx.run(addItem, { id: 1, label: 'a' });
      await tx.run(addItem, { id: 2, label: 'b' });
      return (await tx.rows(listItems, {})).length;
    });
    expect(result).toBe(2);
    expect(await items(open())).toEqual([1, 2]);
  });

  it('rolls back a transaction whose work throws, and rethrows the error', async () => {
    await resetItems(open());
    const refusal = new Error('no');
    const failing = open().transaction(async (tx) => {
      await tx.run(addItem, { id: 1, label: 'a' });
      throw refusal;
    });
    await expect(failing).rejects.toBe(refusal);
    expect(await items(open())).toEqual([]);
  });

  it('rolls back a transaction whose statement failed, and accepts further statements', async () => {
    await resetItems(open());
    const failing = open().transaction(async (tx) => {
      await tx.run(addItem, { id: 1, label: 'a' });
      await tx.row(divide, { by: 0 });
    });
    await expect(failing).rejects.toThrow('division by zero');
    await open().transaction((tx) => tx.run(addItem, { id: 2, label: 'b' }));
    expect(await items(open())).toEqual([2]);
  });

  it('runs statements that are sent together in a transaction in the order of the calls', async () => {
    await resetItems(open());
    const results = await open().transaction((tx) =>
      Promise.all([
        tx.rows(listItems, {}),
        tx.run(addItem, { id: 1, label: 'a' }),
        tx.rows(listItems, {}),
        tx.run(addItem, { id: 2, label: 'b' }),
        tx.rows(listItems, {}),
      ]),
    );
    expect(results).toEqual([[], 1, [{ id: 1 }], 1, [{ id: 1 }, { id: 2 }]]);
  });

  it('throws the first error of statements that are sent together, and rolls back all', async () => {
    await resetItems(open());
    const failing = open().transaction((tx) =>
      Promise.all([
        tx.run(addItem, { id: 1, label: 'a' }),
        tx.row(divide, { by: 0 }),
        tx.run(addItem, { id: 2, label: 'b' }),
      ]),
    );
    await expect(failing).rejects.toThrow('division by zero');
    expect(await items(open())).toEqual([]);
    await open().transaction((tx) => tx.run(addItem, { id: 3, label: 'c' }));
    expect(await items(open())).toEqual([3]);
  });

  it('throws when the work catches the error of a statement that aborted the transaction', async () => {
    await resetItems(open());
    const careless = open().transaction(async (tx) => {
      await tx.run(addItem, { id: 1, label: 'a' });
      await tx.row(divide, { by: 0 }).catch(() => undefined);
    });
    await expect(careless).rejects.toThrow('all was rolled back');
    expect(await items(open())).toEqual([]);
  });

  it('rejects statements of a transaction that has ended', async () => {
    const tx = await open().transaction((each) => Promise.resolve(each));
    await expect(tx.rows(listItems, {})).rejects.toThrow('has ended');
  });

  it("never rolls back a neighbor's statement with a transaction", async () => {
    await resetItems(open());
    const { promise: neighborSent, resolve: sent } = Promise.withResolvers<void>();
    const failing = open().transaction(async (tx) => {
      await tx.run(addItem, { id: 1, label: 'a' });
      await neighborSent;
      await tx.run(addItem, { id: 2, label: 'b' });
      throw new Error('rolled back');
    });
    const neighbors = Array.from({ length: 20 }, (_, index) =>
      open().run(addItem, { id: 10 + index, label: `neighbor ${index}` }),
    );
    sent();
    await expect(failing).rejects.toThrow('rolled back');
    await Promise.all(neighbors);
    expect(await items(open())).toEqual(neighbors.map((_, index) => 10 + index));
  });

  it('keeps concurrent transactions apart', async () => {
    await resetItems(open());
    const all = Array.from({ length: 12 }, (_, index) =>
      open().transaction(async (tx) => {
        await tx.run(addItem, { id: index, label: `item ${index}` });
        if (index % 2 === 0) throw new Error('rolled back');
      }),
    );
    await Promise.allSettled(all);
    expect(await items(open())).toEqual([1, 3, 5, 7, 9, 11]);
  });

  it('reports every round trip, including begin and commit', async () => {
    await resetItems(open());
    expect(
      await countRoundTrips(open(), async () => {
        await open().rows(listItems, {});
        await open().transaction((tx) => tx.run(addItem, { id: 1, label: 'a' }));
      }),
    ).toEqual(['database_test.list_items', 'transaction.begin', 'database_test.add_item', 'transaction.commit']);
  });

  // On a server, idle_in_transaction_session_timeout does this.
  if (kind === 'embedded') {
    it('aborts a transaction that awaits a statement outside itself', async () => {
      await resetItems(open());
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      try {
        const { promise: waiting, resolve: waits } = Promise.withResolvers<void>();
        const selfish = open().transaction(async (tx) => {
          await tx.run(addItem, { id: 1, label: 'a' });
          waits();
          await open().run(addItem, { id: 2, label: 'b' });
        });
        const refused = expect(selfish).rejects.toThrow('something else than its own statements');
        await waiting;
        await vi.advanceTimersByTimeAsync(10_000);
        await refused;
      } finally {
        vi.useRealTimers();
      }
      expect(await items(open())).toEqual([2]);
    });
  }
});

const blank: Values<typeof everyType> = {
  text: '',
  uuid: '01890a5d-ac96-774b-bcce-b302099a8057',
  bytea: Buffer.alloc(0),
  timestamptz: new Date(0),
  bool: true,
  int4: 0,
  int8: 0,
  float8: 0,
  jsonb: null,
  inet: '127.0.0.1',
  xid8: '3',
  texts: [],
  uuids: [],
  byteas: [],
  times: [],
  int4s: [],
  int8s: [],
  nothing: null,
};

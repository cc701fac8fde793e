/** The table `data_keys`: one current key for each purpose and period, retired ones for reading, all wrapped. */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { type Database, type Queries, statement, type Values } from '#platform/database/index.ts';
import { type KeyEncryptionKey, KeysUnusable } from './kek.ts';
import type { KeyPurpose } from './keys.ts';
import { keyPurposes, periodOf, periodsNeeded } from './purposes.ts';

/** A data key, unwrapped. */
export interface DataKey {
  readonly id: string;
  readonly purpose: string;
  readonly period: string;
  readonly createdAt: Date;
  readonly key: KeyObject;
}

/** What working on the table takes. */
export interface DataKeyDeps {
  readonly database: Database;
  readonly kek: KeyEncryptionKey;
  readonly clock: Clock;
  readonly makeId: MakeId;
}

const listKeys = statement('data_keys.list', {
  lane: 'pool',
  idempotent: true,
  // The current key is last of its slot even when the clock of the node that made it was behind.
  sql: `
    select id, purpose, period, state, wrapped, kek_id, created_at
    from data_keys
    order by state = 'current', created_at, id`,
  params: {},
  columns: {
    id: 'uuid',
    purpose: 'text',
    period: 'text',
    state: 'text',
    wrapped: 'bytea',
    kekId: 'text',
    createdAt: 'timestamptz',
  },
});

type DataKeyRow = Values<typeof listKeys.columns>;

const insertKey = statement('data_keys.insert', {
  lane: 'pool',
  sql: `
    insert into data_keys (id, purpose, period, state, wrapped, kek_id, created_at)
    values (:id, :purpose, :period, 'current', :wrapped, :kekId, :createdAt)
    on conflict (purpose, period) where state = 'current' do nothing`,
  params: {
    id: 'uuid',
    purpose: 'text',
    period: 'text',
    wrapped: 'bytea',
    kekId: 'text',
    createdAt: 'timestamptz',
  },
  columns: {},
});

const retireKey = statement('data_keys.retire', {
  lane: 'pool',
  sql: `
    update data_keys set state = 'retired', retired_at = :now
    where purpose = :purpose and period = :period and state = 'current'`,
  params: { purpose: 'text', period: 'text', now: 'timestamptz' },
  columns: {},
});

/**
 * Reads all keys, the current ones last and each kind oldest first, and unwraps those that are not `known`, after making the ones that are missing.
 * Two nodes that start at once insert both, the unique index keeps one, and both read that one.
 *
 * @throws KeysUnusable when the key-encryption key does not open them.
 */
export async function loadDataKeys(deps: DataKeyDeps, known: ReadonlyMap<string, DataKey>): Promise<DataKey[]> {
  let rows = await deps.database.rows(listKeys, {});
  const missing = findMissing(rows, deps.clock.now());
  for (const { purpose, period } of missing) {
    const fresh = await makeKey(deps, purpose, period);
    await deps.database.run(insertKey, fresh);
  }
  if (missing.length > 0) rows = await deps.database.rows(listKeys, {});
  return Promise.all(rows.map((row) => unwrapRow(deps.kek, row, known)));
}

/** Records a rotation in its transaction, with the id of the new key. */
export type RecordRotation = (tx: Queries, keyId: string) => Promise<void>;

/** The ids of the key-encryption keys that wrapped the data keys of a database; none for one that has no keys yet. */
export async function wrappingKeyIds(queries: Queries): Promise<string[]> {
  const rows = await queries.rows(listKeys, {});
  return [...new Set(rows.map(({ kekId }) => kekId))];
}

/**
 * Makes a new current key for a purpose and keeps the old one for reading.
 * Of two rotations at once one wins; the other finds nothing left to retire, and its insert conflicts.
 */
export async function replaceDataKey(
  deps: DataKeyDeps,
  purpose: KeyPurpose,
  record?: RecordRotation,
): Promise<'rotated' | 'already_rotated'> {
  const now = deps.clock.now();
  const period = periodOf(purpose, now);
  const fresh = await makeKey(deps, purpose, period);
  const inserted = await deps.database.transaction(async (tx) => {
    await tx.run(retireKey, { purpose, period, now });
    const count = await tx.run(insertKey, fresh);
    if (count === 1) await record?.(tx, fresh.id);
    return count;
  });
  return inserted === 1 ? 'rotated' : 'already_rotated';
}

function findMissing(rows: readonly DataKeyRow[], now: Date): { purpose: KeyPurpose; period: string }[] {
  const needed = keyPurposes.flatMap((purpose) => periodsNeeded(purpose, now).map((period) => ({ purpose, period })));
  const current = rows.filter((row) => row.state === 'current');
  return needed.filter(
    ({ purpose, period }) => !current.some((row) => row.purpose === purpose && row.period === period),
  );
}

async function makeKey({ kek, clock, makeId }: DataKeyDeps, purpose: KeyPurpose, period: string) {
  const id = makeId();
  const bytes = randomBytes(32);
  const wrapped = await kek.wrap(bytes, wrapContext({ id, purpose, period }));
  bytes.fill(0);
  return { id, purpose, period, wrapped, kekId: kek.id, createdAt: clock.now() };
}

async function unwrapRow(
  kek: KeyEncryptionKey,
  row: DataKeyRow,
  known: ReadonlyMap<string, DataKey>,
): Promise<DataKey> {
  const { id, purpose, period, createdAt } = row;
  const key = known.get(id)?.key ?? (await unwrapKey(kek, row));
  return { id, purpose, period, createdAt, key };
}

async function unwrapKey(kek: KeyEncryptionKey, row: DataKeyRow): Promise<KeyObject> {
  if (row.kekId !== kek.id) {
    throw new KeysUnusable(
      `the key-encryption key does not open this database's keys: it is ${kek.id}, and they were wrapped by ${row.kekId}`,
    );
  }
  const bytes = await unwrapBytes(kek, row);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

async function unwrapBytes(kek: KeyEncryptionKey, row: DataKeyRow): Promise<Buffer> {
  try {
    return await kek.unwrap(row.wrapped, wrapContext(row));
  } catch (cause) {
    throw new KeysUnusable(
      `the key-encryption key does not open this database's keys: data key ${row.id} (${row.purpose}) was altered or is from elsewhere`,
      { cause },
    );
  }
}

/** Purpose and period are authenticated too: whoever writes the table cannot turn one purpose's key into another's. */
function wrapContext(key: Pick<DataKeyRow, 'id' | 'purpose' | 'period'>): readonly string[] {
  return ['data_keys', 'wrapped', key.id, key.purpose, key.period];
}

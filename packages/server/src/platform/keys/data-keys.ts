/** The table `data_keys`: one current key per purpose and period, and retired ones for decryption, all wrapped by the KEK. */
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

export interface DataKeyDeps {
  readonly database: Database;
  readonly kek: KeyEncryptionKey;
  readonly clock: Clock;
  readonly makeId: MakeId;
}

const listKeys = statement('data_keys.list', {
  lane: 'pool',
  idempotent: true,
  // The current key sorts last of its purpose and period even if the clock of the node that generated it was behind.
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
 * Generates missing keys, reads all keys, and unwraps those that are not in `known`. Retired keys come first and current
 * keys last, each ordered by creation.
 * When two nodes start at once, both insert; the unique index keeps one row, and both nodes read it.
 *
 * @throws KeysUnusable when the KEK cannot unwrap them.
 */
export async function loadDataKeys(deps: DataKeyDeps, known: ReadonlyMap<string, DataKey>): Promise<DataKey[]> {
  let rows = await deps.database.rows(listKeys, {});
  const missing = findMissing(rows, deps.clock.now());
  for (const { purpose, period } of missing) {
    const fresh = await generateKey(deps, purpose, period);
    await deps.database.run(insertKey, fresh);
  }
  if (missing.length > 0) rows = await deps.database.rows(listKeys, {});
  return Promise.all(rows.map((row) => unwrapRow(deps.kek, row, known)));
}

const destroyMonths = statement('data_keys.destroy_months', {
  lane: 'pool',
  sql: `delete from data_keys where purpose = 'month' and period < :period`,
  params: { period: 'text' },
  columns: {},
});

/** The keys of this many months before the present one are kept. */
const keptMonths = 12;

/**
 * Deletes the keys of months more than a year ago, which erases the addresses and user agents of requesters without a user
 * from the audit log. Returns the number of deleted keys.
 */
export async function destroyMonthKeys(database: Database, now: Date): Promise<number> {
  const oldest = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - keptMonths));
  return database.run(destroyMonths, { period: periodOf('month', oldest) });
}

/** Writes the audit event of a rotation in its transaction; `keyId` is the new key's. */
export type RecordRotation = (tx: Queries, keyId: string) => Promise<void>;

/** The ids of the KEKs that wrapped the data keys of a database. Empty for a database without keys. */
export async function wrappingKeyIds(queries: Queries): Promise<string[]> {
  const rows = await queries.rows(listKeys, {});
  return [...new Set(rows.map(({ kekId }) => kekId))];
}

/**
 * Generates a new current key for a purpose and retires the previous one, which remains readable.
 * Of two concurrent rotations one commits; the other retires nothing, and its insert conflicts and does nothing.
 */
export async function replaceDataKey(
  deps: DataKeyDeps,
  purpose: KeyPurpose,
  record?: RecordRotation,
): Promise<'rotated' | 'already_rotated'> {
  const now = deps.clock.now();
  const period = periodOf(purpose, now);
  const fresh = await generateKey(deps, purpose, period);
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

async function generateKey({ kek, clock, makeId }: DataKeyDeps, purpose: KeyPurpose, period: string) {
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
      `The key-encryption key does not fit this database: its id is ${kek.id}, but the data keys were wrapped by ${row.kekId}.`,
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
      `The key-encryption key cannot decrypt data key ${row.id} (${row.purpose}): the row was altered or copied from another database.`,
      { cause },
    );
  }
}

/** Purpose and period are authenticated too, so that write access to the table cannot change the purpose of a key. */
function wrapContext(key: Pick<DataKeyRow, 'id' | 'purpose' | 'period'>): readonly string[] {
  return ['data_keys', 'wrapped', key.id, key.purpose, key.period];
}

/**
 * Moves the schema up and down, one numbered migration per transaction, so that the releases before and after can run
 * on it side by side (expand, migrate, contract). `schema_migrations` records what was applied.
 */
import type { ClientBase } from 'pg';
import { type Clock, systemClock } from '#kernel/clock.ts';
import type { Queries } from '../database.ts';
import { isLockTimeout, sqlState } from '../errors.ts';
import { statement } from '../statement.ts';
import { inTransaction, type MigrationTarget, onConnection, whileNobodyElseMigrates } from './connection.ts';
import { labelOf, type Migration, migrationsDirectory, readMigrations } from './files.ts';
import { grantServingRole } from './grants.ts';

/** Options of the migration commands. */
export interface MigrationOptions {
  /** For the recorded time of application. */
  readonly clock?: Clock;
  /** The directory of the files; the product's own by default. */
  readonly directory?: URL;
  /** How long a migration waits for a lock before it tries again; 2,000 by default. */
  readonly lockTimeoutMs?: number;
}

/** A migration and the time when it was applied, if it was. */
export interface MigrationStatus {
  readonly number: number;
  readonly name: string;
  readonly appliedAt: Date | undefined;
  /** False for a migration that a later release has applied. */
  readonly known: boolean;
}

/** The schema relative to this release. `ahead`: a later release has migrated it, which is supported. */
export type SchemaState = 'empty' | 'current' | 'behind' | 'ahead';

/**
 * Long enough for one of our transactions to end, and short enough that the queue behind the migration goes unnoticed.
 */
const defaultLockTimeoutMs = 2000;
const lockAttempts = 5;

interface Applied {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
  readonly appliedAt: Date;
}

/**
 * Applies missing migrations up to number `to`, and returns those that it applied. `grantTo` is the serving role when
 * it is not the owner.
 *
 * @throws Error with a sentence when an applied migration was edited or one cannot be applied.
 */
export async function migrateUp(
  target: MigrationTarget,
  options: MigrationOptions & { readonly to?: number; readonly grantTo?: string } = {},
): Promise<readonly Migration[]> {
  const migrations = readMigrations(options.directory ?? migrationsDirectory);
  const { to = Number.POSITIVE_INFINITY, grantTo, clock = systemClock, lockTimeoutMs = defaultLockTimeoutMs } = options;
  return whileNobodyElseMigrates(target, async (client) => {
    await client.query(createTable);
    const pending = pendingOf(migrations, await readApplied(client)).filter(({ number }) => number <= to);
    for (const migration of pending) await apply(client, migration, lockTimeoutMs, clock);
    if (grantTo !== undefined) await inTransaction(client, lockTimeoutMs, () => grantServingRole(client, grantTo));
    return pending;
  });
}

/** Reverts every migration above number `to`, the last first, and returns those that it reverted. */
export async function migrateDown(
  target: MigrationTarget,
  options: MigrationOptions & { readonly to: number },
): Promise<readonly Migration[]> {
  const migrations = readMigrations(options.directory ?? migrationsDirectory);
  return whileNobodyElseMigrates(target, async (client) => {
    const applied = await readApplied(client);
    pendingOf(migrations, applied);
    const doomed = applied.filter(({ number }) => number > options.to).reverse();
    const reverted: Migration[] = [];
    for (const each of doomed) {
      const migration = migrations[each.number - 1];
      if (migration === undefined) {
        throw new Error(`Migration ${labelOf(each)} belongs to a later release: take it back with that release.`);
      }
      await revert(client, migration, options.lockTimeoutMs ?? defaultLockTimeoutMs);
      reverted.push(migration);
    }
    return reverted;
  });
}

/** Every migration that this release or the database knows. */
export async function migrationStatus(
  target: MigrationTarget,
  options: MigrationOptions = {},
): Promise<readonly MigrationStatus[]> {
  const migrations = readMigrations(options.directory ?? migrationsDirectory);
  const applied = await onConnection(target, readApplied);
  const known = migrations.map(({ number, name }) => {
    const appliedAt = applied.find((each) => each.number === number)?.appliedAt;
    return { number, name, appliedAt, known: true };
  });
  const later = applied.filter(({ number }) => number > migrations.length);
  return [...known, ...later.map(({ number, name, appliedAt }) => ({ number, name, appliedAt, known: false }))];
}

/** The migrations that `migrateUp` would apply, with their SQL; throws as `migrateUp`. */
export async function migrationPlan(
  target: MigrationTarget,
  options: MigrationOptions = {},
): Promise<readonly Migration[]> {
  const migrations = readMigrations(options.directory ?? migrationsDirectory);
  return pendingOf(migrations, await onConnection(target, readApplied));
}

const listNumbers = statement('schema_migrations.list_numbers', {
  lane: 'pool',
  sql: 'select number from schema_migrations order by number',
  params: {},
  columns: { number: 'int4' },
  idempotent: true,
});

/** Whether this release can run on the schema, read as the serving role. */
export async function schemaState(database: Queries, options: MigrationOptions = {}): Promise<SchemaState> {
  const newest = readMigrations(options.directory ?? migrationsDirectory).length;
  try {
    const applied = await database.rows(listNumbers, {});
    if (applied.length === 0) return 'empty';
    const ours = applied.filter(({ number }) => number <= newest).length;
    if (ours < newest) return 'behind';
    return applied.length > ours ? 'ahead' : 'current';
  } catch (error) {
    if (sqlState(error) === undefinedTable) return 'empty';
    throw error;
  }
}

const undefinedTable = '42P01';

const createTable = `
  create table if not exists schema_migrations (
    number integer not null,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null,
    constraint schema_migrations_pkey primary key (number)
  )`;

async function readApplied(client: ClientBase): Promise<Applied[]> {
  const { rows: exists } = await client.query<{ found: boolean }>(
    `select to_regclass('schema_migrations') is not null as found`,
  );
  if (exists[0]?.found !== true) return [];
  const { rows } = await client.query<Applied>(
    'select number, name, checksum, applied_at as "appliedAt" from schema_migrations order by number',
  );
  return rows;
}

function pendingOf(migrations: readonly Migration[], applied: readonly Applied[]): readonly Migration[] {
  const byNumber = new Map(applied.map((each) => [each.number, each]));
  for (const migration of migrations) {
    const there = byNumber.get(migration.number);
    if (there !== undefined && there.checksum !== migration.checksum) {
      throw new Error(
        `Migration ${labelOf(migration)} was changed after it had been applied: ` +
          'restore the file, and write what is new as a new migration.',
      );
    }
  }
  const pending = migrations.filter(({ number }) => !byNumber.has(number));
  const [first] = pending;
  const later = first && applied.find(({ number }) => number > first.number);
  if (first !== undefined && later !== undefined) {
    throw new Error(`Migration ${labelOf(first)} was never applied, but the later ${labelOf(later)} was.`);
  }
  return pending;
}

function apply(client: ClientBase, migration: Migration, lockTimeoutMs: number, clock: Clock): Promise<void> {
  return move(client, migration, lockTimeoutMs, async () => {
    await client.query(migration.up);
    await client.query({
      text: 'insert into schema_migrations (number, name, checksum, applied_at) values ($1, $2, $3, $4)',
      values: [migration.number, migration.name, migration.checksum, clock.now()],
    });
  });
}

function revert(client: ClientBase, migration: Migration, lockTimeoutMs: number): Promise<void> {
  return move(client, migration, lockTimeoutMs, async () => {
    await client.query(migration.down);
    await client.query({ text: 'delete from schema_migrations where number = $1', values: [migration.number] });
  });
}

/** All statements queue behind a migration that waits for a lock, so it gives up soon and tries again. */
async function move(client: ClientBase, migration: Migration, lockTimeoutMs: number, work: () => Promise<void>) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inTransaction(client, lockTimeoutMs, work);
    } catch (error) {
      if (isLockTimeout(error) && attempt < lockAttempts) continue;
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`Migration ${labelOf(migration)} failed and changed nothing: ${reason}`, { cause: error });
    }
  }
}

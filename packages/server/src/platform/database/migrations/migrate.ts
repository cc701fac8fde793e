/**
 * Moves the schema up and down by numbered migrations, so that the releases before and after can run on it side by side
 * (expand, migrate, contract). `schema_migrations` records what was applied.
 */
import type { ClientBase } from 'pg';
import { type Clock, systemClock } from '#kernel/clock.ts';
import type { Queries } from '../database.ts';
import { sqlState } from '../errors.ts';
import { statement } from '../statement.ts';
import { inTransaction, type MigrationTarget, onConnection, whileNobodyElseMigrates } from './connection.ts';
import { type DataLoss, findDataLoss, WouldDeleteData } from './data-loss.ts';
import { labelOf, type Migration, ownMigrations, readMigrations } from './files.ts';
import { grantServingRole } from './grants.ts';
import { defaultLockWait, type LockWait, retried, runHalf } from './steps.ts';

/** Options of the migration commands. */
export interface MigrationOptions {
  /** For the recorded time of application. */
  readonly clock?: Clock;
  /** The directory of the files; the product's own by default. */
  readonly directory?: URL;
  /** How a migration waits for a lock; by default 100 ms, 25 times. */
  readonly lockWait?: LockWait;
}

/** A migration and the time when it was applied, if it was. */
export interface MigrationStatus {
  readonly number: number;
  readonly name: string;
  readonly appliedAt: Date | undefined;
  /** False for a migration that a later release has applied. */
  readonly known: boolean;
}

/**
 * The schema relative to this release. `ahead`: a later release has migrated it, which is supported. `foreign`: its
 * history is not the beginning of this release's or of a later one's.
 */
export type SchemaState = 'empty' | 'current' | 'behind' | 'ahead' | 'foreign';

/** The database was migrated by something else than this release, an earlier or a later one. */
export class ForeignSchema extends Error {
  override name = 'ForeignSchema';

  constructor(label: string) {
    super(
      `The migration ${label} of this database is not the one of this release. ` +
        'Use the release that created the database, or an empty database.',
    );
  }
}

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
  const migrations = migrationsOf(options);
  const { to = Number.POSITIVE_INFINITY, grantTo, clock = systemClock, lockWait = defaultLockWait } = options;
  return whileNobodyElseMigrates(target, async (client) => {
    await client.query(createTable);
    const pending = pendingOf(migrations, await readApplied(client)).filter(({ number }) => number <= to);
    for (const migration of pending) await apply(client, migration, lockWait, clock);
    if (grantTo !== undefined) {
      const grant = () => inTransaction(client, lockWait.timeoutMs, () => grantServingRole(client, grantTo));
      await retried(lockWait, grant);
    }
    return pending;
  });
}

/** The result of `migrateDown`. */
export interface Reverted {
  readonly migrations: readonly Migration[];
  readonly deleted: readonly DataLoss[];
}

/**
 * Reverts every migration above number `to`, the last first.
 *
 * @throws WouldDeleteData without `deleteData`, when that would delete rows or values; nothing is reverted then.
 */
export async function migrateDown(
  target: MigrationTarget,
  options: MigrationOptions & { readonly to: number; readonly deleteData: boolean },
): Promise<Reverted> {
  const migrations = migrationsOf(options);
  const wait = options.lockWait ?? defaultLockWait;
  return whileNobodyElseMigrates(target, async (client) => {
    const applied = await readApplied(client);
    pendingOf(migrations, applied);
    const reverting = applied.filter(({ number }) => number > options.to).reverse();
    const known = reverting.map((each) => {
      const migration = migrations[each.number - 1];
      if (migration !== undefined) return migration;
      throw new Error(`Migration ${labelOf(each)} belongs to a later release: take it back with that release.`);
    });
    const deleted = await findDataLoss(client, known, wait);
    if (deleted.length > 0 && !options.deleteData) throw new WouldDeleteData(deleted);
    for (const migration of known) await revert(client, migration, wait);
    return { migrations: known, deleted };
  });
}

/** Every migration that this release or the database knows. */
export async function migrationStatus(
  target: MigrationTarget,
  options: MigrationOptions = {},
): Promise<readonly MigrationStatus[]> {
  const migrations = migrationsOf(options);
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
  const migrations = migrationsOf(options);
  return pendingOf(migrations, await onConnection(target, readApplied));
}

function migrationsOf({ directory }: MigrationOptions): readonly Migration[] {
  return directory === undefined ? ownMigrations() : readMigrations(directory);
}

const listApplied = statement('schema_migrations.list', {
  lane: 'pool',
  sql: 'select number, checksum from schema_migrations order by number',
  params: {},
  columns: { number: 'int4', checksum: 'text' },
  idempotent: true,
});

/** Whether this release can run on the schema, read as the serving role. */
export async function schemaState(database: Queries, options: MigrationOptions = {}): Promise<SchemaState> {
  const migrations = migrationsOf(options);
  try {
    return stateOf(migrations, await database.rows(listApplied, {}));
  } catch (error) {
    if (sqlState(error) === undefinedTable) return 'empty';
    throw error;
  }
}

function stateOf(
  migrations: readonly Migration[],
  applied: readonly Pick<Applied, 'number' | 'checksum'>[],
): SchemaState {
  if (applied.length === 0) return 'empty';
  const ours = applied.filter(({ number }) => number <= migrations.length);
  if (ours.some(({ number, checksum }) => migrations[number - 1]?.checksum !== checksum)) return 'foreign';
  if (ours.length < migrations.length) return applied.length > ours.length ? 'foreign' : 'behind';
  return applied.length > ours.length ? 'ahead' : 'current';
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
    if (there !== undefined && there.checksum !== migration.checksum) throw new ForeignSchema(labelOf(there));
  }
  const pending = migrations.filter(({ number }) => !byNumber.has(number));
  const [first] = pending;
  const later = first && applied.find(({ number }) => number > first.number);
  if (later !== undefined) throw new ForeignSchema(labelOf(later));
  return pending;
}

function apply(client: ClientBase, migration: Migration, wait: LockWait, clock: Clock): Promise<void> {
  return runHalf(client, { migration, half: 'up', wait }, () =>
    client.query({
      text: 'insert into schema_migrations (number, name, checksum, applied_at) values ($1, $2, $3, $4)',
      values: [migration.number, migration.name, migration.checksum, clock.now()],
    }),
  );
}

function revert(client: ClientBase, migration: Migration, wait: LockWait): Promise<void> {
  return runHalf(client, { migration, half: 'down', wait }, () =>
    client.query({ text: 'delete from schema_migrations where number = $1', values: [migration.number] }),
  );
}

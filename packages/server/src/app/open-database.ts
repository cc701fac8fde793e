/** Opens the configured database and checks or migrates its schema. */
import type { Config } from '#config/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { type DataDirectory, openDataDirectory } from '#platform/data-directory/index.ts';
import {
  type Database,
  type EmbeddedDatabase,
  type MigrationTarget,
  migrateUp,
  type Observers,
  openEmbedded,
  openPostgres,
  type PostgresDatabase,
  schemaState,
} from '#platform/database/index.ts';
import type { Logger, Metrics } from '#platform/telemetry/index.ts';
import type { OpenResources } from './open-resources.ts';
import { OperatorError } from './operator-error.ts';

/** Observers of a database. */
export interface Watchers {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly resources: OpenResources;
  readonly onCommitted?: Observers['onCommitted'];
}

/** While an embedded database is open, its data directory is locked. */
export type OpenDatabase =
  | { readonly kind: 'postgres'; readonly database: PostgresDatabase }
  | { readonly kind: 'embedded'; readonly database: EmbeddedDatabase; readonly directory: DataDirectory };

/** Longer than the 3 s after which the database drops a connection that does not close. */
const closeMs = 6000;

/** Opens the database without migrating it. */
export async function openDatabase(config: Config, watchers: Watchers): Promise<OpenDatabase> {
  const { resources } = watchers;
  const observers = {
    clock: watchers.clock,
    onStatement: (event: Parameters<Metrics['observeStatement']>[0]) => watchers.metrics.observeStatement(event),
    onConnectionError: (error: Error) => watchers.logger.warn('a database connection was lost', { error }),
    ...(watchers.onCommitted === undefined ? {} : { onCommitted: watchers.onCommitted }),
  };
  if (config.database.kind === 'postgres') {
    const { directServer: _direct, adminServer: _admin, kind: _kind, ...reach } = config.database;
    const database = await openPostgres({ ...reach, applicationName: 'latchkey', ...observers });
    resources.add(
      'the database',
      () => database.close(),
      () => closeMs,
    );
    return { kind: 'postgres', database };
  }
  const directory = await openDataDirectory(config.dataDirectory);
  resources.add('the data directory', () => directory.release());
  const database = await openEmbedded({ location: { dataDirectory: directory.path }, ...observers });
  resources.add(
    'the database',
    () => database.close(),
    () => closeMs,
  );
  return { kind: 'embedded', database, directory };
}

/** Migrations run as the owner of the tables and bypass a pooler. */
export function migrationTarget(config: Config, database: Database): MigrationTarget {
  return config.database.kind === 'postgres' ? config.database.adminServer : (database as EmbeddedDatabase);
}

/**
 * Migrates an outdated schema, or throws when `LATCHKEY_MIGRATE` is `refuse`. A schema of a later release is accepted:
 * the previous release must be able to run on it (expand and contract).
 */
export async function ensureSchema(config: Config, database: Database, clock: Clock): Promise<void> {
  const state = await schemaState(database);
  if (state === 'current' || state === 'ahead') return;
  if (state === 'behind' && config.migrate === 'refuse') {
    throw new OperatorError('The database schema is older than this release. Run "latchkey migrate up" first.', 78);
  }
  await migrateUp(migrationTarget(config, database), { clock, ...grants(config) });
}

/** The role of `DATABASE_URL` needs grants when it does not own the tables. */
export function grants(config: Config): { readonly grantTo?: string } {
  if (config.database.kind !== 'postgres') return {};
  const { user: serving } = config.database.server;
  const { user: owner } = config.database.adminServer;
  return serving === undefined || serving === owner ? {} : { grantTo: serving };
}

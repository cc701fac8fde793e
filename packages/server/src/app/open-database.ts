/**
 * Opens the configured database and checks or migrates its schema. Only `serve` in development and `migrate up` create
 * something. In production only `migrate up` changes the schema of PostgreSQL, so that a wrong database name does not look
 * like a fresh installation.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
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
  type PostgresHost,
  reasonOf,
  schemaState,
} from '#platform/database/index.ts';
import type { Dependencies } from '#platform/dependencies/index.ts';
import type { Logger, Metrics } from '#platform/telemetry/index.ts';
import type { OpenResources } from './open-resources.ts';
import { OperatorError } from './operator-error.ts';
import { differOnlyInPassword, type SecretUsers } from './secret-reload.ts';

/** Observers of a database. */
export interface Watchers {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly dependencies: Dependencies;
  readonly metrics: Metrics;
  readonly resources: OpenResources;
  /** Absent in a command that ends by itself. */
  readonly secretUsers?: SecretUsers;
  readonly onCommitted?: Observers['onCommitted'];
}

/** While an embedded database is open, its data directory is locked. */
export type OpenDatabase =
  | { readonly kind: 'postgres'; readonly database: PostgresDatabase }
  | { readonly kind: 'embedded'; readonly database: EmbeddedDatabase; readonly directory: DataDirectory };

/** Longer than the 3 s after which the database drops a connection that does not close. */
const closeMs = 6000;

/** `create` where a missing data directory, database or schema may be created, else `existing`. */
export type Presence = 'create' | 'existing';

/**
 * Opens the database without migrating it.
 *
 * @throws OperatorError (78) when there is no embedded database and none may be created.
 */
export async function openDatabase(config: Config, watchers: Watchers, presence: Presence): Promise<OpenDatabase> {
  const { resources } = watchers;
  const note = (error: Error) => watchers.dependencies.refused('postgresql', reasonOf(error), error);
  const observers = {
    clock: watchers.clock,
    onStatement: (event: Parameters<Metrics['observeStatement']>[0]) => watchers.metrics.observeStatement(event),
    onConnectionError: note,
    onRefusal: note,
    onMoved: (to: PostgresHost) =>
      watchers.logger.warn('another PostgreSQL server is the primary', { component: 'postgresql', ...to }),
    onReplica: (refusal: string | undefined) => {
      if (refusal === undefined) watchers.dependencies.works('postgresql_replica');
      else watchers.dependencies.refused('postgresql_replica', refusal);
    },
    ...(watchers.onCommitted === undefined ? {} : { onCommitted: watchers.onCommitted }),
  };
  if (config.database.kind === 'postgres') {
    const {
      directServer: _direct,
      adminServer: _admin,
      replicaServer: replica,
      kind: _kind,
      ...reach
    } = config.database;
    const password = currentPassword(reach.server.password, watchers.secretUsers);
    const options = { ...reach, ...password, replica, applicationName: 'latchkey' };
    const database = await openPostgres({ ...options, ...observers });
    resources.add(
      'the database',
      () => database.close(),
      () => closeMs,
    );
    return { kind: 'postgres', database };
  }
  if (presence === 'existing' && !hasEmbeddedDatabase(config)) throw noDatabase(config);
  const directory = await openDataDirectory(config.dataDirectory);
  resources.add('the data directory', () => directory.release());
  const database = await openEmbedded({ dataDirectory: directory.path, ...observers });
  resources.add(
    'the database',
    () => database.close(),
    () => closeMs,
  );
  return { kind: 'embedded', database, directory };
}

/** Connections that are open keep their login; a rotated password counts for those that replace them. */
function currentPassword(first: string | undefined, users: SecretUsers | undefined) {
  let password = first;
  users?.add('DATABASE_URL', serverOf, (now, before) => {
    const isLogin = now.password !== undefined && before.password !== undefined;
    if (!isLogin || !differOnlyInPassword(now, before)) return false;
    password = now.password;
    return true;
  });
  return first === undefined ? {} : { currentPassword: () => password ?? first };
}

function serverOf({ database }: Config) {
  return database.kind === 'postgres' ? database.server : undefined;
}

/** Migrations run as the owner of the tables and bypass a pooler. */
export function migrationTarget(config: Config, database: Database): MigrationTarget {
  return config.database.kind === 'postgres' ? config.database.adminServer : (database as EmbeddedDatabase);
}

/** Whether the data directory has a database; creates nothing. */
export function hasEmbeddedDatabase({ dataDirectory }: Config): boolean {
  return existsSync(join(dataDirectory, 'pgdata'));
}

function noDatabase(config: Config): OperatorError {
  const create = config.mode === 'production' ? '"latchkey migrate up"' : '"latchkey serve" or "latchkey migrate up"';
  return new OperatorError(
    `There is no database in ${resolve(config.dataDirectory)}. Run ${create} to create it, ` +
      'or set LATCHKEY_DATA_DIR to the data directory of your server.',
    78,
  );
}

/**
 * Checks that this release can run on the schema, and migrates it where that is allowed. A schema of a later release is
 * accepted: the previous release must be able to run on it (expand and contract).
 *
 * @throws OperatorError (78) with the command to run.
 */
export async function ensureSchema(
  config: Config,
  database: Database,
  { clock, presence }: { readonly clock: Clock; readonly presence: Presence },
): Promise<void> {
  const state = await schemaState(database);
  if (state === 'current' || state === 'ahead') return;
  if (state === 'empty' && presence === 'existing') throw emptyDatabase(config);
  if (state === 'behind' && config.mode === 'production' && config.database.kind === 'postgres') {
    throw new OperatorError('The database schema is older than this release. Run "latchkey migrate up" first.', 78);
  }
  await migrateUp(migrationTarget(config, database), { clock, ...grants(config) });
}

function emptyDatabase({ database: configured }: Config): OperatorError {
  const create = 'Run "latchkey migrate up" to create it';
  if (configured.kind === 'embedded') return new OperatorError(`The database has no Latchkey schema. ${create}.`, 78);
  const name = configured.server.database ?? configured.server.user ?? '';
  const check = 'or check the database name in DATABASE_URL';
  return new OperatorError(`The database "${name}" has no Latchkey schema. ${create}, ${check}.`, 78);
}

/** The role of `DATABASE_URL` needs grants when it does not own the tables. */
export function grants(config: Config): { readonly grantTo?: string } {
  if (config.database.kind !== 'postgres') return {};
  const { user: serving } = config.database.server;
  const { user: owner } = config.database.adminServer;
  return serving === undefined || serving === owner ? {} : { grantTo: serving };
}

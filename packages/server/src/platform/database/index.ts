/**
 * The database: statements that are declared as data (statement.ts) run on lanes, over PostgreSQL or the embedded
 * database, with the same results on both. Owns the table `schema_migrations` and the order of migrations.
 *
 * Invariants:
 * - A failing statement does not affect its neighbors.
 * - After a lost connection, only idempotent statements are sent again; others are rejected as `outcome_unknown`.
 * - Every wait is bounded.
 * - The effects that a statement declares (`after`) are delivered once after a known commit (effects.ts).
 */
export type { JsonValue } from '#kernel/json.ts';
export type { Database, Queries, StatementEvent } from './database.ts';
export type { CommittedEffects, CommittedRevocation } from './effects.ts';
export { openEmbedded } from './embedded/embedded-database.ts';
export { writeBackup } from './embedded/index.ts';
export { isUniqueViolation, reasonOf, UnfitServer } from './errors.ts';
export type { MigrationTarget } from './migrations/connection.ts';
export { type DataLoss, describeLoss, WouldDeleteData } from './migrations/data-loss.ts';
export type { Migration } from './migrations/files.ts';
export {
  ForeignSchema,
  type MigrationOptions,
  type MigrationStatus,
  migrateDown,
  migrateUp,
  migrationPlan,
  migrationStatus,
  type Reverted,
  type SchemaState,
  schemaState,
} from './migrations/migrate.ts';
export type {
  EmbeddedDatabase,
  EmbeddedOptions,
  Observers,
  PoolUse,
  PostgresDatabase,
  PostgresHost,
  PostgresOptions,
  PostgresServer,
} from './options.ts';
export { databaseLimits, openPostgres } from './postgres/postgres-database.ts';
export { readServerFacts, type ServerFacts } from './postgres/server-facts.ts';
export type { Shape, SqlType, SqlTypes, Values } from './sql-types.ts';
export {
  declaredStatements,
  type Fragment,
  type Lane,
  type Statement,
  type StatementDeclaration,
  sqlName,
  statement,
} from './statement.ts';

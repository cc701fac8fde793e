/**
 * The one way to the database: statements declared as data (statement.ts) run on lanes over PostgreSQL or over the
 * embedded database, with the same results on both. Owns the table `schema_migrations` and the order of migrations.
 * Invariants: a statement that fails never hurts its neighbours; an effect whose connection was lost is sent again only
 * if that is harmless, and else is refused as `outcome_unknown`; nothing waits without a bound.
 */
export type { JsonValue } from '#kernel/json.ts';
export { type ClusterPlace, writeBackup } from './embedded/index.ts';
export { openEmbedded } from './embedded-database.ts';
export { isUniqueViolation } from './errors.ts';
export type { MigrationTarget } from './migration-connection.ts';
export type { Migration } from './migration-files.ts';
export {
  type MigrationOptions,
  type MigrationStatus,
  migrateDown,
  migrateUp,
  migrationPlan,
  migrationStatus,
  type SchemaState,
  schemaState,
} from './migrations.ts';
export type {
  EmbeddedDatabase,
  EmbeddedOptions,
  Observers,
  PoolUse,
  PostgresDatabase,
  PostgresOptions,
} from './options.ts';
export { openPostgres } from './postgres-database.ts';
export { readServerFacts, type ServerFacts } from './server-facts.ts';
export {
  declaredStatements,
  type Fragment,
  type Lane,
  type Shape,
  type SqlType,
  type SqlTypes,
  type Statement,
  type StatementDeclaration,
  sqlName,
  statement,
  type Values,
} from './statement.ts';
export type { Database, Queries, StatementEvent } from './types.ts';

/**
 * A statement is data: the module that owns the table declares its name, SQL, parameter and column types once, at load.
 * The name labels the prepared statement, the metric and the span.
 * SQL is written by hand with named parameters (`:userId`), which become `$1…` here, so that statements can be composed
 * of fragments without counting.
 */
import { hash } from 'node:crypto';
import { assert } from '#kernel/assert.ts';
import { type AfterCommit, checkEffects, type DeclaredEffects } from './effects.ts';
import type { Shape, Values } from './sql-types.ts';

/**
 * The connections that a statement runs on (ARCHITECTURE.md#lanes).
 * - `read`: pipelined, locks nothing, bounded by an index.
 * - `write`: pipelined, with a lock timeout of 250 ms; then once more on the pool.
 * - `counter`: like `write` with `synchronous_commit` off, for failure counters and last-seen times only.
 * - `pool`: everything else, and everything inside a transaction.
 */
export type Lane = 'read' | 'write' | 'counter' | 'pool';

/** A composable part of a statement: SQL with named parameters, and their types. */
export interface Fragment<P extends Shape = Shape> {
  readonly sql: string;
  readonly params: P;
}

export interface Statement<P extends Shape = Shape, C extends Shape = Shape> {
  readonly name: string;
  /** `name#hash of the SQL`, so that two releases behind one pooler never collide. */
  readonly preparedName: string;
  /** The SQL with `$1…`. */
  readonly sql: string;
  readonly lane: Lane;
  /** Whether its effect cannot be in doubt after a lost connection, because it has none. */
  readonly onlyReads: boolean;
  /** Whether it can be sent again after a lost connection: reads, and others that declare it. */
  readonly idempotent: boolean;
  /** Whether it can be read from a replica that lags by up to 30 s. */
  readonly mayLag: boolean;
  readonly params: P;
  readonly columns: C;
  readonly after: DeclaredEffects | undefined;
  /** The values in the order of `$1…`. */
  bind(values: Values<P>): unknown[];
  /** A row object from the driver's array. */
  read(row: readonly unknown[]): Values<C>;
}

export interface StatementDeclaration<P extends Shape, C extends Shape> {
  readonly lane: Lane;
  readonly sql: string;
  readonly params: P;
  readonly columns: C;
  readonly idempotent?: true;
  /**
   * For lists and reports of other people's rows, on the lane `pool`. Never for what a user reads of their own: it would not
   * show the change that they have just made.
   */
  readonly mayLag?: true;
  /** Required when the SQL inserts into `revocations` or `jobs`, and rejected when it does not. */
  readonly after?: AfterCommit<NoInfer<C>>;
}

const declared = new Map<string, Statement>();

/**
 * Declares a statement. Throws at load when the name is taken, a parameter is undeclared or unused, the effects do not
 * match, a statement that may lag does not only read, or `*` is selected (a `select *` fails after a column is added:
 * "cached plan must not change result type").
 */
export function statement<const P extends Shape, const C extends Shape>(
  name: string,
  declaration: StatementDeclaration<P, C>,
): Statement<P, C> {
  assert(/^[a-z0-9_]+\.[a-z0-9_]+$/.test(name), `statement name "${name}" is not noun.verb`);
  assert(!declared.has(name), `statement "${name}" is declared twice`);
  assert(!/(select|returning|,)\s+([a-z_]+\.)?\*/i.test(declaration.sql), `statement "${name}" names no columns`);
  checkEffects(name, declaration.sql, declaration.after);
  if (declaration.mayLag === true) checkLag(name, declaration);
  const onlyReads = declaration.lane === 'read' || readsOnly(declaration.sql);
  const paramNames = Object.keys(declaration.params);
  const columnNames = Object.keys(declaration.columns);
  const jsonParams = new Set(paramNames.filter((param) => declaration.params[param]?.startsWith('jsonb')));
  const sql = numberParameters(name, declaration.sql, paramNames);
  const made: Statement<P, C> = {
    name,
    preparedName: `${name}#${hash('sha256', sql, 'hex').slice(0, 8)}`,
    sql,
    lane: declaration.lane,
    onlyReads,
    idempotent: onlyReads || declaration.idempotent === true,
    mayLag: declaration.mayLag === true,
    params: declaration.params,
    columns: declaration.columns,
    after: declaration.after,
    bind: (values) => paramNames.map((param) => (jsonParams.has(param) ? toJson(values[param]) : values[param])),
    read: (row) => {
      const read: Record<string, unknown> = {};
      for (let index = 0; index < columnNames.length; index += 1) read[columnNames[index] as string] = row[index];
      return read as Values<C>;
    },
  };
  assert(made.preparedName.length <= 63, `statement name "${name}" is too long`);
  declared.set(name, made as unknown as Statement);
  return made;
}

const changes =
  /\b(?:insert|update|delete|merge|truncate|nextval|setval|lock)\b|\bfor\s+(?:no\s+key\s+|key\s+)?(?:update|share)\b/i;

/** A standby rejects locks and changes, and a lane has no connection to one. */
function checkLag(name: string, { lane, sql }: { readonly lane: Lane; readonly sql: string }): void {
  assert(lane === 'pool', `statement "${name}" may lag, so its lane must be pool`);
  assert(readsOnly(sql), `statement "${name}" may lag, so it must only read`);
}

function readsOnly(sql: string): boolean {
  return /^\s*(?:select|with)\b/i.test(sql) && !changes.test(sql);
}

/** Every statement of the loaded modules, for the tests that describe and explain them. */
export function declaredStatements(): readonly Statement[] {
  return [...declared.values()];
}

/** Converts `userId` to `user_id`. */
export function sqlName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

// The driver would convert an array to a PostgreSQL array, so JSON becomes text here.
function toJson(value: unknown): unknown {
  return value === null ? null : JSON.stringify(value);
}

const parameter = /(?<!:):([a-z][A-Za-z0-9]*)/g;

function numberParameters(name: string, sql: string, names: readonly string[]): string {
  const used = new Set<string>();
  const numbered = sql.replace(parameter, (_, param: string) => {
    const index = names.indexOf(param);
    assert(index >= 0, `statement "${name}" uses :${param}, which it does not declare`);
    used.add(param);
    return `$${index + 1}`;
  });
  for (const param of names) assert(used.has(param), `statement "${name}" declares :${param} and does not use it`);
  return numbered
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');
}

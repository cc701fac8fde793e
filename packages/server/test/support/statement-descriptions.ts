/**
 * Compares a statement's declaration with the database's description of it (protocol messages Parse and Describe),
 * without running it. Otherwise a wrong type or a missing null would surface in production.
 */
import { type ClientBase, type Connection, Query } from 'pg';
import { type Statement, sqlName } from '#platform/database/index.ts';

/** A column of the RowDescription message; `tableID` is 0 for an expression. */
interface Field {
  readonly name: string;
  readonly dataTypeID: number;
  readonly tableID: number;
  readonly columnID: number;
}

interface Description {
  readonly params: readonly number[];
  readonly fields: readonly Field[];
}

const typeNames: Readonly<Record<number, string>> = {
  16: 'bool',
  17: 'bytea',
  20: 'int8',
  23: 'int4',
  25: 'text',
  701: 'float8',
  869: 'inet',
  1001: 'bytea[]',
  1007: 'int4[]',
  1016: 'int8[]',
  1009: 'text[]',
  1184: 'timestamptz',
  1185: 'timestamptz[]',
  2950: 'uuid',
  2951: 'uuid[]',
  3802: 'jsonb',
  5069: 'xid8',
};

function typeName(oid: number): string {
  return typeNames[oid] ?? `an unused type (OID ${oid})`;
}

/** The nullable columns, for `describeFaults`. */
export interface Nullability {
  /** Every nullable column of a table, as `table oid.column number`. */
  readonly nullable: ReadonlySet<string>;
  /** `statement column` pairs that a check constraint and the statement's own condition keep from being null. */
  readonly neverNull: readonly string[];
}

export async function readNullability(client: ClientBase, neverNull: readonly string[]): Promise<Nullability> {
  const { rows } = await client.query<{ place: string }>(
    `select attrelid::int8 || '.' || attnum as place from pg_attribute
      where attnum > 0 and not attnotnull and attrelid in (select oid from pg_class where relkind in ('r', 'p'))`,
  );
  return { nullable: new Set(rows.map(({ place }) => place)), neverNull };
}

/** Returns a sentence for each difference between a statement's declaration and the database's description. */
export async function describeFaults(
  client: ClientBase,
  statement: Statement,
  nullability: Nullability,
): Promise<string[]> {
  let description: Description;
  try {
    description = await describeSql(client, statement.sql);
  } catch (error) {
    return [`${statement.name}: ${error instanceof Error ? error.message : String(error)}`];
  }
  return [...paramFaults(statement, description.params), ...columnFaults(statement, description.fields, nullability)];
}

function paramFaults(statement: Statement, found: readonly number[]): string[] {
  return Object.entries(statement.params).flatMap(([name, type], index) => {
    const actual = typeName(found[index] ?? 0);
    return actual === type.replace('?', '')
      ? []
      : [`${statement.name}: parameter ${name} is declared ${type} and is ${actual}`];
  });
}

function columnFaults(statement: Statement, fields: readonly Field[], nullability: Nullability): string[] {
  const declared = Object.entries(statement.columns);
  if (declared.length !== fields.length) {
    return [`${statement.name}: declares ${declared.length} columns and returns ${fields.length}`];
  }
  const outer = outerJoined(statement.sql);
  return declared.flatMap(([name, type], index) => {
    const field = fields[index] as Field;
    const fault = columnFault(name, type, field) ?? nullFault(statement, name, type, field, outer, nullability);
    return fault === undefined ? [] : [`${statement.name}: column ${name} ${fault}`];
  });
}

function columnFault(name: string, type: string, field: Field): string | undefined {
  if (field.name !== sqlName(name)) return `is named ${field.name} in the SQL`;
  const actual = typeName(field.dataTypeID);
  return actual === type.replace('?', '') ? undefined : `is declared ${type} and is ${actual}`;
}

function nullFault(
  statement: Statement,
  name: string,
  type: string,
  field: Field,
  outer: readonly string[],
  { nullable, neverNull }: Nullability,
): string | undefined {
  if (type.endsWith('?') || neverNull.includes(`${statement.name} ${name}`)) return undefined;
  if (nullable.has(`${field.tableID}.${field.columnID}`)) return `is declared ${type} and may be null`;
  if (!outer.some((alias) => selects(statement.sql, alias, field.name))) return undefined;
  return `is declared ${type} and an outer join may make it null`;
}

/** The aliases whose columns an outer join of the statement may fill with nulls. */
function outerJoined(sql: string): string[] {
  if (/\b(right|full)\s+(outer\s+)?join\b/i.test(sql)) throw new Error('write outer joins as left joins');
  return [...sql.matchAll(/\bleft\s+(?:outer\s+)?join\s+(?:lateral\s+)?/gi)].map((join) => {
    const joined = withoutSubquery(sql.slice(join.index + join[0].length));
    const [, table = '', alias = 'on'] = /^\s*(\w*)(?:\s+(?:as\s+)?(\w+))?/i.exec(joined) ?? [];
    return alias.toLowerCase() === 'on' ? table : alias;
  });
}

/** Drops a leading parenthesis. */
function withoutSubquery(sql: string): string {
  if (!sql.startsWith('(')) return sql;
  let depth = 0;
  for (let index = 0; index < sql.length; index += 1) {
    if (sql[index] === '(') depth += 1;
    if (sql[index] === ')') depth -= 1;
    if (depth === 0) return sql.slice(index + 1).replace(/^\s+as\b/i, '');
  }
  return '';
}

/** Whether `alias.column` is selected bare under this output name; inside a function a null may be replaced. */
function selects(sql: string, alias: string, output: string): boolean {
  const bare = new RegExp(
    `(?:select|returning|,)\\s+${alias}\\.(?:${output}\\b(?!\\s+as\\b)|\\w+\\s+as\\s+${output}\\b)`,
    'i',
  );
  return bare.test(sql);
}

/** One Parse, Describe and Sync. It extends Query because a pipelining client accepts no other submittable. */
class DescribeQuery extends Query {
  readonly #sql: string;
  readonly #done: (error: Error | undefined, description: Description) => void;
  readonly fields: Field[] = [];
  params: readonly number[] = [];

  constructor(sql: string, done: (error: Error | undefined, description: Description) => void) {
    super({ text: sql });
    this.#sql = sql;
    this.#done = done;
  }

  override submit = (connection: Connection): void => {
    connection.once('parameterDescription', (message: { dataTypeIDs: number[] }) => {
      this.params = message.dataTypeIDs;
    });
    connection.parse({ name: '', text: this.#sql, types: [] }, true);
    connection.describe({ type: 'S', name: '' }, true);
    connection.sync();
  };

  handleRowDescription(message: { fields: Field[] }): void {
    this.fields.push(...message.fields);
  }

  handleReadyForQuery(): void {
    this.#done(undefined, this);
  }

  handleError(error: Error): void {
    this.#done(error, this);
  }
}

function describeSql(client: ClientBase, sql: string): Promise<Description> {
  return new Promise((resolve, reject) => {
    client.query(new DescribeQuery(sql, (error, description) => (error ? reject(error) : resolve(description))));
  });
}

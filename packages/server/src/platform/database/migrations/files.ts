/**
 * Reads the numbered migrations: `NNNN_name.up.sql` and its `.down.sql`. Each file runs in one transaction, except a file
 * whose first line has the word `concurrently`: `-- expand, concurrently: …`, or `-- concurrently: …` in a down file. It
 * has statements that create or drop an index concurrently and nothing else, each with `if not exists` or `if exists`, so
 * that it can run again after a crash between any two.
 */
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly up: string;
  readonly down: string;
  /** SHA-256 of `up`, which detects a later edit. */
  readonly checksum: string;
}

/** A statement that creates or drops an index concurrently. */
export interface IndexStep {
  readonly index: string;
  readonly sql: string;
}

/** The directory of the product's migrations. */
export const migrationsDirectory = new URL('../../../../migrations/', import.meta.url);

const concurrentFile = /^-- (?:(?:expand|contract), )?concurrently\b/;

const indexStep =
  /^(?:create (?:unique )?index concurrently if not exists|drop index concurrently if exists) ([a-z_][a-z0-9_]*)\b/i;

/**
 * The statements of a file that runs outside a transaction; undefined for a file that runs in one.
 *
 * @throws Error with a sentence for a statement that cannot run where the file puts it.
 */
export function concurrentSteps(label: string, sql: string): readonly IndexStep[] | undefined {
  const statements = sql
    .replace(/--.*$/gm, '')
    .split(';')
    .map((part) => part.trim().replace(/\s+/g, ' '))
    .filter((part) => part !== '');
  if (!concurrentFile.test(sql)) {
    if (!statements.some((part) => /\bindex concurrently\b/i.test(part))) return undefined;
    throw new Error(`Migration ${label} uses "concurrently", but its first line does not say so.`);
  }
  return statements.map((part) => {
    const [, index] = indexStep.exec(part) ?? [];
    if (index !== undefined) return { index, sql: part };
    throw new Error(
      `Migration ${label} runs outside a transaction and has another statement than ` +
        '"create index concurrently if not exists" and "drop index concurrently if exists".',
    );
  });
}

const fileName = /^(\d{4})_([a-z0-9_]+)\.(up|down)\.sql$/;

let own: readonly Migration[] | undefined;

/** The product's migrations. The files are part of the release and are read once. */
export function ownMigrations(): readonly Migration[] {
  own ??= readMigrations(migrationsDirectory);
  return own;
}

/**
 * The migrations in order.
 *
 * @throws Error with a sentence for a malformed name, a missing half, or a gap in the numbers.
 */
export function readMigrations(directory: URL): readonly Migration[] {
  const names = new Map<number, string>();
  const halves = new Map<string, string>();
  for (const file of readdirSync(directory).sort()) {
    if (!file.endsWith('.sql')) continue;
    const [, digits, name, direction] = fileName.exec(file) ?? [];
    if (digits === undefined || name === undefined) {
      throw new Error(`${file} is not named like 0001_first_schema.up.sql.`);
    }
    const number = Number(digits);
    if ((names.get(number) ?? name) !== name) throw new Error(`There are two migrations ${digits}.`);
    names.set(number, name);
    halves.set(`${number}.${direction}`, readFileSync(new URL(file, directory), 'utf8'));
  }
  return Array.from({ length: names.size }, (_, index) => assemble(index + 1, names, halves));
}

function assemble(number: number, names: Map<number, string>, halves: Map<string, string>): Migration {
  const name = names.get(number);
  const up = halves.get(`${number}.up`);
  const down = halves.get(`${number}.down`);
  if (name === undefined) throw new Error(`There is no migration ${number}, but there are later ones.`);
  if (up === undefined || down === undefined) {
    throw new Error(`Migration ${labelOf({ number, name })} lacks its ${up === undefined ? 'up' : 'down'} file.`);
  }
  concurrentSteps(labelOf({ number, name }), up);
  concurrentSteps(labelOf({ number, name }), down);
  return { number, name, up, down, checksum: hash('sha256', up, 'hex') };
}

/** `0001_first_schema`, as files and operators name it. */
export function labelOf(migration: Pick<Migration, 'number' | 'name'>): string {
  return `${String(migration.number).padStart(4, '0')}_${migration.name}`;
}

/** Reads the numbered migrations: `NNNN_name.up.sql` and its `.down.sql`. */
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

/** The directory of the product's migrations. */
export const migrationsDirectory = new URL('../../../../migrations/', import.meta.url);

const fileName = /^(\d{4})_([a-z0-9_]+)\.(up|down)\.sql$/;

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
  return { number, name, up, down, checksum: hash('sha256', up, 'hex') };
}

/** `0001_first_schema`, as files and operators name it. */
export function labelOf(migration: Pick<Migration, 'number' | 'name'>): string {
  return `${String(migration.number).padStart(4, '0')}_${migration.name}`;
}

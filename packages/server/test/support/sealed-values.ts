/**
 * Opens every ciphertext in the database whose key still exists. The catalog lists the columns, and a ciphertext contains
 * the id of its key, so a new sealed column is included without a declaration. Tests of erasure search the result.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { type Database, type Statement, statement } from '#platform/database/index.ts';
import { contextOf, envelopeBytes, open, readKeyId } from '#platform/keys/envelope.ts';
import { type KeyRing, keyPurposes } from '#platform/keys/index.ts';

/** A ciphertext that could be opened. */
export interface OpenedValue {
  readonly table: string;
  readonly column: string;
  readonly row: string;
  readonly plaintext: Buffer;
}

interface Cell extends Omit<OpenedValue, 'plaintext'> {
  readonly ciphertext: Buffer;
  readonly keyId: string;
}

const listTables = statement('sealed_values.tables', {
  lane: 'pool',
  sql: `select c.relname::text as name, a.attname::text as key
    from pg_class c join pg_index i on i.indrelid = c.oid and i.indisprimary
      join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
    where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = current_schema()::regnamespace
    order by 1`,
  params: {},
  columns: { name: 'text?', key: 'text?' },
});

type ReadRows = Statement<Record<never, never>, { readonly row: 'text?' }>;

const readers = new Map<string, ReadRows>();

function readerOf(table: string): ReadRows {
  const existing = readers.get(table);
  if (existing !== undefined) return existing;
  const reader = statement(`sealed_values.rows_of_${table}`, {
    lane: 'pool',
    sql: `select to_jsonb(t)::text as row from "${table}" t`,
    params: {},
    columns: { row: 'text?' },
  });
  readers.set(table, reader);
  return reader;
}

/**
 * Opens every ciphertext with every key: data keys, and the keys that rows own.
 *
 * @throws AssertionFailed when the key of a ciphertext exists but does not open it for its table, column and row.
 */
async function openSealedValues(database: Database, keys: KeyRing): Promise<readonly OpenedValue[]> {
  await keys.refresh();
  const cells = await readCells(database);
  const underDataKeys = cells.flatMap((cell) => {
    const purpose = keyPurposes.find((name) => keys.knows(name, cell.keyId));
    return purpose === undefined ? [] : [{ ...cell, plaintext: keys.open(purpose, cell.ciphertext, cell) }];
  });
  const owned = new Map<string, KeyObject>(
    underDataKeys
      .filter(({ column }) => column.startsWith('wrapped'))
      .map(({ row, plaintext }) => [row, createSecretKey(plaintext)]),
  );
  const underOwnedKeys = cells.flatMap((cell) => {
    const key = owned.get(cell.keyId);
    return key === undefined
      ? []
      : [{ ...cell, plaintext: open({ id: cell.keyId, key }, cell.ciphertext, contextOf(cell)) }];
  });
  return [...underDataKeys, ...underOwnedKeys];
}

/** The sealed columns, `table.column`, in which one of `texts` can still be read. */
export async function sealedColumnsContaining(
  database: Database,
  keys: KeyRing,
  texts: readonly string[],
): Promise<readonly string[]> {
  const opened = await openSealedValues(database, keys);
  if (opened.length === 0) throw new Error('the database has no sealed value');
  const wanted = texts.map((text) => text.toLowerCase());
  const found = opened.filter(({ plaintext }) => {
    const text = plaintext.toString('utf8').toLowerCase();
    return wanted.some((one) => text.includes(one));
  });
  return [...new Set(found.map(({ table, column }) => `${table}.${column}`))].sort();
}

async function readCells(database: Database): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  for (const { name, key } of await database.rows(listTables, {})) {
    for (const { row: text } of await database.rows(readerOf(name ?? ''), {})) {
      const values = JSON.parse(text ?? '{}') as Record<string, unknown>;
      const row = String(values[key ?? '']);
      for (const [column, value] of Object.entries(values)) {
        for (const ciphertext of envelopesIn(value)) {
          cells.push({ table: name ?? '', column, row, ciphertext, keyId: readKeyId(ciphertext) });
        }
      }
    }
  }
  return cells;
}

/** The values in a cell that have the form of a ciphertext: as bytes, or in base64 within a text, JSON or the bytes of one. */
function envelopesIn(value: unknown): readonly Buffer[] {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (!text.startsWith('\\x')) return inText(text);
  const bytes = Buffer.from(text.slice(2), 'hex');
  return isEnvelope(bytes) ? [bytes] : inText(bytes.toString('utf8'));
}

function inText(text: string): readonly Buffer[] {
  const encoded = text.match(/[A-Za-z0-9+/_-]{60,}={0,2}/g) ?? [];
  return encoded.map((part) => Buffer.from(part, 'base64')).filter(isEnvelope);
}

function isEnvelope(bytes: Buffer): boolean {
  return bytes.length >= envelopeBytes && bytes[0] === 1;
}

/** What the database shows: that it answers, its schema, its clock, and the keys in it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '#config/index.ts';
import { listSigningKeys } from '#domain/signing-keys/index.ts';
import { systemClock } from '#kernel/clock.ts';
import {
  type Database,
  readServerFacts,
  type SchemaState,
  type ServerFacts,
  schemaState,
} from '#platform/database/index.ts';
import { kekOfDirectory, localKek, wrappingKeyIds } from '#platform/keys/index.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** Clocks further apart than the first are worth knowing; than the second, tokens are refused. */
const skewWarnMs = 1000;
const skewFailMs = 10_000;

/** A key in use for longer than this should be replaced. */
const maxKeyAgeDays = 90;

const dayMs = 24 * 60 * 60 * 1000;

/** Everything about an open database. */
export async function examineDatabase(config: Config, database: Database): Promise<Finding[]> {
  const askedAt = systemClock.now().getTime();
  const facts = await readServerFacts(database);
  const answeredAt = systemClock.now().getTime();
  const state = await schemaState(database);
  const found = [
    examineServer(database, facts),
    examineClock(facts, askedAt, answeredAt),
    examineSchema(config, state),
  ];
  if (state === 'empty') return found;
  return [...found, await examineKek(config, database), await examineSigningKeys(database)];
}

function examineServer(database: Database, { version }: ServerFacts): Finding {
  if (database.kind === 'postgres') return ok('database', `PostgreSQL ${version} answers.`);
  return warn(
    'database',
    `The embedded database (PostgreSQL ${version}) answers; it survives the death of the process, not of the machine.`,
    'Set DATABASE_URL where that matters; a dump is written to the backup folder of the data directory daily.',
  );
}

/**
 * The server read its clock at some time between asking and the answer; only what lies outside is a difference.
 * Milliseconds of our clock.
 */
export function examineClock({ at }: ServerFacts, askedAt: number, answeredAt: number): Finding {
  const serverMs = at.getTime();
  const skewMs = Math.max(askedAt - serverMs, serverMs - answeredAt, 0);
  const seconds = (skewMs / 1000).toFixed(1);
  const fix = 'Let NTP set the clocks of this machine and of the database server.';
  if (skewMs > skewFailMs) return fail('clock', `Our clock and the database's are ${seconds} s apart.`, fix);
  if (skewMs > skewWarnMs) return warn('clock', `Our clock and the database's are ${seconds} s apart.`, fix);
  return ok('clock', "Our clock and the database's agree.");
}

function examineSchema(config: Config, state: SchemaState): Finding {
  switch (state) {
    case 'current':
      return ok('schema', 'The schema is that of this release.');
    case 'ahead':
      return ok('schema', 'A later release has migrated the schema; this one runs on it.');
    case 'empty':
      return warn('schema', 'The database is empty.', 'The first start makes the schema; or run: latchkey migrate up');
    case 'behind': {
      const report = config.migrate === 'refuse' ? fail : warn;
      return report('schema', 'The schema is older than this release.', 'Run: latchkey migrate up');
    }
  }
}

/** Whether the key-encryption key that is configured, or lies in the data directory, is the one that wrapped the data keys. */
async function examineKek(config: Config, database: Database): Promise<Finding> {
  const part = 'key-encryption key';
  const wrappedBy = await wrappingKeyIds(database);
  const path = join(config.dataDirectory, 'kek');
  if (config.keys.kek === undefined && !existsSync(path)) {
    if (wrappedBy.length === 0) return ok(part, 'There is none; the first start makes one.');
    return fail(part, `There is none at ${path}, and the keys in the database need it.`, 'Restore it from your copy.');
  }
  const { id } = config.keys.kek ? localKek(config.keys.kek) : kekOfDirectory(config.dataDirectory);
  if (wrappedBy.every((other) => other === id)) return ok(part, `${id} opens the keys in the database.`);
  const fix = 'Give the key that this database was made with.';
  return fail(part, `${id} does not open the keys in the database, which ${wrappedBy.join(', ')} wrapped.`, fix);
}

async function examineSigningKeys(database: Database): Promise<Finding> {
  const active = (await listSigningKeys(database)).find(({ state }) => state === 'active');
  if (active === undefined) return ok('signing key', 'There is none; the first start makes one.');
  const since = active.activatedAt ?? active.createdAt;
  const days = Math.floor((systemClock.now().getTime() - since.getTime()) / dayMs);
  const finding = `${active.kid} (${active.algorithm}) signs since ${since.toISOString().slice(0, 10)}, ${days} days ago.`;
  return days > maxKeyAgeDays ? warn('signing key', finding, 'Run: latchkey keys rotate') : ok('signing key', finding);
}

/** Checks of the database: connection, clock, schema and keys. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '#config/index.ts';
import { otherRpId } from '#domain/passkeys/index.ts';
import { listSigningKeys } from '#domain/signing-keys/index.ts';
import { systemClock } from '#kernel/clock.ts';
import { describeSkew, maxSkewMs, provenSkewMs } from '#kernel/deployment-clock.ts';
import {
  type Database,
  type PostgresDatabase,
  readServerFacts,
  type SchemaState,
  type ServerFacts,
  schemaState,
} from '#platform/database/index.ts';
import { localKek, readKekOfDirectory, wrappingKeyIds } from '#platform/keys/index.ts';
import { relatedOrigins } from '#protocol/passkey-origin/index.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** An older signing key is a warning. */
const maxKeyAgeDays = 90;

const dayMs = 24 * 60 * 60 * 1000;

export async function examineDatabase(config: Config, database: Database): Promise<Finding[]> {
  const sentAt = systemClock.now().getTime();
  const facts = await readServerFacts(database);
  const receivedAt = systemClock.now().getTime();
  const state = await schemaState(database);
  const findings = [
    examineServer(database, facts),
    ...(await examineReplica(config, database)),
    examineClock(facts, sentAt, receivedAt),
    examineSchema(config, state),
  ];
  if (state === 'empty') return findings;
  const keys = [await examineKek(config, database), await examineSigningKeys(database)];
  // An older schema may have no passkeys.
  return state === 'behind' ? [...findings, ...keys] : [...findings, ...keys, await examinePasskeys(config, database)];
}

/** A standby that is away or lags slows nothing down and fails nothing, so it is a warning. */
async function examineReplica(config: Config, database: Database): Promise<Finding[]> {
  if (database.kind === 'embedded' || config.database.kind === 'embedded') return [];
  if (config.database.replicaServer === undefined) return [];
  const refusal = await (database as PostgresDatabase).findReplicaRefusal();
  if (refusal === undefined) return [ok('replica', 'The replica responds and follows the primary.')];
  const fix = 'Check DATABASE_REPLICA_URL, and that the standby is running. Lists are read from the primary meanwhile.';
  return [warn('replica', `The replica is not used: ${refusal}.`, fix)];
}

function examineServer(database: Database, { version }: ServerFacts): Finding {
  if (database.kind === 'postgres') return ok('database', `PostgreSQL ${version} responds.`);
  return warn(
    'database',
    `The embedded database (PostgreSQL ${version}) responds. It survives a crash of the process, but may lose data when the machine crashes.`,
    'Set DATABASE_URL for data that must survive. A daily dump is written to the backup folder of the data directory.',
  );
}

export function examineClock({ at }: ServerFacts, sentAt: number, receivedAt: number): Finding {
  const skewMs = provenSkewMs(at.getTime(), sentAt, receivedAt);
  if (Math.abs(skewMs) <= maxSkewMs) return ok('clock', 'The clocks of this machine and of the database agree.');
  return warn(
    'clock',
    `The clock of this machine is ${describeSkew(skewMs)} that of the database. Latchkey uses the time of the database.`,
    'Synchronize the clocks of this machine and of the database server with NTP.',
  );
}

function examineSchema(config: Config, state: SchemaState): Finding {
  // In development the start of the server creates and migrates the schema.
  const report = config.mode === 'production' ? fail : warn;
  switch (state) {
    case 'current':
      return ok('schema', 'The schema matches this release.');
    case 'ahead':
      return ok('schema', 'A later release has migrated the schema. This release can run on it.');
    case 'empty':
      return report('schema', 'The database is empty.', 'Run: latchkey migrate up');
    case 'behind':
      return report('schema', 'The schema is older than this release.', 'Run: latchkey migrate up');
    case 'foreign':
      return fail(
        'schema',
        'The schema is not that of this release, an earlier or a later one.',
        'Use the release that created the database, or an empty database.',
      );
  }
}

/** Checks that the KEK of the configuration or the data directory is the one that wrapped the data keys. */
async function examineKek(config: Config, database: Database): Promise<Finding> {
  const part = 'key-encryption key';
  const wrappedBy = await wrappingKeyIds(database);
  const path = join(config.dataDirectory, 'kek');
  if (config.keys.kek === undefined && !existsSync(path)) {
    if (wrappedBy.length === 0) return ok(part, 'There is none yet. The first start generates it.');
    return fail(
      part,
      `The keys in the database need ${path}, which does not exist.`,
      'Restore the file from your copy.',
    );
  }
  const { id } = config.keys.kek ? localKek(config.keys.kek) : readKekOfDirectory(config.dataDirectory);
  if (wrappedBy.every((other) => other === id)) return ok(part, `${id} fits the keys in the database.`);
  const fix = 'Set LATCHKEY_KEK to the key with which this database was created.';
  return fail(part, `${id} does not fit the keys in the database, which need ${wrappedBy.join(', ')}.`, fix);
}

async function examineSigningKeys(database: Database): Promise<Finding> {
  const active = (await listSigningKeys(database)).find(({ state }) => state === 'active');
  if (active === undefined) return ok('signing key', 'There is none yet. The first start generates it.');
  const since = active.activatedAt ?? active.createdAt;
  const days = Math.floor((systemClock.now().getTime() - since.getTime()) / dayMs);
  const finding = `${active.kid} (${active.algorithm}) has been active for ${days} days, since ${since.toISOString().slice(0, 10)}.`;
  return days > maxKeyAgeDays ? warn('signing key', finding, 'Run: latchkey keys rotate') : ok('signing key', finding);
}

/** Checks that the stored passkeys are of today's RP ID, and names the file that its host must serve. */
async function examinePasskeys({ passkeys, http }: Config, database: Database): Promise<Finding> {
  const part = 'passkeys';
  const { accepted, rpId, origins } = passkeys;
  if (accepted === 'off') return ok(part, 'They are off.');
  const other = await otherRpId(database, rpId ?? '');
  if (other !== undefined) {
    const now = rpId === undefined ? 'the public URL has no domain' : `the RP ID is ${rpId} now`;
    const fix = `Set LATCHKEY_PASSKEY_RP_ID=${other} again, or let users remove those passkeys and add new ones.`;
    return fail(part, `There are passkeys for ${other}, but ${now}: they do not work.`, fix);
  }
  if (rpId === undefined)
    return warn(part, 'There are none, because the public URL has no domain.', 'Set LATCHKEY_PUBLIC_URL.');
  const related = relatedOrigins(rpId, origins);
  if (related.length === 0 || new URL(http.publicUrl).hostname === rpId) return ok(part, `They are made for ${rpId}.`);
  const file = JSON.stringify({ origins: related });
  return ok(part, `They are made for ${rpId}, which must serve https://${rpId}/.well-known/webauthn: ${file}`);
}

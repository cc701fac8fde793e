/**
 * Identities that no user has and that wait in a browser: for an ordinary login that connects them, or for an email. Only the
 * browser that the provider sent can go on, and only it can decrypt the profile.
 */
import { z } from 'zod';
import { assert } from '#kernel/assert.ts';
import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { addSeconds } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import { keyOfSecret } from '#platform/keys/index.ts';
import { parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import type { BrowserSecret } from './provider-logins.ts';

/** Long enough to sign in, and shorter than the browser's secret. */
const pendingSeconds = 20 * 60;

/** Rows outlive their use by this, because the clocks of two nodes differ. */
const retentionSeconds = 60;

const profileSchema = z.strictObject({
  providerId: z.string(),
  email: z.string().nullable(),
  name: z.string().nullable(),
  strength: z.enum(['one', 'two']),
  continueTo: z.string().nullable(),
});

/** An identity that waits in this browser. */
export interface PendingIdentity extends z.infer<typeof profileSchema> {
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
}

const hold = statement('pending_identities.hold', {
  lane: 'pool',
  sql: `with replaced as (
      update pending_identities set consumed_at = :now where browser_hash = :browserHash and consumed_at is null)
    insert into pending_identities (id, browser_hash, issuer, subject, sealed_profile, created_at, expires_at)
    values (:id, :browserHash, :issuer, :subject, :sealedProfile, :now, :expiresAt)`,
  params: {
    id: 'uuid',
    browserHash: 'bytea',
    issuer: 'text',
    subject: 'text',
    sealedProfile: 'bytea',
    now: 'timestamptz',
    expiresAt: 'timestamptz',
  },
  columns: {},
});

const columns = { id: 'uuid', issuer: 'text', subject: 'text', sealedProfile: 'bytea' } as const;
const waiting = 'browser_hash = :browserHash and consumed_at is null and expires_at > :now';

const find = statement('pending_identities.find', {
  lane: 'read',
  sql: `select id, issuer, subject, sealed_profile from pending_identities where ${waiting} order by id desc limit 1`,
  params: { browserHash: 'bytea', now: 'timestamptz' },
  columns,
});

const consume = statement('pending_identities.consume', {
  lane: 'pool',
  sql: `update pending_identities set consumed_at = :now where id = :id and ${waiting}
    returning id, issuer, subject, sealed_profile`,
  params: { id: 'uuid', browserHash: 'bytea', now: 'timestamptz' },
  columns,
});

const deleteExpired = statement('pending_identities.delete_expired', {
  lane: 'pool',
  sql: `delete from pending_identities where id in (
    select id from pending_identities where expires_at <= :before order by expires_at limit :limit offset :skip)`,
  params: { before: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** Keeps an identity for this browser, in place of an earlier one. */
export async function holdIdentity(
  queries: Queries,
  makeId: MakeId,
  browser: BrowserSecret,
  { issuer, subject, ...profile }: Omit<PendingIdentity, 'id'>,
  now: Date,
): Promise<void> {
  const id = makeId();
  const sealedProfile = keyOf(id, browser).seal(JSON.stringify(profile), profileCell(id));
  const row = { id, browserHash: browser.hash, issuer, subject, sealedProfile };
  await queries.run(hold, { ...row, now, expiresAt: addSeconds(now, pendingSeconds) });
}

/** The identity that waits in this browser. */
export async function findPendingIdentity(
  queries: Queries,
  browser: BrowserSecret,
  now: Date,
): Promise<PendingIdentity | undefined> {
  const row = await queries.row(find, { browserHash: browser.hash, now });
  return row && open(browser, row);
}

/** Takes the identity, in the transaction of its effect: of concurrent calls exactly one gets it (invariant 1). */
export async function consumePendingIdentity(
  tx: Queries,
  browser: BrowserSecret,
  id: string,
  now: Date,
): Promise<PendingIdentity | undefined> {
  const row = await tx.row(consume, { id, browserHash: browser.hash, now });
  return row && open(browser, row);
}

/** Deletes expired identities, at most 10,000. Returns their number. */
export function deleteExpiredPendingIdentities(
  database: Database,
  now: Date,
  batch: Batch = wholeBatch,
): Promise<number> {
  return database.run(deleteExpired, { before: addSeconds(now, -retentionSeconds), ...batch });
}

interface StoredIdentity {
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  readonly sealedProfile: Buffer;
}

function open(browser: BrowserSecret, { id, issuer, subject, sealedProfile }: StoredIdentity): PendingIdentity {
  const profile = keyOf(id, browser).open(sealedProfile, profileCell(id)).toString('utf8');
  return { id, issuer, subject, ...profileSchema.parse(JSON.parse(profile)) };
}

function keyOf(id: string, { secret }: BrowserSecret) {
  const bytes = parseSecret(secretPrefixes.loginBrowser, secret);
  assert(bytes !== null, 'the secret of a browser was parsed before');
  return keyOfSecret(id, bytes, 'profile of a pending identity');
}

function profileCell(id: string) {
  return { table: 'pending_identities', column: 'sealed_profile', row: id };
}

/** Logins at a provider, from the request to the callback. */
import { randomBytes } from 'node:crypto';
import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { addSeconds } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { type Database, statement } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { hashSecret } from '#protocol/secret-token/index.ts';

/** Long enough to sign in at the provider, with a second factor there. */
const loginSeconds = 10 * 60;

/** Of a row whose callback never came, so that its table stays small. */
const retentionSeconds = 60 * 60;

/** The state, as we send it: 256 random bits. */
const stateForm = /^[\w-]{43}$/;

const insert = statement('provider_logins.begin', {
  lane: 'pool',
  sql: `insert into provider_logins (id, state_hash, key_id, provider_id, browser_hash, purpose, session_id, continue_to,
      invitation_id, created_at, expires_at)
    select :id, :stateHash, :keyId, p.id, :browserHash, :purpose, :sessionId, :continueTo, :invitationId, :now, :expiresAt
    from identity_providers p where p.id = :providerId and p.enabled
    returning id`,
  params: {
    id: 'uuid',
    stateHash: 'bytea',
    keyId: 'uuid',
    providerId: 'text',
    browserHash: 'bytea',
    purpose: 'text',
    sessionId: 'uuid?',
    continueTo: 'text?',
    invitationId: 'uuid?',
    now: 'timestamptz',
    expiresAt: 'timestamptz',
  },
  columns: { id: 'uuid' },
});

const take = statement('provider_logins.take', {
  lane: 'pool',
  sql: `update provider_logins l set consumed_at = :now
    where l.state_hash = :stateHash and l.provider_id = :providerId and l.browser_hash = :browserHash
      and l.consumed_at is null and l.expires_at > :now
      and exists (select from identity_providers p where p.id = l.provider_id and p.enabled)
    returning l.id, l.key_id, l.purpose, l.session_id, l.continue_to, l.invitation_id`,
  params: { stateHash: 'bytea', providerId: 'text', browserHash: 'bytea', now: 'timestamptz' },
  columns: {
    id: 'uuid',
    keyId: 'uuid',
    purpose: 'text',
    sessionId: 'uuid?',
    continueTo: 'text?',
    invitationId: 'uuid?',
  },
});

const deleteExpired = statement('provider_logins.delete_expired', {
  lane: 'pool',
  sql: `delete from provider_logins where id in (
    select id from provider_logins where expires_at <= :before order by expires_at limit :limit offset :skip)`,
  params: { before: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** The secret of the browser, and the hash of it that is stored. */
export interface BrowserSecret {
  readonly secret: string;
  readonly hash: Buffer;
}

/** Why the browser goes to the provider: to sign in, or so that a session links the identity. */
export type ProviderLoginPurpose =
  | { readonly purpose: 'login' }
  | { readonly purpose: 'link'; readonly sessionId: string };

/** A login at a provider that is about to begin. */
export type StartedProviderLogin = ProviderLoginPurpose & {
  readonly providerId: string;
  readonly browserHash: Buffer;
  /** The address that the login leads to; the caller has validated it. */
  readonly continueTo: string | undefined;
  /** The invitation that a new account is to accept; the caller has read its link. */
  readonly invitationId?: string | undefined;
  readonly now: Date;
};

/** The parameters of the request to the provider. None of them is stored. */
export interface ProviderLoginSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** The secrets, and the data key that they are computed with. */
export interface NewProviderLogin extends ProviderLoginSecrets {
  readonly keyId: string;
}

/** Computes the secrets of a login, for the request that is made before anything is stored. */
export function newProviderLogin(keys: LoginDeps['keys']): NewProviderLogin {
  const state = randomBytes(32).toString('base64url');
  const keyId = keys.currentKeyId('link');
  return { keyId, ...secretsOf(keys, state, keyId) };
}

interface LoginDeps {
  readonly database: Database;
  readonly keys: Pick<Keys, 'mac' | 'currentKeyId'>;
  readonly makeId: MakeId;
}

/** Stores a login that waits for its callback. False when the provider is disabled or was removed. */
export async function beginProviderLogin(
  { database, makeId }: Pick<LoginDeps, 'database' | 'makeId'>,
  { state, keyId }: NewProviderLogin,
  started: StartedProviderLogin,
): Promise<boolean> {
  const { providerId, browserHash, purpose, continueTo, invitationId, now } = started;
  const row = await database.row(insert, {
    id: makeId(),
    stateHash: hashSecret(state),
    keyId,
    providerId,
    browserHash,
    purpose,
    sessionId: started.purpose === 'link' ? started.sessionId : null,
    continueTo: continueTo ?? null,
    invitationId: invitationId ?? null,
    now,
    expiresAt: addSeconds(now, loginSeconds),
  });
  return row !== undefined;
}

function secretsOf(keys: Pick<Keys, 'mac'>, state: string, keyId: string): ProviderLoginSecrets {
  const compute = (use: string) => keys.mac('link', `${state}:provider_${use}`, keyId).toString('base64url');
  return { state, nonce: compute('nonce'), verifier: compute('verifier') };
}

/** A login whose callback arrived, once. */
export type TakenProviderLogin = ProviderLoginSecrets &
  ProviderLoginPurpose & {
    readonly id: string;
    readonly continueTo: string | null;
    /** Null also in the row of a node of an earlier release, which knows no invitations by provider. */
    readonly invitationId: string | null;
  };

/**
 * Takes the login of a callback, before any request leaves: of concurrent callbacks exactly one gets it. Undefined, and takes
 * nothing, for another browser or provider, and for a login that was taken, has expired, or whose provider is disabled.
 */
export async function takeProviderLogin(
  { database, keys }: Pick<LoginDeps, 'database' | 'keys'>,
  {
    state,
    providerId,
    browserHash,
    now,
  }: { readonly state: string; readonly providerId: string; readonly browserHash: Buffer; readonly now: Date },
): Promise<TakenProviderLogin | undefined> {
  if (!stateForm.test(state)) return undefined;
  const row = await database.row(take, { stateHash: hashSecret(state), providerId, browserHash, now });
  if (row === undefined) return undefined;
  const { id, keyId, sessionId, continueTo, invitationId } = row;
  const purpose = sessionId === null ? ({ purpose: 'login' } as const) : ({ purpose: 'link', sessionId } as const);
  return { id, continueTo, invitationId, ...purpose, ...secretsOf(keys, state, keyId) };
}

/** Deletes logins an hour after their end, at most 10,000. Returns their number. */
export function deleteExpiredProviderLogins(database: Database, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return database.run(deleteExpired, { before: addSeconds(now, -retentionSeconds), ...batch });
}

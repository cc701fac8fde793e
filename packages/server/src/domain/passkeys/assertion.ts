/** Verifying an assertion against the stored passkey, and using it once. */
import { spendNonce } from '#domain/used-nonces/index.ts';
import { Problem } from '#kernel/problem.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import {
  type AssertionProblem,
  type AuthenticationResponseJson,
  type ChallengeContext,
  type CoseAlgorithm,
  type ParsedAssertionResult,
  parseAssertion,
  type VerifiedChallenge,
  verifyAssertion,
} from '#protocol/webauthn/index.ts';
import { ceremonyOf, type PasskeySettings, relyingPartyOf } from './relying-party.ts';

const find = statement('passkeys.find', {
  lane: 'read',
  sql: `select id, user_id, rp_id, user_handle, public_key, algorithm, backup_eligible, verifies_user
    from passkeys where credential_id = :credentialId`,
  params: { credentialId: 'bytea' },
  columns: {
    id: 'uuid',
    userId: 'uuid',
    rpId: 'text',
    userHandle: 'bytea',
    publicKey: 'bytea',
    algorithm: 'int4',
    backupEligible: 'bool',
    verifiesUser: 'bool',
  },
});

const use = statement('passkeys.use', {
  lane: 'pool',
  // The locked row has the earlier backup state; RETURNING has the new one alone.
  sql: `with earlier as (select id, backed_up from passkeys where id = :id and user_id = :userId for update)
    update passkeys p set sign_count = :signCount, backed_up = :backedUp, last_used_at = :now
    from earlier e where p.id = :id and p.id = e.id and (p.suspended_at is null or not :isFirst)
      and (p.sign_count < :signCount or (p.sign_count = 0 and :signCount = 0))
    returning e.backed_up <> :backedUp as backup_changed`,
  params: {
    id: 'uuid',
    userId: 'uuid',
    signCount: 'int8',
    backedUp: 'bool',
    isFirst: 'bool',
    now: 'timestamptz',
  },
  columns: { backupChanged: 'bool' },
});

const findStuck = statement('passkeys.find_stuck', {
  lane: 'pool',
  sql: `select id from passkeys where id = :id and user_id = :userId and sign_count >= :signCount and sign_count > 0`,
  params: { id: 'uuid', userId: 'uuid', signCount: 'int8' },
  columns: { id: 'uuid' },
});

/** A passkey whose assertion was verified and is not used yet. */
export interface AssertedPasskey {
  readonly id: string;
  readonly userId: string;
  readonly signCount: number;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  /** The authenticator verified the user now, as it did at the registration. */
  readonly userVerified: boolean;
  readonly challenge: VerifiedChallenge;
}

export type AssertionOutcome =
  | { readonly kind: 'ok'; readonly passkey: AssertedPasskey }
  /** No passkey has this id, or it is of another user than `expectedUserId`. */
  | { readonly kind: 'unknown' }
  | {
      readonly kind: 'invalid';
      readonly reason: AssertionProblem | Extract<ParsedAssertionResult, { kind: 'invalid' }>['reason'];
      /** Undefined when the response was rejected before its passkey was read. */
      readonly userId: string | undefined;
    };

/** The ceremony that an assertion must be of. */
export interface ExpectedAssertion {
  readonly context: ChallengeContext;
  /** Undefined for a first factor, which names its user by itself. */
  readonly expectedUserId: string | undefined;
  readonly now: Date;
}

/** Dependencies of a verification. */
export interface VerifyPasskey {
  readonly database: Database;
  readonly keys: Keys;
  readonly passkeys: PasskeySettings;
}

/**
 * Verifies an assertion (WebAuthn L3 §7.2), outside any transaction. A first factor must verify the user and name them by
 * the user handle.
 *
 * @throws Problem `passkeys_unavailable`.
 */
export async function verifyPasskey(
  deps: VerifyPasskey,
  response: AuthenticationResponseJson,
  { context, expectedUserId, now }: ExpectedAssertion,
): Promise<AssertionOutcome> {
  relyingPartyOf(deps.passkeys);
  const parsed = parseAssertion(response, ceremonyOf(deps, context, now));
  if (parsed.kind === 'invalid') return { ...parsed, userId: undefined };
  const { credentialId, challenge } = parsed.assertion;
  const stored = await deps.database.row(find, { credentialId });
  if (stored === undefined || (expectedUserId ?? stored.userId) !== stored.userId) return { kind: 'unknown' };
  const { id, userId, backupEligible, verifiesUser } = stored;
  const isFirst = expectedUserId === undefined;
  const verified = verifyAssertion(parsed.assertion, {
    ...stored,
    algorithm: stored.algorithm as CoseAlgorithm,
    requireUserVerification: isFirst,
    requireUserHandle: isFirst,
  });
  if (verified.kind === 'invalid') return { ...verified, userId };
  const { signCount, backedUp } = verified;
  const userVerified = verified.userVerified && verifiesUser;
  return { kind: 'ok', passkey: { id, userId, signCount, backupEligible, backedUp, userVerified, challenge } };
}

/**
 * The counter of a passkey did not grow (WebAuthn L3 §6.1.1): a clone, or a fault of the authenticator. Thrown inside the
 * transaction, which it rolls back; the gate then records the event and mails the user. The passkey stays.
 */
export class StuckCounter extends Problem {
  readonly passkeyId: string;

  constructor(passkeyId: string) {
    super('invalid_passkey', { log: 'the counter of the passkey did not grow' });
    this.passkeyId = passkeyId;
  }
}

/** How an assertion is used. */
export interface AssertionUse {
  /** Whether the login begins with it. */
  readonly isFirst: boolean;
  readonly now: Date;
  /** Called in the transaction when the passkey is synced since its last use, or no longer (WebAuthn L3 §6.1.3). */
  readonly onBackupChange: (change: { readonly passkeyId: string; readonly backedUp: boolean }) => Promise<void>;
}

/**
 * Uses an assertion, in the transaction of its effect: spends the challenge, then compares and stores the counter. Returns
 * false when the challenge was spent before, the passkey is gone, or it is suspended and is the first factor; the caller
 * rolls back.
 *
 * @throws StuckCounter
 */
export async function consumeAssertion(
  tx: Queries,
  { id, userId, signCount, backedUp, challenge }: AssertedPasskey,
  { isFirst, now, onBackupChange }: AssertionUse,
): Promise<boolean> {
  const nonce = { hash: challenge.nonceHash, expiresAt: challenge.expiresAt };
  const [isFresh, used] = await Promise.all([
    spendNonce(tx, 'ceremony', nonce),
    tx.row(use, { id, userId, signCount, backedUp, isFirst, now }),
  ]);
  if (!isFresh) return false;
  if (used?.backupChanged === true) await onBackupChange({ passkeyId: id, backedUp });
  if (used !== undefined) return true;
  if ((await tx.row(findStuck, { id, userId, signCount })) !== undefined) throw new StuckCounter(id);
  return false;
}

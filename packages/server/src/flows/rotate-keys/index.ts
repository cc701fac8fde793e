/**
 * Rotation of signing keys and data keys, and revocation of a signing key. Called by the command line; owns no routes and no
 * tables.
 *
 * Every rotation and revocation commits with its audit event.
 */
import type { AuditActor, AuditLog } from '#domain/audit/index.ts';
import type { KeyRevocation, Rotation, SigningKeys } from '#domain/signing-keys/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { KeyPurpose, KeyRing } from '#platform/keys/index.ts';

export interface RotateKeys {
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly signingKeys: SigningKeys;
  readonly audit: AuditLog;
}

/**
 * Activates the next signing key and retires the active one.
 * `immediately` skips the wait until every cache of the JWK Set contains the next key. In both cases the retired key
 * verifies until its last token expires; `revokeSigningKey` is for a leaked key.
 */
export function rotateSigningKey(flow: RotateKeys, actor: AuditActor, immediately: boolean): Promise<Rotation> {
  return flow.signingKeys.rotate({
    immediately,
    record: async (tx, { kid, retiredKid }) => {
      await flow.audit.record(tx, {
        action: 'signing_key.rotated',
        at: flow.clock.now(),
        actor,
        facts: { kid, retiredKid, immediately },
      });
    },
  });
}

/**
 * Revokes a signing key that may have leaked: this process rejects its tokens at once, every other node within one second.
 * Sessions and refresh tokens stay valid, so that clients get new access tokens by a refresh.
 */
export function revokeSigningKey(flow: RotateKeys, actor: AuditActor, kid: string): Promise<KeyRevocation> {
  return flow.signingKeys.revoke({
    kid,
    record: async (tx, revoked) => {
      await flow.audit.record(tx, {
        action: 'signing_key.revoked',
        at: flow.clock.now(),
        actor,
        facts: { ...revoked },
      });
    },
  });
}

/** Creates a new data key for a purpose. The old key still decrypts what it encrypted. */
export function rotateDataKey(
  flow: RotateKeys,
  actor: AuditActor,
  purpose: KeyPurpose,
): Promise<'rotated' | 'already_rotated'> {
  return flow.keys.rotateDataKey(purpose, async (tx, keyId) => {
    await flow.audit.record(tx, {
      action: 'data_key.rotated',
      at: flow.clock.now(),
      actor,
      facts: { purpose, keyId },
    });
  });
}

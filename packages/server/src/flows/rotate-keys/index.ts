/**
 * Rotating keys, the ones that sign tokens and the data keys, and revoking one that signs. Owns no endpoint; the command
 * line calls it. Every rotation and revocation commits with its audit event.
 */
import type { AuditActor, AuditLog } from '#domain/audit/index.ts';
import type { KeyRevocation, Rotation, SigningKeys } from '#domain/signing-keys/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { KeyPurpose, KeyRing } from '#platform/keys/index.ts';

/** What rotating keys needs. */
export interface RotateKeys {
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly signingKeys: SigningKeys;
  readonly audit: AuditLog;
}

/**
 * Activates the next signing key and retires the active one.
 * `immediately` does not wait until every cache has the next one. The retired one verifies until its last token ends in
 * either case; for a key that leaked there is `revokeSigningKey`.
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
 * Ends a signing key whose private half others may know: what it signed is refused here at once and on every other node
 * within a second. Sessions and refresh tokens live on, so that people get new access tokens without noticing.
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

/** Makes a new data key for a purpose; what the old one sealed stays readable. */
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

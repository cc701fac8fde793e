/**
 * Passkeys and security keys (W3C Web Authentication Level 3). Owns `passkeys`; no routes.
 *
 * Invariants:
 * - Nothing is stored when a challenge is issued. It is bound to its purpose and to the browser, ticket or session that
 *   requested it, and spent in the transaction of its effect (invariant 1).
 * - The counter is compared by the statement that stores it, so that of an authenticator and its clone one is rejected.
 * - Verification of the user counts only for a passkey that was registered with it. Anyone who finds a key without a PIN
 *   can set one.
 * - A suspended passkey is a second factor, and no first one.
 * - A user has at most twenty, all under one random handle.
 *
 * For example, a login: a browser gets the challenge `c`, bound to its cookie; the passkey signs `c` with counter 8:
 *
 *     verifyPasskey      MAC and origin of c → row of the credential → signature, flags, user handle
 *     consumeAssertion   insert hash(c) into used_nonces → update … set sign_count = 8 where sign_count < 8
 *
 * Must not decide what an assertion leads to: the gate (`domain/authentication`) does.
 */
export {
  type AssertedPasskey,
  type AssertionOutcome,
  type AssertionUse,
  consumeAssertion,
  StuckCounter,
  type VerifyPasskey,
  verifyPasskey,
} from './assertion.ts';
export { assertionOptions } from './options.ts';
export {
  type PasskeyKind,
  registrationOptions,
  storeRegistered,
  userHandleOf,
  verifyRegistered,
} from './registration.ts';
export { acceptsPasskeys, type PasskeySettings } from './relying-party.ts';
export {
  addPasskey,
  changePasskey,
  deletePasskey,
  deletePasskeys,
  listPasskeys,
  maxPasskeys,
  otherRpId,
  type Passkey,
  suspendPasskeys,
} from './stored.ts';

/**
 * The rules about a user's second factors together: who needs one, how one is set up, and their end. Owns no table: each
 * factor's rows belong to its module.
 *
 * Invariants:
 * - A user whose last second factor ends has no recovery codes, and two factors turned off, so that no login asks for
 *   what nobody has. Only where the deployment requires two factors of a role they stay on: the next login sets one up.
 * - Two factors of a user with such a role are on in `users.mfa_enabled`, so that the trigger of the database holds on
 *   nodes of an earlier release, which do not know the rule.
 */
export { endSecondFactors, endWithLastFactor, hasSecondFactor, type SecondFactorEnd } from './end.ts';
export {
  beginTotp,
  compareFirstCode,
  type Enrollment,
  type TotpEnrollment,
  turnTotpOn,
} from './enroll-totp.ts';
export { type RoleChange, requireForRole, waiveForRole } from './role-change.ts';
export { isRequiredOf, isSecondFactorRequired, type SecondFactorRule } from './rule.ts';

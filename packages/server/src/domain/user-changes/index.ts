/**
 * Changes of a user that revoke what was issued before. `changeUser` is the one sequence for all of them but register,
 * login, refresh and logout, which are single statements. Owns no table and no routes: the rows belong to `users`,
 * `sessions`, `one_time_tokens`, `attempt_counters`, `audit_events` and `mail_ledger`; this module owns the order in
 * which one transaction writes them.
 *
 * For example, a change of password of user u1 (epoch 4) by session s1, while s2 exists too:
 *
 *     lock u1 → s1 is active → set the password → epoch 5, revocation (user, u1, 5)
 *       → end s1 and s2, a revocation each; insert s3 on the device of s1 → delete the counters of failed attempts
 *       → event password.changed → mail password_changed
 *
 * Invariants:
 * - The user's row is locked first, so two changes of a user run one after the other, and conditions hold until the commit.
 * - A change that does not apply throws, so that the transaction also undoes what its caller wrote before.
 * - The database layer publishes the revocations and wakes the workers after the commit (`after` of the statements).
 *
 * Must not await anything but statements of the transaction.
 */
export {
  type ChangedUser,
  changeUser,
  type SessionEffect,
  type UserChange,
  type UserChangeDeps,
} from './change-user.ts';
export { type ChangeCondition, lockUser, UnchangedUser, unlessUnchanged } from './lock-user.ts';

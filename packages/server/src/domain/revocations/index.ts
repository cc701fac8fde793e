/**
 * The revocation feed (invariant 17). Owns `revocations`: one row for each session, epoch of a user and signing key
 * that was revoked before its expiry, inserted by the statement of the effect. No routes.
 *
 * For example, user u logs out of session s on node A while node B remembers it:
 *
 *  t = 0 ms     A: sessions.end inserts (id 41, session, s, expires_at = now + 3660 s) and commits
 *       0 ms     A: publish({ session, s }): A rejects s before it responds to the logout
 *     180 ms     B: reads ids from 41 on, learns of s, rejects it from now on
 *     430 ms     B: reads ids from 42 on
 *
 * Ids are assigned in order, but commit in any order. When B sees id 43 before 42, it reads 42 again with each read for
 * 30 s, because the transaction that has 42 may still be open.
 *
 * After a restore or a failover the same ids are assigned again. The feed notices another server, table, incarnation or a
 * smaller id, and starts a new generation, in which everything is read again (ADR 0034).
 *
 * Invariants:
 * - Every node reads new rows every 250 ms, and missing ids for 30 s.
 * - A node trusts what it remembers of a session for one second after the start of its last successful read, by the
 *   monotonic clock, and checks that at each use. Otherwise it reads PostgreSQL.
 * - A row outlives every access token and every remembered session that it revokes: one hour and a margin of 60 s.
 */

export { Revocations } from './feed.ts';
export { rememberedSeconds, revocationsFragment } from './fragment.ts';
export { type CheckedAccess, type Revocation, RevocationSet } from './revocation-set.ts';

/**
 * Sessions. Owns `sessions`; no routes.
 *
 * Invariants:
 * - A session carries its user's epoch and is invalid under a later one.
 * - The statement that ends a session ends its refresh families and inserts a revocation.
 * - This process trusts what it remembers of a session only while the revocation feed is fresh, and at most five
 *   minutes.
 */

export {
  type CheckedSession,
  type CheckedToken,
  type CredentialRefusal,
  type Presented,
  SessionCheck,
} from './check.ts';
export {
  type EndReason,
  endExcessSessions,
  endSession,
  endSessionsOfUser,
  nearSessionLimit,
} from './end.ts';
export { LastSeen } from './last-seen.ts';
export { type ListedSession, listSessions, type SessionPosition } from './list.ts';
export { LastClients, moveSession } from './move.ts';
export {
  type ActiveSession,
  insertSessionFragment,
  openClientInfo,
  sealClientInfo,
  sessionIsActive,
} from './session.ts';
export { summarizeSessions } from './summary.ts';
export { deleteEndedSessions, deleteExpiredSessions, IdleSessions } from './sweep.ts';

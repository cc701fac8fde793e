/**
 * Sessions. Owns `sessions`.
 * Invariants: a session carries its user's epoch and dies by comparison; ending one ends its refresh families and
 * announces an ending in the same statement; what this process remembers of a session is believed only while the
 * revocation feed is fresh, and never longer than five minutes.
 */

export { type CheckedSession, type CheckedToken, type Presented, SessionCheck } from './check.ts';
export { type EndReason, endFamiliesFragment, endSession, endSessionsOfUser } from './end.ts';
export { LastSeen } from './last-seen.ts';
export { type ListedSession, listSessions } from './list.ts';
export { hasMoved, moveSession } from './move.ts';
export {
  type ActiveSession,
  insertSessionFragment,
  openClientInfo,
  sealClientInfo,
  sessionIsActive,
} from './session.ts';
export { summarizeSessions } from './summary.ts';
export { deleteEndedSessions } from './sweep.ts';

/**
 * A login in progress, which is not a session (invariant 3). Owns `logins` (tickets for logins that need a further
 * step).
 * Invariants: `nextStep` alone decides what a login still needs, for every way in; no session row, cookie, token or
 * cache entry exists before it says `done`; a ticket is used once, by one UPDATE, and dies after ten minutes or with its
 * user's epoch.
 */
export {
  type Candidate,
  candidateColumns,
  candidateFields,
  candidateParams,
  candidateSql,
  findCandidate,
  isGracePeriodOver,
  toCandidate,
} from './candidate.ts';
export { completeLogin, type LoginCompletion } from './complete.ts';
export { type LoginSubject, loginFacts, stepOfLogin } from './facts.ts';
export { type LoginFacts, type LoginStep, nextStep, type ProvenFactor } from './next-step.ts';
export type { LoginResult } from './result.ts';
export {
  consumeTicket,
  deleteExpiredTickets,
  findTicket,
  issueTicket,
  type LoginInProgress,
  type Ticket,
  ticketLifetimeSeconds,
} from './tickets.ts';

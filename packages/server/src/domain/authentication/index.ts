/**
 * The gate: the one module that turns a proof into a session. Owns `logins` (tickets of logins that need a further step);
 * no routes.
 *
 * A flow compares a proof (a password against its hash, a link against its browser) and passes it on. The gate decides
 * what is missing, consumes the proof, writes the session or the ticket, and records the event. For example, a right
 * password of a user whose deletion is pending:
 *
 *     startLogin(gate, { by: 'password', candidate, … }, { transport: 'token', … }, requester)
 *       decide             status pending_deletion → nextStep: cancel_deletion
 *       transaction        lock user → delete counter `password` → insert ticket → event login.step_required
 *       returns            { kind: 'step_required', step: 'cancel_deletion', ticket: { text: 'lk_lt_…', expiresAt } }
 *
 * A further proof continues the login of a ticket (`continueLogin`), or renews a live session (`stepUp`).
 *
 * Invariants:
 * - A login in progress is not a session (invariant 3): no session row, cookie, token or cache entry exists before
 *   `nextStep` returns `done`.
 * - The gate computes `acr`, `amr` and factor times from the proofs. No parameter carries them.
 * - The facts of a decision are read in one way, by `candidateSql`, for every login method and every ticket.
 * - A fact that can turn stricter raises the user's epoch or is read again: `login.complete` compares only the epoch.
 * - A ticket is consumed by one UPDATE, only for its own user, and only in the browser that a page issued it to; it expires after ten minutes or with the user's epoch.
 * - The ticket of a sign-up is of no user until its registration is confirmed (`sign-up-tickets.ts`).
 *
 * Must not export the functions that write sessions and tickets (ADR 0024), nor hash, send mail or make a request inside
 * a transaction.
 */
export {
  type Candidate,
  candidateColumns,
  candidateFields,
  candidateParams,
  candidateSql,
  findCandidate,
  toCandidate,
} from './candidate.ts';
export { type ComparedPasskey, comparePasskey } from './compare-passkey.ts';
export { compareSecondFactor, type TypedSecondFactor } from './compare-second-factor.ts';
export { recordRejectedLogin } from './complete.ts';
export { completeSignUp, type SignUpCompletion } from './complete-sign-up.ts';
export {
  completeStep,
  continueLogin,
  type FurtherOptions,
  type LoginGate,
  type LoginOptions,
  type LoginResult,
  startLogin,
} from './decide.ts';
export { browserSecretSeconds, newBrowser, type RequestingBrowser, readBrowser } from './login-browser.ts';
export {
  bindingToSession,
  bindingToTicket,
  compareMailboxCode,
  type MailboxCodes,
  mailboxCodeSeconds,
  sendMailboxCode,
} from './mailbox-code.ts';
export type { SecondFactorKind, TicketStep } from './next-step.ts';
export { contextWithProof, type Proof, type ProviderStrength, type Rehash } from './proofs.ts';
export { asksForPassword, type RecentProof, type RecentProofDeps, requireRecentProof } from './recent-proof.ts';
export { type ReservedGuess, reserveSecondFactor, reserveSecondFactorOfUser } from './second-factor-guess.ts';
export { secondFactorFields, totpCodeInput, typedSecondFactor } from './second-factor-input.ts';
export { type ShownLogin, showLogin } from './show-login.ts';
export {
  confirmSignUp,
  findSignUp,
  type NewSignUpTicket,
  newSignUpTicket,
  resendSeconds,
  reserveResend,
  type SignUp,
  type SignUpOptions,
  type SignUpProof,
  type SignUpTicket,
  signUpTicketFragment,
} from './sign-up-tickets.ts';
export { type StepUpFactor, type StepUpProof, stepUp, stepUpFactors } from './step-up.ts';
export { findStep, startBySetupLink, takeStep } from './ticket-steps.ts';
export { deleteExpiredTickets, findTicketUser, type PresentedTicket } from './tickets.ts';

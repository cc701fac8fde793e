/**
 * Registrations that wait for their link to be pressed (invariant 18). Owns no table: a registration is what its link
 * carries, sealed in the row of the one-time token.
 * Invariants: a further link changes nothing but itself; a link sets the password and name it was made with and no
 * other; a link that carries none asks for a password, because nobody can know whose registration it continues; what
 * nobody confirmed loses its address to whoever proves it.
 */

export { RegistrationHook, type RegistrationHookSettings } from './hook.ts';
export { addVerificationLink, linkValues } from './link.ts';
export { openRegistration, type PendingRegistration } from './pending.ts';
export { supersedeRegistration } from './superseded.ts';
export { createVerifiedUser, type VerifiedUser } from './verified-user.ts';

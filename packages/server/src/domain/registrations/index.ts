/**
 * Registrations, from the request to the verified address (invariant 18). Owns `applicant_keys`; no routes.
 *
 * A pending registration has no row of its own: its password hash or identity, and its name, are the encrypted payload of a
 * verification link, in a row of `one_time_tokens`. This is a module nevertheless, because `domain/mail-requests` and several flows
 * need the same rules, and because its statements compose fragments of identifiers, users, passwords, tokens, mail and
 * audit. No owner of these tables can import the others without a cycle.
 *
 * Invariants:
 * - Registering an unverified address again adds a link and changes nothing else.
 * - A link sets the password, or links the identity, and sets the name of its own registration; an unverified user has no
 *   identity. A link without a payload lets its user choose a password,
 *   because it cannot be known which registration it continues.
 * - When the address is verified, whatever another registration of it left is erased: name, locale, spelling, and the texts
 *   in its links and mails.
 * - The first user to prove an address takes it over from an unverified registration, which is deleted.
 * - The registration hook runs before a user is created and outside of transactions. An applicant whom it does not admit has
 *   a key, which encrypts the address in the audit log and is deleted when the user of the address is erased.
 *
 * Example: Eve registers `ada@x.example` with her own password (link 1), then Ada does (link 2). Opening link 2 sets
 * Ada's password and name and revokes link 1. Eve cannot log in, since neither link was sent to her.
 */
export { HolderChanged, retryWithHolder } from './address-holder.ts';
export { deleteExpiredApplicantKeys, eraseApplicantKeys } from './applicants.ts';
export { RegistrationHook, type RegistrationHookSettings } from './hook.ts';
export { createInvitedUser, type InvitedUser } from './invited-user.ts';
export { addVerificationLink } from './link.ts';
export { type CarriedIdentity, openRegistration, type PendingRegistration } from './pending.ts';
export { proveRegistration } from './prove.ts';
export { supersedeRegistration } from './superseded.ts';
export { createVerifiedUser, type VerifiedUser } from './verified-user.ts';
export {
  type AddressHolder,
  findAddressHolder,
  type NewRegistration,
  type RegistrationWriter,
  type WrittenRegistration,
  writeRegistration,
} from './write.ts';

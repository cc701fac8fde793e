/**
 * The operator's own say in who may register: one question to one URL, before anything is read, hashed or written.
 * Owns no table.
 * Invariants: it is asked for every address alike, whoever has it, so that its refusal tells nothing about users; only an
 * answer that says yes in so many words is a yes; what it says reaches the audit log and never the person; being
 * overloaded ourselves is never taken for its being down, or a flood would open what `allow` leaves open.
 */
export { RegistrationHook, type RegistrationHookSettings } from './hook.ts';

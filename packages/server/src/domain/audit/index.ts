/**
 * The audit log. Owns `audit_events` (and `audit_index`, `audit_leaves`, which sealing will fill).
 * Invariants: an event commits with the effect it tells of; it is stored as the exact bytes that will be hashed (RFC
 * 8785 JSON), and never changed or deleted (triggers and grants forbid it); whatever is personal stands inside those
 * bytes as ciphertext under the key of the person it describes, or under the month's key when it describes nobody we
 * know, so that erasing a person changes no byte.
 */
export type { AuditAction, AuditActor, AuditEvent } from './event.ts';
export { AuditLog, type AuditValues, isUnrecorded, recordFragment, recordSessionFragment } from './record.ts';

/**
 * The audit log. Owns `audit_events`, and `audit_index` and `audit_leaves`, which nothing fills yet; no routes.
 *
 * Invariants:
 * - An event commits with its effect.
 * - `body` holds the exact bytes that sealing will hash, as canonical JSON (RFC 8785). The other columns repeat parts of
 *   it for filtering.
 * - Events are never updated or deleted: triggers and the grants of the serving role reject it.
 * - Each month has a partition. An event whose id belongs to no partition goes to the default one, so no clock fails an
 *   effect. The job `audit.attach_partitions` is the only DDL of a server.
 * - Personal data is ciphertext within the body, under the key of the user, invitation or applicant that it describes. The
 *   address and user agent of a requester without a user are under a key of the month, which is destroyed after a year. Destroying the key erases the data without changing a byte of the log.
 *
 * Must not contain secrets (invariant 16). Frequent events without a security decision, such as session checks and
 * refreshes, are not recorded.
 *
 * Example of a body: `{"action":"login.failed","actor":{"kind":"anonymous"},"at":"2030-01-01T00:00:00.000Z",
 * "facts":{"reason":"invalid_credentials"},"id":"0197…","personal":{"key":"2030-01","sealed":"q7Jf…"},"v":1}`
 */
export type { AuditAction, AuditActor, AuditEvent } from './event.ts';
export { attachPartitions, partitionHandler, partitionSchedule } from './partitions.ts';
export { AuditLog, type AuditValues, isUnrecorded, recordFragment } from './record.ts';

/**
 * The revocation feed (invariant 17). Owns `endings`: one row for whatever ended before its time, inserted in the effect's
 * own statement.
 * Invariants: every node reads new rows every 250 ms and reads an overlap of 30 s again, since commits are not in the
 * order of ids; what a node remembers about a session is believed only for one second after the start of its last
 * successful read, by the monotonic clock, asked at each use; a row outlives every token and every remembered session
 * that it concerns.
 */

export { Revocations } from './feed.ts';
export { rememberedSeconds, revocationsFragment } from './fragment.ts';
export { type CheckedAccess, type Revocation, RevocationSet } from './revocation-set.ts';

/**
 * What goes wrong between us and the database, sorted into what the caller can do about it.
 * A lost connection means that the outcome is unknown, never that it failed: the server may have committed before the
 * answer was lost. That leaves here as `Problem('outcome_unknown')`, so no caller has to translate it.
 */
import { Problem } from '#kernel/problem.ts';

/** What a database says about a failure; PGlite brings its own class for it, so the members decide. */
interface ServerError extends Error {
  readonly severity: string;
  readonly code: string;
  readonly constraint?: string;
}

function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string';
}

/** SQLSTATE of an error that the server answered; undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  return isServerError(error) ? error.code : undefined;
}

/** Whether a row was refused because another with the same key exists; optionally by this constraint or index. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (!isServerError(error) || error.code !== '23505') return false;
  return constraint === undefined || error.constraint === constraint;
}

/** A lock was not granted within `lock_timeout`. The statement had no effect. */
export function isLockTimeout(error: unknown): boolean {
  return sqlState(error) === '55P03';
}

const foreignKeyViolation = '23503';

/**
 * What had no effect and may simply be run again:
 * a deadlock's victim; a serialisation failure; a reference to a row that was deleted after the statement had looked,
 * which then finds the row gone; and a prepared statement that does not exist. The last one comes of pipelining: who
 * sends a statement right behind its first use on a connection relies on a preparation that may still fail, as it does
 * when that first use waits too long.
 */
const transient: ReadonlySet<unknown> = new Set(['40P01', '40001', foreignKeyViolation, '26000']);

/** Whether the statement had no effect and may simply be run again. */
export function isTransient(error: unknown): boolean {
  return transient.has(sqlState(error));
}

/** With these the server ends the session: class 08, shutdowns (57P0x), idle in transaction for too long (25P03). */
const sessionEnded = /^(08...|57P0[1-5]|25P03)$/;

/** pg has no codes for these: the client is over, or gave up waiting for an answer. */
const goneWords = /^(Query read timeout|Connection terminated|Client (has encountered|was closed).*not queryable)/;

/** Whether this error says that the connection is over: the server's by its code or severity, the driver's by its words. */
export function endsSession(error: unknown): boolean {
  if (!isServerError(error)) return error instanceof Error && goneWords.test(error.message);
  return sessionEnded.test(error.code) || error.severity === 'FATAL' || error.severity === 'PANIC';
}

/** Thrown inside this module only: the connection went away while a statement was on it. */
export class ConnectionLost extends Error {
  override name = 'ConnectionLost';
}

/** A server that we do not run on; the message is a sentence for the operator. */
export class UnfitServer extends Error {
  override name = 'UnfitServer';
}

/** The refusal when an effect may or may not have happened. */
export function outcomeUnknown(what: string, cause: unknown): Problem {
  return new Problem('outcome_unknown', { log: `the connection was lost during ${what}`, cause });
}

/** The refusal when the database cannot be reached; nothing happened. */
export function unavailable(what: string, cause?: unknown): Problem {
  return new Problem('unavailable', { log: what, cause, retryAfterSeconds: 1 });
}

/** The refusal when the database has more to do than it can; nothing happened. */
export function busy(what: string, cause?: unknown): Problem {
  return new Problem('busy', { log: what, cause, retryAfterSeconds: 1 });
}

/** What a caller gets for an error of a statement or transaction that certainly had no effect. */
export function refusalOf(name: string, error: unknown): unknown {
  if (isLockTimeout(error)) return busy(`"${name}" waited too long for a lock`, error);
  // A reference that is wrong again and again is a bug of ours, and is told as one.
  if (isTransient(error) && sqlState(error) !== foreignKeyViolation)
    return busy(`"${name}" lost to other transactions again and again`, error);
  if (sqlState(error) === '57014') return busy(`"${name}" ran into statement_timeout`, error);
  return error;
}

/**
 * Errors of the database, classified by how a caller can react.
 * A lost connection means that the outcome is unknown, never that the statement failed: the server may have committed
 * before the response was lost. It leaves this module as `Problem('outcome_unknown')`, so callers need not translate
 * it.
 */
import { Problem } from '#kernel/problem.ts';

/** A server's error. PGlite has a class of its own for it, so its members decide. */
interface ServerError extends Error {
  readonly severity: string;
  readonly code: string;
  readonly constraint?: string;
}

function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string';
}

/** The SQLSTATE of a server's error; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  return isServerError(error) ? error.code : undefined;
}

/** Whether a row with the same key exists; optionally only for this constraint or index. */
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
 * Errors of statements that had no effect and can run again: the victim of a deadlock; a serialization failure; a
 * reference to a row that was deleted after the statement read it, and that the next run finds deleted; a missing
 * prepared statement; and a partition that was attached. The missing statement is a result of pipelining: a statement that
 * is sent right behind its first use relies on a preparation that can still fail, as it does when the first use waits too
 * long.
 */
const transient: ReadonlySet<unknown> = new Set(['40P01', '40001', foreignKeyViolation, '26000']);

/** Whether the statement had no effect and can run again. */
export function isTransient(error: unknown): boolean {
  return transient.has(sqlState(error)) || missedPartition(error);
}

/**
 * Whether the row was routed to the default partition before another transaction attached the partition of its month. Of the
 * check violations only those of a partition name no constraint.
 */
function missedPartition(error: unknown): boolean {
  return isServerError(error) && error.code === '23514' && error.constraint === undefined;
}

/** The server closes the session with these: class 08, shutdowns (57P0x), idle in transaction for too long (25P03). */
const sessionEnded = /^(08...|57P0[1-5]|25P03)$/;

/** pg has no codes for a client that has ended or timed out. */
const clientHasEnded = /^(Query read timeout|Connection terminated|Client (has encountered|was closed).*not queryable)/;

/** Whether the connection has ended: the server's errors by code or severity, the driver's by their message. */
export function endsSession(error: unknown): boolean {
  if (!isServerError(error)) return error instanceof Error && clientHasEnded.test(error.message);
  return sessionEnded.test(error.code) || error.severity === 'FATAL' || error.severity === 'PANIC';
}

/** A write on a server that is read-only: a standby, a demoted primary, or `default_transaction_read_only`. */
export function isReadOnly(error: unknown): boolean {
  return sqlState(error) === '25006' || error instanceof ReadOnlyServer;
}

/** Out of resources (class 53), shutting down or starting (57P0x), errors of its disk (class 58), lost peers (08). */
const refusals = /^(53...|57P0[0-5]|58...|08...)$/;

/**
 * Whether the server refuses statements for a reason of its own. The statement had no effect: PostgreSQL rolls it back,
 * and an error of the write-ahead log ends the session, which is a lost connection.
 */
export function isRefusal(error: unknown): boolean {
  return isReadOnly(error) || refusals.test(sqlState(error) ?? '');
}

/**
 * A new connection leads to a server that is read-only. It is closed, because reads would be as wrong as writes: a
 * demoted primary does not receive the revocations of its successor.
 */
export class ReadOnlyServer extends Error {
  override name = 'ReadOnlyServer';

  constructor() {
    super('PostgreSQL is read-only: a standby, a primary that was demoted, or default_transaction_read_only is on');
  }
}

/** Thrown inside this module only: the connection was lost while a statement was on it. */
export class ConnectionLost extends Error {
  override name = 'ConnectionLost';
}

/** The server is not supported; the message is a sentence for the operator. */
export class UnfitServer extends Error {
  override name = 'UnfitServer';
}

/** The Problem of an effect that may have happened. */
export function outcomeUnknown(what: string, cause: unknown): Problem {
  return new Problem('outcome_unknown', { log: `the connection was lost during ${what}`, cause });
}

/** The Problem when the database cannot be reached; nothing happened. */
export function unavailable(what: string, cause?: unknown): Problem {
  return new Problem('unavailable', { log: what, cause, retryAfterSeconds: 1 });
}

/** The Problem when the database is overloaded; nothing happened. */
export function busy(what: string, cause?: unknown): Problem {
  return new Problem('busy', { log: what, cause, retryAfterSeconds: 1 });
}

/** The reason of a refusal or lost connection, for the operator: the server's or the driver's message, and its code. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as { readonly code?: unknown };
  const message = error.message === '' ? error.name : error.message;
  return typeof code === 'string' && !message.includes(code) ? `${message} (${code})` : message;
}

/** Longer than for a lock: the server needs an operator, a promotion or a restart. */
const refusedForSeconds = 5;

/** The error that a caller gets when a statement or transaction certainly had no effect. */
export function refusalOf(name: string, error: unknown): unknown {
  if (isRefusal(error)) {
    const log = `PostgreSQL refuses "${name}": ${reasonOf(error)}`;
    return new Problem('unavailable', { log, cause: error, retryAfterSeconds: refusedForSeconds });
  }
  if (isLockTimeout(error)) return busy(`"${name}" waited too long for a lock`, error);
  // A reference that is wrong repeatedly is a bug and is thrown as one.
  if (isTransient(error) && sqlState(error) !== foreignKeyViolation)
    return busy(`"${name}" lost to other transactions again and again`, error);
  if (sqlState(error) === '57014') return busy(`"${name}" ran into statement_timeout`, error);
  return error;
}

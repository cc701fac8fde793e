/**
 * Repeats a statement or transaction by the kind of its last error, until its tries are used up. One loop decides it,
 * because errors follow each other: a write that waited too long for a lock on its lane moves to the pool,
 * and can lose its connection there.
 */
import { Problem } from '#kernel/problem.ts';
import {
  ConnectionLost,
  isLockTimeout,
  isReadOnly,
  isTransient,
  outcomeUnknown,
  refusalOf,
  unavailable,
} from '../errors.ts';
import type { Lane } from '../statement.ts';
import { Silence } from './silence.ts';

/** A statement is sent again on the pool, which waits longer, or on a connection of the lane or pool that is opened since. */
export type Retry = 'new_on_lane' | 'pool' | 'new_on_pool';

interface Attempted {
  readonly name: string;
  readonly lane: Lane;
  readonly idempotent: boolean;
  readonly onlyReads: boolean;
}

type Kind = 'lost' | 'silent' | 'read_only' | 'transient' | 'lock_timeout';

class Attempts {
  readonly #of: Attempted;
  #isOnPool: boolean;
  /** Whether an earlier connection was lost, so that an earlier try may have had its effect. */
  #isInDoubt = false;
  /**
   * The tries that are left for each kind. Beyond them, the server closes connections faster than it responds, is still
   * read-only at the address of `DATABASE_URL`, or is overloaded.
   */
  readonly #left: Record<Kind, number>;

  constructor(of: Attempted) {
    this.#of = of;
    this.#isOnPool = of.lane === 'pool';
    this.#left = {
      lost: of.idempotent ? 3 : 0,
      // A write would wait for its commit again.
      silent: of.lane === 'read' ? 1 : 0,
      read_only: 1,
      transient: 3,
      lock_timeout: of.lane === 'pool' ? 0 : 1,
    };
  }

  /** Returns undefined when the statement must not be sent again after this error. */
  next(error: unknown): Retry | undefined {
    if (error instanceof ConnectionLost) this.#isInDoubt = true;
    const kind = kindOf(error);
    if (kind === undefined || this.#left[kind] === 0) return undefined;
    this.#left[kind] -= 1;
    if (kind === 'transient' || kind === 'lock_timeout') {
      this.#isOnPool = true;
      return 'pool';
    }
    return this.#isOnPool ? 'new_on_pool' : 'new_on_lane';
  }

  /** The error for the caller, after the last try. */
  refusal(error: unknown): unknown {
    const { name, onlyReads } = this.#of;
    const refusal =
      error instanceof ConnectionLost
        ? unavailable(`the connection was lost during "${name}"`, error)
        : refusalOf(name, error);
    const hadEffect = this.#isInDoubt && !onlyReads && refusal instanceof Problem;
    return hadEffect ? outcomeUnknown(`"${name}"`, error) : refusal;
  }
}

function kindOf(error: unknown): Kind | undefined {
  if (error instanceof Silence) return 'silent';
  if (error instanceof ConnectionLost) return 'lost';
  if (isReadOnly(error)) return 'read_only';
  if (isTransient(error)) return 'transient';
  return isLockTimeout(error) ? 'lock_timeout' : undefined;
}

/** Sends until it succeeds or must not be sent again. `retry` is undefined for the first try. */
export async function sendUntilDone<T>(
  attempted: Attempted,
  send: (retry: Retry | undefined) => Promise<T>,
): Promise<T> {
  const attempts = new Attempts(attempted);
  for (let retry: Retry | undefined; ; ) {
    try {
      const result = await send(retry);
      return result;
    } catch (error) {
      retry = attempts.next(error);
      if (retry === undefined) throw attempts.refusal(error);
    }
  }
}

/** Assertions for invariants of our own code. A failed one is a bug: HTTP returns 500, and only the log has the message. */

/** Never caused by a client's input; that is rejected with a `Problem`. */
export class AssertionFailed extends Error {
  override name = 'AssertionFailed';
}

/** Throws `AssertionFailed` unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailed(message);
}

/**
 * Narrows away null and undefined.
 *
 * @throws AssertionFailed with "`what` is missing".
 */
export function present<T>(value: T | null | undefined, what: string): T {
  assert(value !== null && value !== undefined, `${what} is missing`);
  return value;
}

/** Assertions of invariants. A failed one is a bug: the HTTP layer returns 500, and only the log contains the message. */

/** Never caused by a client's input; that is rejected with a `Problem`. */
export class AssertionFailed extends Error {
  override name = 'AssertionFailed';
}

/** Throws `AssertionFailed` unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailed(message);
}

/**
 * Returns `value`, which must be neither null nor undefined.
 *
 * @throws AssertionFailed with "`what` is missing".
 */
export function present<T>(value: T | null | undefined, what: string): T {
  assert(value !== null && value !== undefined, `${what} is missing`);
  return value;
}

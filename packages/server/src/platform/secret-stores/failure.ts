/** The failure to read a secret. */

/**
 * The message completes "NAME cannot be read from …: " and has nothing of a response but its status. `isTransient`: the same
 * request may succeed a moment later.
 */
export class StoreFailure extends Error {
  override name = 'StoreFailure';
  readonly isTransient: boolean;

  constructor(message: string, { isTransient = false } = {}) {
    super(message);
    this.isTransient = isTransient;
  }
}

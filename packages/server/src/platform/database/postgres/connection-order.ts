/**
 * Numbers the connections in the order in which they are opened. A statement that finds its server read-only, or loses
 * its connection, concerns the connections up to the newest of that moment, and not those that replaced them since.
 */
export class ConnectionOrder {
  #newest = 0;

  /** The number of the newest connection. */
  get newest(): number {
    return this.#newest;
  }

  next(): number {
    this.#newest += 1;
    return this.#newest;
  }
}

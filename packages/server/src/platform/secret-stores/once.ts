/** Work that several secrets share, such as a login: it runs once, and again after a failure. */
export class Once<T> {
  readonly #results = new Map<string, Promise<T>>();

  get(key: string, work: () => Promise<T>): Promise<T> {
    const known = this.#results.get(key);
    if (known !== undefined) return known;
    const result = work();
    this.#results.set(key, result);
    result.catch(() => this.#results.delete(key));
    return result;
  }
}

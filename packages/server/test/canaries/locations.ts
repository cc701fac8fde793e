/** The locations where a secret could be stored or sent. */
import { encodingsOf } from './encodings.ts';

/** Texts and bytes by location. */
export class Locations {
  readonly #texts = new Map<string, string[]>();
  readonly #bytes = new Map<string, Buffer[]>();

  add(location: string, text: string): void {
    this.#texts.set(location, [...(this.#texts.get(location) ?? []), text]);
  }

  /** Bytes are searched for the plain secret only, because of their size. */
  addBytes(location: string, bytes: Buffer): void {
    this.#bytes.set(location, [...(this.#bytes.get(location) ?? []), bytes]);
  }

  /** The size of the searched text by location. */
  get sizes(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#texts].map(([location, texts]) => [location, texts.reduce((sum, text) => sum + text.length, 0)]),
    );
  }

  /** The locations that contain a secret in any encoding, sorted. */
  find(secret: string | Buffer): string[] {
    const spellings = Object.values(encodingsOf(secret)).flat();
    return this.#locationsWith((text) => spellings.some((spelling) => text.includes(spelling))).sort(byName);
  }

  /** The locations of bytes that contain a secret in plain form. */
  findInBytes(secret: string | Buffer): string[] {
    const contains = (bytes: Buffer) => bytes.includes(secret);
    return [...this.#bytes].filter(([, buffers]) => buffers.some(contains)).map(([location]) => location);
  }

  /** The locations that contain a match, sorted. */
  match(pattern: RegExp): string[] {
    return this.#locationsWith((text) => pattern.test(text)).sort(byName);
  }

  #locationsWith(contains: (text: string) => boolean): string[] {
    return [...this.#texts].filter(([, texts]) => texts.some(contains)).map(([location]) => location);
  }
}

function byName(a: string, b: string): number {
  return a < b ? -1 : 1;
}

/** Everywhere that a secret could come to rest. */
import { formsOf } from './forms.ts';

/** Texts and bytes by the name of the place. */
export class Places {
  readonly #texts = new Map<string, string[]>();
  readonly #bytes = new Map<string, Buffer[]>();

  add(place: string, text: string): void {
    this.#texts.set(place, [...(this.#texts.get(place) ?? []), text]);
  }

  /** Bytes are too many to be searched for more than the secret as it is. */
  addBytes(place: string, bytes: Buffer): void {
    this.#bytes.set(place, [...(this.#bytes.get(place) ?? []), bytes]);
  }

  /** How much text there is to search, by the name of the place. */
  get sizes(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#texts].map(([place, texts]) => [place, texts.reduce((sum, text) => sum + text.length, 0)]),
    );
  }

  /** Where a secret stands in any of its forms, sorted. */
  find(secret: string | Buffer): string[] {
    const spellings = Object.values(formsOf(secret)).flat();
    return this.#where((text) => spellings.some((one) => text.includes(one))).sort(byName);
  }

  /** The places of bytes in which a secret stands as it is. */
  findInBytes(secret: string | Buffer): string[] {
    const holds = (bytes: Buffer) => bytes.includes(secret);
    return [...this.#bytes].filter(([, all]) => all.some(holds)).map(([place]) => place);
  }

  /** Where anything looks like a secret, whoever's. */
  match(pattern: RegExp): string[] {
    return this.#where((text) => pattern.test(text)).sort(byName);
  }

  #where(holds: (text: string) => boolean): string[] {
    return [...this.#texts].filter(([, texts]) => texts.some(holds)).map(([place]) => place);
  }
}

function byName(a: string, b: string): number {
  return a < b ? -1 : 1;
}

/** Cookies of one origin: the part of RFC 6265 §5.3 that a client of one server needs. */
export class CookieJar {
  readonly #values = new Map<string, string>();

  /** Stores the cookies of a response and deletes expired ones. */
  store(setCookies: readonly string[]): void {
    for (const line of setCookies) {
      const { name, value, attributes } = parseSetCookie(line);
      if (isExpired(attributes)) this.#values.delete(name);
      else this.#values.set(name, value);
    }
  }

  /** The value of the Cookie header; undefined without cookies. */
  header(): string | undefined {
    if (this.#values.size === 0) return undefined;
    return [...this.#values].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }
}

/** A Set-Cookie header; attribute names in lower case, flags with an empty value. */
export type SetCookie = {
  readonly name: string;
  readonly value: string;
  readonly attributes: ReadonlyMap<string, string>;
};

export function parseSetCookie(line: string): SetCookie {
  const [pair = '', ...rest] = line.split(';').map((part) => part.trim());
  const { key: name, value } = split(pair);
  const attributes = new Map(rest.map(split).map((attribute) => [attribute.key.toLowerCase(), attribute.value]));
  return { name, value, attributes };
}

function split(pair: string): { key: string; value: string } {
  const equals = pair.indexOf('=');
  return equals < 0 ? { key: pair, value: '' } : { key: pair.slice(0, equals), value: pair.slice(equals + 1) };
}

function isExpired(attributes: ReadonlyMap<string, string>): boolean {
  const maxAge = attributes.get('max-age');
  if (maxAge !== undefined) return Number(maxAge) <= 0;
  const expires = attributes.get('expires');
  return expires !== undefined && Date.parse(expires) <= Date.now();
}

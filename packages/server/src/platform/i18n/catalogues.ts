import { readdirSync, readFileSync } from 'node:fs';
import { IntlMessageFormat } from 'intl-messageformat';
import { assert, present } from '#kernel/assert.ts';
import type { Brand } from './brand.ts';
import type { Catalogue } from './catalogue.ts';
import { directionOf, isolated } from './direction.ts';
import { replaceTexts } from './own-texts.ts';

/** Values of a message's placeholders. */
export type MessageArguments = Readonly<Record<string, string | number | Date>>;

const fallbackLocale = 'en';

/** For a process that answers before its configuration is read, and for tests. */
const unnamed: Brand = { name: 'Latchkey', links: [] };

/**
 * Formats that messages refer to (`{at, date, moment}`). Times are in UTC and name their zone: the reader's zone is
 * unknown, and this machine's means nothing to the reader.
 */
const formats = {
  date: {
    moment: {
      year: 'numeric',
      month: 'long',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      timeZone: 'UTC',
      timeZoneName: 'short',
    },
  },
} as const;

/** The catalogues of all languages. A message is compiled at its first use. */
export class Catalogues {
  readonly brand: Brand;
  /** Whether the menu of the account leaves a section out, by its path: the deployment has no use for it now. */
  hides: (section: string) => boolean = () => false;
  readonly #byLocale: ReadonlyMap<string, Catalogue>;
  readonly #compiled = new Map<string, IntlMessageFormat>();

  /** @param brand its name is the argument `service` of every message. */
  constructor(byLocale: ReadonlyMap<string, Catalogue>, brand: Brand = unnamed) {
    assert(byLocale.has(fallbackLocale), `there is no catalogue "${fallbackLocale}"`);
    this.#byLocale = byLocale;
    this.brand = brand;
  }

  get locales(): readonly string[] {
    return [...this.#byLocale.keys()];
  }

  /** The best catalogue for a language tag: `de-AT`, then `de`, then `en`. */
  match(wanted: string): string {
    return this.choose([wanted]);
  }

  /** The same for several tags in order of preference (RFC 4647 §3.4, lookup). */
  choose(wanted: readonly string[]): string {
    return this.known(wanted) ?? fallbackLocale;
  }

  /** The same without a fallback. */
  known(wanted: readonly string[]): string | undefined {
    const candidates = wanted.flatMap((tag) => [tag.toLowerCase(), tag.toLowerCase().split('-')[0] ?? '']);
    return candidates.find((candidate) => this.#byLocale.has(candidate));
  }

  /**
   * Falls back to `en` for a message that the language lacks.
   *
   * @throws Error when `en` lacks it too, or an argument is missing.
   */
  format(locale: string, key: string, values: MessageArguments = {}): string {
    const matched = this.match(locale);
    const language = this.#byLocale.get(matched)?.[key] === undefined ? fallbackLocale : matched;
    const name = `${language}:${key}`;
    let message = this.#compiled.get(name);
    if (message === undefined) {
      const source = present(this.#byLocale.get(language)?.[key], `message "${key}"`);
      // Messages contain no markup, so "<" is literal.
      message = new IntlMessageFormat(source, language, formats, { ignoreTag: true });
      this.#compiled.set(name, message);
    }
    return String(message.format(isolated({ service: this.brand.name, ...values }, directionOf(language))));
  }
}

const folder = new URL('../../../locales/', import.meta.url);

/**
 * Reads our catalogue of every language.
 *
 * @param texts the folder of the operator's own messages.
 * @throws TextsUnusable when one of these cannot be used.
 */
export function readCatalogues(brand?: Brand, texts?: string): Catalogues {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort();
  const ours = new Map(
    files.map((file) => [file.slice(0, -'.json'.length), readCatalogue(new URL(file, folder))] as const),
  );
  return new Catalogues(texts === undefined ? ours : replaceTexts(ours, texts), brand);
}

function readCatalogue(file: URL): Catalogue {
  const read: unknown = JSON.parse(readFileSync(file, 'utf8'));
  assert(typeof read === 'object' && read !== null && !Array.isArray(read), `${file.pathname} is not an object`);
  for (const [key, value] of Object.entries(read)) assert(typeof value === 'string', `"${key}" is not a string`);
  return read as Catalogue;
}

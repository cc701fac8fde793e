import { IntlMessageFormat } from 'intl-messageformat';

/** The messages of one language, by their keys. */
export type Catalogue = Readonly<Record<string, string>>;

/**
 * The names of a message's arguments, at any depth of its tree.
 *
 * @throws Error when the message cannot be parsed.
 */
export function argumentsOf(message: string, locale: string): string[] {
  const names = new Set<string>();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    if (typeof node !== 'object' || node === null) return;
    const { type, value } = node as { readonly type?: number; readonly value?: unknown };
    // 0 is literal text, 7 the number sign of a plural.
    if (type !== undefined && type !== 0 && type !== 7 && typeof value === 'string') names.add(value);
    Object.values(node).forEach(visit);
  };
  visit(new IntlMessageFormat(message, locale, undefined, { ignoreTag: true }).getAst());
  return [...names].sort((a, b) => a.localeCompare(b));
}

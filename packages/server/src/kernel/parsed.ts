/** The result of parsing a text of the operator. */

export type Parsed<T> =
  | { readonly kind: 'ok'; readonly value: T }
  /** `reason` completes "NAME must be …: "; that of a secret never quotes the text. */
  | { readonly kind: 'invalid'; readonly reason: string };

export function parsed<T>(value: T): Parsed<T> {
  return { kind: 'ok', value };
}

export function unparsable(reason: string): { readonly kind: 'invalid'; readonly reason: string } {
  return { kind: 'invalid', reason };
}

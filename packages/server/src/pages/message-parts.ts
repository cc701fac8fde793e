/** Messages with a part that is more than text: a link, or a value in bold. */
import { type Html, html } from '#platform/html/index.ts';
import type { MessageArguments, PageWords } from '#platform/i18n/index.ts';

/** Private characters: no catalogue and no input has them (`protocol/untrusted-text`). */
const mark = (name: string) => `\u{F0000}${name}\u{F0001}`;

/** Formats a message whose placeholders of these names become HTML; the rest of the message is text. */
export function sayWith(
  { say }: PageWords,
  key: string,
  parts: Readonly<Record<string, Html>>,
  values: MessageArguments = {},
): Html {
  const marks = Object.fromEntries(Object.keys(parts).map((name) => [name, mark(name)]));
  const pieces = say(key, { ...values, ...marks }).split(/\u{F0000}(\w+)\u{F0001}/u);
  return html`${pieces.map((piece, index) => (index % 2 === 0 ? html`${piece}` : html`${parts[piece]}`))}`;
}

/**
 * HTML and plain text: template tags that escape their values. Owns no table.
 * Invariant: a string becomes `Html` only by escaping, so no unescaped value can reach a page or a mail.
 */
export { type Html, type HtmlValue, html, joinHtml } from './html.ts';
export { text } from './text.ts';

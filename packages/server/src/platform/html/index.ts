/**
 * HTML and plain text that people read: templates that escape by themselves, and the one layout of our pages.
 * Owns no table.
 * Invariants: a text becomes `Html` only by escaping, so an unescaped value has no way into a page; a page has no
 * script and no inline style, so it holds under a policy of `default-src 'none'`; it is complete without JavaScript;
 * a form has a token.
 */
export { type FormNotice, formTokenField, hasForm, postForm, withFormToken } from './form.ts';
export { type Html, type HtmlValue, html, joinHtml } from './html.ts';
export { newPasswordField } from './new-password-field.ts';
export { type Page, page } from './page.ts';
export { stylesheet, stylesheetPath } from './stylesheet.ts';
export { text } from './text.ts';

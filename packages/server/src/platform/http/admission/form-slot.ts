/** The slot for the CSRF token in a page's forms. `pages` reserves it, and the engine fills it when it sends the page. */
import { randomBytes } from 'node:crypto';
import { type Html, html } from '#platform/html/index.ts';

/** Random for each process, so that no text from a request can contain it. */
export const formTokenSlot = `form-token-${randomBytes(24).toString('base64url')}`;

export const formTokenField = 'formToken';

/** In a form that is shown again: without its cookie the second time, the browser refuses cookies. */
export const shownAgainField = 'formShownAgain';

export function hasForm(page: Html): boolean {
  return page.toString().includes(formTokenSlot);
}

/** The page's markup with the token in each of its forms. The notice stands above a form that is shown again. */
export function withFormToken(page: Html, token: string, notice?: Html): string {
  const mark = notice && html`<input type="hidden" name="${shownAgainField}" value="1">`;
  const field = html`${notice}${mark}<input type="hidden" name="${formTokenField}" value="${token}">`.toString();
  return page.toString().replaceAll(formTokenSlot, () => field);
}

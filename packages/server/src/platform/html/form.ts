/** Forms of our pages. Each has a place for the token that proves where it comes from; no page can forget it. */
import { randomBytes } from 'node:crypto';
import { type Html, html } from './html.ts';

// No text that anybody typed can contain it: it is random in each process.
const place = `form-token-${randomBytes(24).toString('base64url')}`;

/** The field of the token. */
export const formTokenField = 'formToken';

/** A form that is sent to a path of ours; `content` is everything in it. The page's sender fills in its token. */
export function postForm(action: `/${string}`, content: Html): Html {
  return html`<form method="post" action="${action}">
${place}
${content}
</form>`;
}

/** Whether there is a form on the page. */
export function hasForm(page: Html): boolean {
  return page.toString().includes(place);
}

/** What a form says about itself, above its fields, in the language `lang`. */
export interface FormNotice {
  readonly lang: string;
  readonly text: string;
}

/** A page's markup with the token in each of its forms. */
export function withFormToken(page: Html, token: string, notice?: FormNotice): string {
  const field = html`<input type="hidden" name="${formTokenField}" value="${token}">`;
  const said = notice && html`<p class="wrong" role="alert" lang="${notice.lang}">${notice.text}</p>`;
  return page.toString().replaceAll(place, () => html`${said}${field}`.toString());
}

/** A form that posts to a path of ours. */
import { type Html, html } from '#platform/html/index.ts';
import { formTokenSlot } from '#platform/http/index.ts';

/** Reserves the place of the CSRF token, which `platform/http` fills in when it sends the page. */
export function postForm(action: `/${string}`, content: Html): Html {
  return html`<form method="post" action="${action}">
${formTokenSlot}
${content}
</form>`;
}

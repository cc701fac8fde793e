import { type Html, html } from '#platform/html/index.ts';

/**
 * The HTML of a mail in a frame, for pages of developers and operators. The inline styles of a mail need a policy of their
 * own, so its path is a document of `isMail`, and the page a page of `framesMail`.
 */
export function framedMail(path: string, title: string): Html {
  return html`<iframe class="mail" sandbox src="${path}" title="${title}"></iframe>`;
}

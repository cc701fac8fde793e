/** A problem on a page. The JSON form of the same document is `platform/http`'s. */
import { type Html, html } from '#platform/html/index.ts';
import type { ProblemDocument } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { page } from './page.ts';

/** Lists the fields that are not valid, or states the problem when it has none. */
export function problemPage(words: PageWords, { title, detail, errors, meta }: ProblemDocument): Html {
  const fields = errors.map(({ path, message }) => html`<li><code>${path.slice(1)}</code>: ${message}</li>`);
  return page({
    words,
    title,
    icon: 'alert',
    tone: 'wrong',
    body: html`<div role="alert">${errors.length > 0 ? html`<ul>${fields}</ul>` : html`<p>${detail}</p>`}</div>`,
    beneath: html`<span class="small">Request <span class="code" dir="ltr">${meta.requestId}</span></span>`,
  });
}

/** A problem on a page. The JSON form of the same document is `platform/http`'s. */
import { type Html, html } from '#platform/html/index.ts';
import type { ProblemDocument } from '#platform/http/index.ts';
import { page } from './page.ts';

export function problemPage({ title, detail, errors, meta }: ProblemDocument): Html {
  return page({
    title,
    body: html`<p class="wrong" role="alert">${detail}</p>
${errors.length > 0 && html`<ul>${errors.map(({ message }) => html`<li>${message}</li>`)}</ul>`}
<p class="soft">Request ${meta.requestId}</p>`,
  });
}

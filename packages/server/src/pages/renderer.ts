/** The parts of pages that `platform/http` decides by itself: problems, the notice above a form that is shown again, and where to sign in. */
import { type Html, html } from '#platform/html/index.ts';
import type { FormNotice, PageRenderer } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { alert } from './notice.ts';
import { proofPath } from './own-path.ts';
import { problemPage } from './problem-page.ts';
import { wordsOf } from './words.ts';

export function pageRenderer(catalogues: Catalogues): PageRenderer {
  return {
    problem: (document, reader, retryAfterSeconds) =>
      problemPage(wordsOf(catalogues, reader), document, { retryAfterSeconds, query: reader.ownQuery }),
    formNotice: (reader, reason) => formNotice(wordsOf(catalogues, reader), reason),
    knownLanguage: (tags) => catalogues.known(tags),
    proofPath,
  };
}

function formNotice({ lang, say }: PageWords, reason: FormNotice): Html {
  // The page may be in another language than the browser's: its link names the user's own.
  return html`<div lang="${lang}">${alert(say(`page.form.${reason}`))}</div>`;
}

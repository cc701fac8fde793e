/** The key of an authenticator app and the recovery codes, on every page that sets one up. Both are shown once. */
import { type Html, html } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { groupCharacters } from '#protocol/base32/index.ts';
import { qrCode } from '#protocol/totp/index.ts';

/** The key of the app, as a picture and as text, and the form for its first code. */
export function appKey(
  { say }: PageWords,
  { secret, uri }: { readonly secret: string; readonly uri: string },
  codeForm: Html,
): Html {
  const { size, path } = qrCode(uri);
  return html`<ol class="steps">
<li><h2>${say('page.app.scan')}</h2>
<p>${say('page.app.scan_how')}</p>
<svg class="qr" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges" role="img" aria-label="${say('page.app.qr')}"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${path}"/></svg>
<p>${say('page.app.key')}</p>
<p><code class="secret" dir="ltr">${groupCharacters(secret, 4)}</code></p></li>
<li><h2>${say('page.app.enter')}</h2>
${codeForm}</li>
</ol>`;
}

/** The recovery codes, made to be printed, and the way on. */
export function recoveryCodeList({ say }: PageWords, codes: readonly string[], next: string): Html {
  return html`<p>${say('page.codes.intro')}</p>
<ul class="codes">
${codes.map(
  (code) => html`<li><code dir="ltr">${code}</code></li>
`,
)}</ul>
<p class="soft">${say('page.codes.keep')}</p>
<p><a class="button" href="${next}">${say('page.codes.kept')}</a></p>`;
}

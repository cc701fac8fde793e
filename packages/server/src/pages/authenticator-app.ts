/** The key of an authenticator app and the recovery codes, on every page that sets one up. Both are shown once. */
import { type Html, html } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { groupCharacters } from '#protocol/base32/index.ts';
import { qrCode } from '#protocol/totp/index.ts';
import { icon } from './icon.ts';

/** The key of the app, as a picture and as text, and the form for its first code. */
export function appKey(
  { say }: PageWords,
  { secret, uri }: { readonly secret: string; readonly uri: string },
  codeForm: Html,
): Html {
  const { size, path } = qrCode(uri);
  const copy = html`<button type="button" class="quiet compact" data-copy="key" data-said="${say('page.app.copied')}" aria-label="${say('page.app.copy')}" hidden>${icon('copy')}</button>`;
  return html`<ol class="steps">
<li><h2>${say('page.app.scan')}</h2>
<p class="small soft">${say('page.app.scan_how')}</p>
<div class="qr"><svg xmlns="http://www.w3.org/2000/svg" width="176" height="176" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges" role="img" aria-label="${say('page.app.qr')}"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${path}"/></svg></div>
<p class="small soft" id="key-how">${say('page.app.key')}</p>
<div class="secret"><output id="key" aria-labelledby="key-how" dir="ltr">${groupCharacters(secret, 4)}</output>${copy}</div>
<p class="small soft" role="status" data-live></p></li>
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

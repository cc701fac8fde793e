/**
 * How a page leads on to a return address, and what it shows when an address is not allowed.
 *
 * A person leaves our origin by a page only: status 200, a refresh, and a link that names the host. Browsers apply
 * `form-action` to every redirect that follows a form, those of the application included, so that a redirect would leave a
 * dead button (ADR 0039).
 */
import { html } from '#platform/html/index.ts';
import type { CookieChange, PageResponse } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { linkButton, stack } from './form.ts';
import { loginPath } from './own-path.ts';
import { page } from './page.ts';
import type { ApplicationAddress, ReturnAddress, ReturnAddresses } from './return-address.ts';

/** Leads on: to a page of ours by 303, to an application by a page. */
export function leadTo(words: PageWords, address: ReturnAddress, cookies: readonly CookieChange[] = []): PageResponse {
  if (address.kind === 'own') return { kind: 'redirect', location: address.text, cookies };
  return continuePage(words, address, cookies);
}

function continuePage(
  words: PageWords,
  { text, host, application }: ApplicationAddress,
  cookies: readonly CookieChange[],
): PageResponse {
  const { say } = words;
  const body = stack(html`<a class="button" href="${text}">${say('page.continue.link', { host })}</a>`);
  const title = say('page.continue.title', { application });
  const lead = say('page.continue.lead');
  const shown = page({ title, lead, icon: 'check', tone: 'good', words, body, goesOnTo: text });
  return { kind: 'html', status: 200, html: shown, cookies };
}

/** A wrong address must be seen where it was set, so it is not dropped in silence. */
export function refusedAddressPage(
  { returnAddresses }: { readonly returnAddresses: ReturnAddresses },
  words: PageWords,
  text: string,
): PageResponse {
  const { say } = words;
  const command = returnAddresses.commandFor(text);
  const hint =
    command !== undefined &&
    html`<div class="note"><p>${say('page.return_address.allow')}</p></div>
<pre dir="ltr">${command}</pre>
`;
  const body = html`${hint}${stack(linkButton({ label: say('page.login.title'), path: loginPath, kind: 'plain' }))}`;
  const title = say('page.return_address.refused_title');
  const lead = say('page.return_address.refused');
  const shown = page({ title, lead, icon: 'unlink', tone: 'wrong', words, body });
  return { kind: 'html', status: 400, html: shown };
}

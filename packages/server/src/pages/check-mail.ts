/**
 * The page after a request for a mail. It is the same for every address (invariant 13): whether a mail was sent shows
 * nowhere but in the mailbox.
 */
import { type Html, html } from '#platform/html/index.ts';
import type { PageResponse } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { button, hiddenField, postForm, stack } from './form.ts';
import { note } from './notice.ts';
import type { OwnPath } from './own-path.ts';
import { page } from './page.ts';

/** The default wait before the page offers to send the mail again. The quota of the recipient decides whether one is sent. */
const sendAgainSeconds = 30;

/** The form that requests the mail again. */
export interface SendAgain {
  readonly action: OwnPath;
  /** The hidden fields of the form, its act among them. */
  readonly fields: Readonly<Record<string, string | undefined>>;
  /** How long the button looks unavailable; 0 when it does not. */
  readonly waitSeconds?: number;
}

export interface CheckMail {
  readonly status: number;
  /** To whom the mail goes, if it does. */
  readonly lead: string | Html;
  /** How long it works, and what to do when nothing arrives. */
  readonly hint: string;
  /** Above the hint: what was refused. */
  readonly notice?: Html | undefined;
  /** The form of the code. */
  readonly form?: Html | undefined;
  /** Forms of further ways on, below the hint. */
  readonly ways?: Html | undefined;
  readonly again: SendAgain;
  /** The page for another address. */
  readonly startAgain: OwnPath;
  /** Of the operator's listener; undefined in production and with an SMTP server. */
  readonly inboxUrl: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

export function checkMailPage(words: PageWords, shown: CheckMail): PageResponse {
  const { say } = words;
  const { status, lead, hint, notice, form, ways, again, startAgain, inboxUrl, retryAfterSeconds } = shown;
  const body = html`${notice}${form}${note(hint)}
${ways}${sendAgain(words, again)}${
  inboxUrl !== undefined &&
  html`<p class="small soft middle"><a href="${inboxUrl}">${say('page.check_mail.inbox')}</a></p>`
}`;
  const beneath = html`${say('page.check_mail.wrong_address')} <a href="${startAgain}">${say('page.check_mail.start_again')}</a>`;
  const title = say('page.check_mail.title');
  const shownPage = page({ title, lead, icon: 'mail', words, body, beneath });
  return { kind: 'html', status, html: shownPage, retryAfterSeconds };
}

/** The button looks unavailable until the wait is over; without a script it works at once, and the quota decides. */
function sendAgain({ say }: PageWords, { action, fields, waitSeconds = sendAgainSeconds }: SendAgain): Html {
  const hidden = Object.entries(fields).map(([name, value]) => value !== undefined && hiddenField(name, value));
  const content = html`${hidden.filter((field) => field !== false)}
${stack(
  button({ label: say('page.check_mail.again'), kind: 'plain', ...(waitSeconds > 0 && { waitSeconds }) }),
  waitSeconds > 0 &&
    html`<p class="small soft middle" role="status">${say('page.check_mail.wait', { seconds: waitSeconds })}</p>`,
)}`;
  return postForm(action, content);
}

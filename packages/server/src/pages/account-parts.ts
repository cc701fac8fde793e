/** Parts of the account's pages: lists of things, each with what can be done with it. */
import { type Html, html } from '#platform/html/index.ts';
import { type MessageArguments, type PageWords, sayDevice } from '#platform/i18n/index.ts';
import { type ButtonKind, hiddenField, postForm } from './form.ts';
import { type IconName, icon } from './icon.ts';
import { status } from './notice.ts';
import type { Tone } from './page.ts';

/** One of several things of a kind. */
export interface Thing {
  readonly icon: IconName;
  readonly title: string;
  readonly tags?: readonly (readonly [text: string, tone?: Tone])[];
  readonly lines: readonly string[];
  /** Ways on, such as a link or a form of one button. */
  readonly actions?: readonly Html[];
}

export function things(list: readonly Thing[]): Html {
  return html`<ul class="rows">${list.map(row)}</ul>`;
}

function row({ icon: name, title, tags = [], lines, actions = [] }: Thing): Html {
  const last = actions.length > 1 ? html`<span class="row">${actions}</span>` : actions;
  return html`<li><span class="thing">${icon(name)}</span>
<div><p class="title"><bdi>${title}</bdi>${tags.map(([text, tone]) => html`<span class="tag ${tone}">${text}</span>`)}</p>${lines.map((line) => html`<p class="small soft">${line}</p>`)}</div>
${last}</li>
`;
}

/** The name of a control for screen readers, which read it without its row. */
interface About {
  readonly label: string;
  readonly about: string;
}

/** A form of one button. Its path has a page of its own, for a form that is too old. */
export function actForm(
  path: `/${string}`,
  {
    label,
    about,
    fields = {},
    kind = 'plain',
  }: Partial<About> & {
    readonly label: string;
    readonly fields?: Readonly<Record<string, string>>;
    readonly kind?: ButtonKind | 'plain wrong';
  },
): Html {
  const named = about !== undefined && html` aria-label="${label}: ${about}"`;
  const hidden = Object.entries(fields).map(([name, value]) => hiddenField(name, value));
  return postForm(path, html`${hidden}<button type="submit" class="${kind} compact"${named}>${label}</button>`);
}

/** A link to the page of an act. */
export function actLink(path: `/${string}`, { label, about }: Partial<About> & { readonly label: string }): Html {
  const named = about !== undefined && html` aria-label="${label}: ${about}"`;
  return html`<a class="button plain compact" href="${path}"${named}>${label}</a>`;
}

/** The act that was done, once: the page that a form leads to has its name in the address. */
export function doneNote({ say }: PageWords, section: string, done: string | undefined): Html | false {
  return done !== undefined && status(say(`page.${section}.${done}_done`));
}

/** How long ago, in the largest unit that fits: "2 hours ago". */
export function ago({ lang }: PageWords, then: Date, now: Date): string {
  const minutes = Math.max(0, Math.floor((now.getTime() - then.getTime()) / 60_000));
  const format = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' });
  if (minutes < 60) return format.format(-minutes, 'minute');
  if (minutes < 24 * 60) return format.format(-Math.floor(minutes / 60), 'hour');
  return format.format(-Math.floor(minutes / (24 * 60)), 'day');
}

/** A device in words, and the icon of its kind. */
export function shownDevice(
  { say }: { readonly say: (key: string, values?: MessageArguments) => string },
  { browser, os }: { readonly browser: string | null; readonly os: string | null },
): { readonly icon: IconName; readonly title: string } {
  const title = sayDevice(say, { browser: browser ?? undefined, os: os ?? undefined });
  const isPhone = os !== null && ['iOS', 'iPadOS', 'Android', 'Windows Phone'].includes(os);
  return { icon: isPhone ? 'phone' : 'laptop', title };
}

/** The page `/account/profile`: name and language, and the email with a change that waits. */
import { z } from 'zod';
import { nameInput } from '#domain/users/index.ts';
import type { Problem } from '#kernel/problem.ts';
import { actForm, actLink, doneNote } from '#pages/account-parts.ts';
import { button, facts, field, postForm } from '#pages/form.ts';
import { refusal } from '#pages/notice.ts';
import { profilePath } from '#pages/own-path.ts';
import { accountPage, section } from '#pages/page.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { changeOwn, type OwnProfile, type Profile, readOwn } from './change-profile.ts';

export type ProfilePages = Profile & { readonly catalogues: Catalogues };

/** The acts of `flows/change-email`. */
const done = z.enum(['saved', 'email_requested', 'email_canceled']);

const fields = z.strictObject({ name: z.string().max(400), locale: z.string().max(35) });

/** A form that was rejected, or not taken for now. */
interface Typed extends z.output<typeof fields> {
  readonly complaint?: string;
}

interface Shown {
  readonly what?: z.output<typeof done> | undefined;
  readonly typed?: Typed;
  /** The form was not taken for now. */
  readonly problem?: Problem;
}

export function profilePages(flow: ProfilePages): readonly Endpoint[] {
  const common = { path: profilePath, auth: { principals: ['session'] }, rateLimit: 'pages', problems: [] } as const;
  return [
    pageEndpoint({
      ...common,
      id: 'profile.show',
      method: 'GET',
      summary: 'The name, language and email of the account that is signed in',
      request: { query: z.strictObject({ done: done.optional() }) },
      handler: ({ query, principal, caller }) => profilePage(flow, principal, caller, { what: query.done }),
    }),
    pageEndpoint({
      ...common,
      id: 'profile.submit',
      method: 'POST',
      summary: 'Its form: changes name and language',
      request: { form: fields },
      handler: async ({ body, principal, caller }) => {
        const name = nameInput.safeParse(body.name);
        const locale = flow.catalogues.locales.find((known) => known === body.locale);
        if (!name.success) {
          const complaint = wordsOf(flow.catalogues, caller).say('page.name.invalid');
          return profilePage(flow, principal, caller, { typed: { ...body, complaint } });
        }
        await changeOwn(flow, principal, { name: name.data, ...(locale !== undefined && { locale }) });
        return { kind: 'redirect', location: `${profilePath}?done=saved` };
      },
      refused: ({ body, principal, caller, problem }) => profilePage(flow, principal, caller, { typed: body, problem }),
    }),
  ];
}

async function profilePage(
  flow: ProfilePages,
  principal: Principal,
  caller: Caller,
  { what, typed, problem }: Shown,
): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const { say } = words;
  const own = await readOwn(flow, principal);
  const form = html`${field({
    name: 'name',
    label: say('page.name.label'),
    type: 'text',
    autocomplete: 'name',
    value: typed?.name ?? own.name,
    maxLength: 200,
    complaint: typed?.complaint,
  })}
${languageField(flow.catalogues, words, typed?.locale ?? own.locale)}
${button({ label: say('page.profile.submit') })}`;
  const body = html`${problem && refusal(words, problem)}${doneNote(words, 'profile', what)}${section({
    title: say('page.profile.about'),
    body: html`<div class="body">${postForm(profilePath, form)}</div>`,
  })}${emailSection(words, own)}`;
  const title = say('page.profile.title');
  const status = typed?.complaint === undefined ? 200 : 422;
  return { kind: 'html', status, html: accountPage({ section: profilePath, title, words, body }) };
}

/** Each language by its own name. One that we have no texts in stays as it is until another is chosen. */
function languageField({ locales }: Catalogues, { say }: PageWords, current: string): Html {
  const known = locales.includes(current) ? locales : [current, ...locales];
  const options = known.map(
    (locale) =>
      html`<option value="${locale}" lang="${locale}"${locale === current && html` selected`}>${nameOf(locale)}</option>`,
  );
  return html`<div class="field"><label for="locale">${say('page.profile.language')}</label>
<select id="locale" name="locale" autocomplete="language">${options}</select></div>`;
}

function nameOf(locale: string): string {
  return new Intl.DisplayNames(locale, { type: 'language' }).of(locale) ?? locale;
}

function emailSection(words: PageWords, { email, pendingEmail, pendingEmailWaitsFor }: OwnProfile): Html {
  const { say } = words;
  const waiting = pendingEmailWaitsFor.map((side) => say(`page.profile.waits_for_${side}`)).join(' ');
  const shown = facts([
    [say('page.email.label'), email ?? say('page.profile.no_email')],
    pendingEmail !== null && [
      say('page.profile.pending'),
      html`<bdi>${pendingEmail}</bdi><br><span class="soft small">${waiting}</span>`,
    ],
  ]);
  return section({
    title: say('page.profile.email'),
    action: actLink(`${profilePath}/email`, { label: say('page.profile.change_email') }),
    body: html`<div class="body">${shown}${
      pendingEmail !== null &&
      html`<div>${actForm(`${profilePath}/cancel-email`, { label: say('page.profile.cancel_email'), fields: { act: 'confirm' } })}</div>`
    }</div>`,
  });
}

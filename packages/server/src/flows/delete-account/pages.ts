/** The pages of `/account/data`: what deleting the account means, and the form that does it. */
import { z } from 'zod';
import { addSeconds } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { accountForm, patiently } from '#pages/account-form.ts';
import { actLink } from '#pages/account-parts.ts';
import { field } from '#pages/form.ts';
import { dataPath } from '#pages/own-path.ts';
import { accountPage, page, section } from '#pages/page.ts';
import { wordsOf } from '#pages/words.ts';
import { html } from '#platform/html/index.ts';
import { type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { type DeleteAccount, deleteAccount, endedCookies } from './delete-account.ts';

export type DeletePages = DeleteAccount & { readonly catalogues: Catalogues };

const deletePath = `${dataPath}/delete` as const;

export function deletePages(flow: DeletePages): readonly Endpoint[] {
  const stepUp = { withinSeconds: flow.stepUpSeconds };
  const patient = patiently(flow);
  return [
    pageEndpoint({
      id: 'account.show_data',
      method: 'GET',
      path: dataPath,
      summary: 'Page that says what deleting the account means',
      auth: { principals: ['session'] },
      rateLimit: 'pages',
      request: { query: z.strictObject({}) },
      problems: [],
      handler: async ({ caller }) => dataPage(flow, wordsOf(flow.catalogues, caller)),
    }),
    ...accountForm({
      section: dataPath,
      path: deletePath,
      catalogues: flow.catalogues,
      show: { id: 'account.show_delete', summary: 'Page that asks whether to delete the account' },
      submit: {
        id: 'account.submit_delete',
        summary: 'Its form, with the email of the account: schedules the deletion',
        fields: { typed: z.string().max(400).default('') },
        rateLimit: 'credential',
        problems: ['busy'],
      },
      stepUp,
      content: ({ words, principal, typed, complaints }) => {
        const { say } = words;
        return {
          title: say('page.delete.title'),
          lead: meaning(flow, words),
          fields: field({
            name: 'typed',
            label: say('page.delete.typed', { expected: expectedOf(principal) }),
            type: 'text',
            autocomplete: 'off',
            maxLength: 400,
            ...(typed !== undefined && { value: typed.typed }),
            complaint: complaints.typed,
            hasFocus: complaints.typed !== undefined,
            isVerbatim: true,
          }),
          submit: say('page.delete.submit'),
          kind: 'danger',
        };
      },
      act: async ({ typed }, principal, caller, words) => {
        requireTyped(typed, principal, words);
        const deletesAt = await deleteAccount(patient, principal, undefined, caller);
        return deletedPage(words, flow.graceDays === 0 ? undefined : deletesAt);
      },
    }),
  ];
}

/** The email, or the name of an account without one. */
function expectedOf({ email, name }: Principal): string {
  return email ?? name;
}

/** Typing it shows that the right account is meant. It proves nothing, and case is no matter. */
function requireTyped(typed: string, principal: Principal, { say }: PageWords): void {
  if (typed.trim().toLowerCase() === expectedOf(principal).toLowerCase()) return;
  const message = say('page.delete.mistyped', { expected: expectedOf(principal) });
  throw new Problem('validation_failed', { errors: [{ path: '/typed', code: 'mismatch', message }] });
}

/** With the last moment at which the deletion can be canceled, if it were requested now. */
function meaning({ clock, graceDays }: DeleteAccount, { say }: PageWords): string {
  if (graceDays === 0) return say('page.delete.at_once');
  return say('page.delete.until', { until: addSeconds(clock.now(), graceDays * 24 * 60 * 60) });
}

function dataPage(flow: DeletePages, words: PageWords): PageResponse {
  const { say } = words;
  const body = section({
    title: say('page.data.delete_title'),
    lead: meaning(flow, words),
    body: html`<div class="body">${actLink(deletePath, { label: say('page.data.delete') })}</div>`,
  });
  const title = say('page.data.title');
  return { kind: 'html', status: 200, html: accountPage({ section: dataPath, title, words, body }) };
}

function deletedPage(words: PageWords, until: Date | undefined): PageResponse {
  const { say } = words;
  const text = until === undefined ? say('page.delete.done_at_once') : say('page.delete.done', { until });
  const title = say('page.delete.done_title');
  const body = html``;
  return {
    kind: 'html',
    status: 200,
    html: page({ title, lead: text, words, body, icon: 'check', tone: 'good' }),
    cookies: endedCookies,
  };
}

/** The pages `/cancel-deletion`, behind the mailed link, and `/login/cancel-deletion`, a step of a login. */
import { z } from 'zod';
import { findActive, findUsed } from '#domain/one-time-tokens/index.ts';
import { present } from '#kernel/assert.ts';
import { button, linkButton } from '#pages/form.ts';
import { linkPage, linkToken } from '#pages/link-page.ts';
import { type LeadsOn, noTicket, stepPaths } from '#pages/login-step.ts';
import { loginPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { stepPage } from '#pages/step-page.ts';
import type { Endpoint } from '#platform/http/index.ts';
import { type CancelDeletion, cancelDeletion } from './cancel-deletion.ts';

export function cancelDeletionPage(flow: CancelDeletion): readonly Endpoint[] {
  return linkPage({
    path: '/cancel-deletion',
    show: {
      id: 'account.show_cancel_deletion',
      summary: 'The page of the mailed link: asks whether to keep the account',
    },
    submit: {
      id: 'account.submit_cancel_deletion',
      summary: 'Its form: keeps the account',
      form: z.strictObject({ token: linkToken }),
    },
    catalogues: flow.catalogues,
    texts: 'page.cancel_deletion',
    read: (token = '') => findActive(flow.database, 'cancel_deletion', token, flow.clock.now()),
    alreadyDone: async (token) => {
      const used = await findUsed(flow.database, 'cancel_deletion', token);
      return used?.userStatus === 'active' ? { text: 'done', locale: used.locale } : undefined;
    },
    localeOf: ({ locale }) => locale,
    form: ({ link, say }) => ({ paragraphs: [say('question', { until: link.expiresAt })] }),
    act: async ({ token: text }, caller) => {
      await cancelDeletion(flow, { by: 'link', text }, caller);
      return { text: 'done' };
    },
  });
}

/** A cancellation issues no session, so that the user signs in again. */
export function cancelDeletionStep(flow: CancelDeletion & LeadsOn): readonly Endpoint[] {
  return stepPage(flow, {
    path: stepPaths.cancel_deletion,
    step: 'cancel_deletion',
    show: {
      id: 'login.show_cancel_deletion',
      summary: 'Page of a sign-in to an account that is scheduled for deletion: asks whether to keep it',
    },
    submit: {
      id: 'login.submit_cancel_deletion',
      summary: 'Its form: keeps the account',
      fields: {},
      rateLimit: 'pages',
      problems: ['login_incomplete'],
    },
    title: ({ say }) => say('page.cancel_deletion.title'),
    intro: ({ login, words: { say } }) => {
      const until = present(login.deletesAt, 'the end of the grace period of a pending deletion');
      return say('page.cancel_deletion.question', { until });
    },
    form: ({ words: { say } }) => button({ label: say('page.cancel_deletion.submit') }),
    act: async (_typed, { text, browserHash }, caller, { words }) => {
      const { say } = words;
      await cancelDeletion(flow, { by: 'ticket', text, browserHash }, caller);
      const body = linkButton({ label: say('page.login.title'), path: loginPath });
      const [title, lead] = [say('page.cancel_deletion.done_title'), say('page.cancel_deletion.done')];
      const document = page({ title, lead, icon: 'check', tone: 'good', words, body });
      return { kind: 'html', status: 200, html: document, cookies: [noTicket] };
    },
  });
}

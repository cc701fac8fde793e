/** The page `/cancel-deletion`: cancels a scheduled deletion. */
import { findActive, findUsed } from '#domain/one-time-tokens/index.ts';
import { present } from '#kernel/assert.ts';
import { linkPage } from '#pages/link-page.ts';
import type { Endpoint } from '#platform/http/index.ts';
import { type CancelDeletion, cancelDeletion } from './cancel-deletion.ts';
import { authorizationOf, ticketOrLink } from './input.ts';

/** The link, or nothing of it when the form was shown by a login and carries its ticket. */
interface Shown {
  readonly locale?: string;
  readonly expiresAt?: Date;
}

export function cancelDeletionPage(flow: CancelDeletion): readonly Endpoint[] {
  return linkPage({
    path: '/cancel-deletion',
    show: {
      id: 'account.show_cancel_deletion',
      summary: 'The page of the mailed link: asks whether to keep the account',
    },
    submit: {
      id: 'account.submit_cancel_deletion',
      summary: 'Its form, or the one that a login by mail shows with its ticket: keeps the account',
      form: ticketOrLink,
      problems: ['login_incomplete'],
    },
    catalogues: flow.catalogues,
    texts: 'page.cancel_deletion',
    read: async (token): Promise<Shown | undefined> =>
      token === undefined ? {} : findActive(flow.database, 'cancel_deletion', token, flow.clock.now()),
    alreadyDone: async (token) => {
      const used = await findUsed(flow.database, 'cancel_deletion', token);
      return used?.userStatus === 'active' ? { text: 'done', locale: used.locale } : undefined;
    },
    localeOf: ({ locale }) => locale,
    form: ({ link, say }) => ({
      paragraphs: [say('question', { until: present(link.expiresAt, 'the end of a link that is shown') })],
    }),
    act: async (typed, caller) => {
      await cancelDeletion(flow, authorizationOf(typed), caller);
      return { text: 'done' };
    },
  });
}

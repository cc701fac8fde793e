/** The pages `/confirm-email-change` and `/undo-email-change`. */
import { z } from 'zod';
import { sideOf } from '#domain/one-time-tokens/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { button, facts } from '#pages/form.ts';
import { linkPage, linkToken, type Outcome } from '#pages/link-page.ts';
import { newPasswordFields } from '#pages/new-password-field.ts';
import { html } from '#platform/html/index.ts';
import type { Endpoint } from '#platform/http/index.ts';
import type { ChangeEmail } from './change-email.ts';
import { type Confirmation, confirmChange, findConfirmed, findMissing, readConfirmLink } from './confirm.ts';
import { disownChange, findDisowned } from './disown.ts';
import { findUndone, readUndoLink, undoChange } from './undo.ts';

/** The first one is meant when a form names none. */
const answers = z.enum(['confirm', 'disown']).default('confirm');

/** Linked from the mail to the new address and, where both must confirm, from the mail to the old one. */
export function confirmPage(flow: ChangeEmail): readonly Endpoint[] {
  return linkPage({
    path: '/confirm-email-change',
    show: { id: 'change_email.show_confirm', summary: 'Page of a confirmation link: shows the new email' },
    submit: {
      id: 'change_email.submit_confirm',
      summary: 'Submit the form of the confirmation page: confirms the change, or cancels it from the old address',
      form: z.strictObject({ token: linkToken, answer: answers }),
    },
    catalogues: flow.catalogues,
    texts: 'page.confirm_email_change',
    read: (token = '') => readConfirmLink(flow, token),
    alreadyDone: async (token, typed) => {
      const disowned = await findDisowned(flow, token);
      if (disowned !== undefined) {
        return typed?.answer === 'confirm' ? undefined : { text: 'disowned', locale: disowned.locale };
      }
      const confirmed = await findConfirmed(flow, token);
      return confirmed && { ...outcomeOf(confirmed), locale: confirmed.locale };
    },
    localeOf: ({ token }) => token.locale,
    form: async ({ link, words, say }) => {
      const missing = await findMissing(flow, link);
      const isOwner = sideOf(link.token) === 'old_address';
      return {
        paragraphs: [
          say(isOwner ? 'question_at_old' : 'question'),
          ...(missing === undefined ? [] : [say(`waiting_for_${missing}`)]),
        ],
        fields: facts([
          [say('new_email'), link.newAddress.asTyped],
          // The new address may be a stranger's, who must not learn whose account it is.
          isOwner && [say('requested'), words.say('page.moment', { at: link.token.createdAt })],
        ]),
        buttons: [
          button({ label: say('submit'), name: 'answer', value: 'confirm' }),
          ...(isOwner ? [button({ label: say('disown'), name: 'answer', value: 'disown', kind: 'plain' })] : []),
        ],
      };
    },
    act: async ({ token, answer }, caller) => {
      if (answer === 'disown') {
        await disownChange(flow, token, caller);
        return { text: 'disowned' };
      }
      return outcomeOf(await confirmChange(flow, token, caller));
    },
    refusals: { email_unavailable: 'unavailable' },
  });
}

function outcomeOf(confirmed: Confirmation): Outcome {
  if (confirmed.kind === 'changed') return { text: 'done' };
  return { title: 'waiting_title', text: `waiting_for_${confirmed.waitingFor}` };
}

/** Linked from the notice to the old address. */
export function undoPage(flow: ChangeEmail): readonly Endpoint[] {
  return linkPage({
    path: '/undo-email-change',
    show: { id: 'change_email.show_undo', summary: 'Page of an undo link: form for a new password' },
    submit: {
      id: 'change_email.submit_undo',
      summary: 'Submit the form of the undo page: restores the email and sets the new password',
      form: z.strictObject({ token: linkToken, password: passwordInput.optional() }),
    },
    catalogues: flow.catalogues,
    texts: 'page.undo_email_change',
    read: (token = '') => readUndoLink(flow, token),
    alreadyDone: async (token) => {
      const undone = await findUndone(flow, token);
      return undone && { text: 'done', locale: undone.locale };
    },
    localeOf: ({ locale }) => locale,
    form: ({ link, words, say }, { password }) => ({
      paragraphs: [say('intro')],
      fields: html`${facts([
        link.address !== null && [say('old_email'), link.address],
        [say('changed'), words.say('page.moment', { at: link.createdAt })],
        [say('until'), words.say('page.moment', { at: link.expiresAt })],
      ])}
${newPasswordFields(flow.passwordRules, words, { email: link.address, complaint: password })}`,
    }),
    act: async ({ token, password = '' }, caller) => {
      await undoChange(flow, token, password, caller);
      return { text: 'done' };
    },
  });
}

/** The pages `/confirm-email-change` and `/undo-email-change`. */
import { z } from 'zod';
import { passwordInput } from '#domain/passwords/index.ts';
import { linkPage, linkToken, type Outcome } from '#pages/link-page.ts';
import { newPasswordFields } from '#pages/new-password-field.ts';
import type { Endpoint } from '#platform/http/index.ts';
import type { ChangeEmail } from './change-email.ts';
import { type Confirmation, confirmChange, findConfirmed, findMissing, readConfirmLink } from './confirm.ts';
import { findUndone, readUndoLink, undoChange } from './undo.ts';

/** Linked from the mail to the new address and, where both must confirm, from the mail to the old one. */
export function confirmPage(flow: ChangeEmail): readonly Endpoint[] {
  return linkPage({
    path: '/confirm-email-change',
    show: { id: 'change_email.show_confirm', summary: 'Page of a confirmation link: shows the new email' },
    submit: {
      id: 'change_email.submit_confirm',
      summary: 'Submit the form of the confirmation page: confirms the change',
      form: z.strictObject({ token: linkToken }),
    },
    catalogues: flow.catalogues,
    texts: 'page.confirm_email_change',
    read: (token = '') => readConfirmLink(flow, token),
    alreadyDone: async (token) => {
      const confirmed = await findConfirmed(flow, token);
      return confirmed && { ...outcomeOf(confirmed), locale: confirmed.locale };
    },
    localeOf: ({ token }) => token.locale,
    form: async ({ link, say }) => {
      const missing = await findMissing(flow, link);
      const question = say('question', { email: link.newAddress.asTyped });
      return { paragraphs: missing === undefined ? [question] : [question, say(`waiting_for_${missing}`)] };
    },
    act: async ({ token }, caller) => {
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
      fields: newPasswordFields(flow.passwordRules, words, { email: link.address, complaint: password }),
    }),
    act: async ({ token, password = '' }, caller) => {
      await undoChange(flow, token, password, caller);
      return { text: 'done' };
    },
  });
}

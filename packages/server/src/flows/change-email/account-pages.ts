/** The pages `/account/profile/email` and `/account/profile/cancel-email`. */
import { z } from 'zod';
import { type Address, emailInput } from '#domain/identifiers/index.ts';
import { Problem } from '#kernel/problem.ts';
import { accountForm, patiently } from '#pages/account-form.ts';
import { field, hiddenField } from '#pages/form.ts';
import { profilePath } from '#pages/own-path.ts';
import type { Endpoint } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import type { ChangeEmail } from './change-email.ts';
import { cancelChange, requestChange } from './request.ts';

export function accountPages(flow: ChangeEmail): readonly Endpoint[] {
  return [...requestPage(flow), ...cancelPage(flow)];
}

function requestPage(flow: ChangeEmail): readonly Endpoint[] {
  const stepUp = { withinSeconds: flow.stepUpSeconds };
  const patient = patiently(flow);
  return accountForm({
    section: profilePath,
    path: `${profilePath}/email`,
    catalogues: flow.catalogues,
    show: { id: 'change_email.show_request', summary: 'Page that asks for the new email of the account' },
    submit: {
      id: 'change_email.submit_request',
      summary: 'Its form: mails a confirmation link to the new email',
      // Too long an address is a complaint beside the field, as any other.
      fields: { newEmail: z.string().max(1000) },
      rateLimit: 'mail',
    },
    stepUp,
    content: ({ words: { say }, typed, complaints }) => ({
      title: say('page.change_email.title'),
      lead: say(flow.confirmAt === 'both' ? 'page.change_email.lead_both' : 'page.change_email.lead'),
      fields: field({
        name: 'newEmail',
        label: say('page.change_email.label'),
        type: 'email',
        autocomplete: 'email',
        maxLength: 254,
        isVerbatim: true,
        hasFocus: true,
        complaint: complaints.newEmail,
        ...(typed !== undefined && { value: typed.newEmail }),
      }),
      submit: say('page.change_email.submit'),
    }),
    act: async ({ newEmail }, principal, caller, words) => {
      await requestChange(patient, principal, { newEmail: readAddress(newEmail, words) }, caller).catch(
        (error: unknown) => {
          if (!(error instanceof Problem) || error.code !== 'validation_failed') throw error;
          throw complaintOf(words.say('page.change_email.same'));
        },
      );
      return { done: 'email_requested' };
    },
    refusals: { email_domain_not_allowed: { field: 'newEmail', text: 'page.change_email.domain' } },
  });
}

function readAddress(typed: string, { say }: PageWords): Address {
  const address = emailInput.safeParse(typed);
  if (!address.success) throw complaintOf(say('page.change_email.unusable'));
  return address.data;
}

function complaintOf(message: string): Problem {
  return new Problem('validation_failed', { errors: [{ path: '/newEmail', code: 'email', message }] });
}

function cancelPage(flow: ChangeEmail): readonly Endpoint[] {
  return accountForm({
    section: profilePath,
    path: `${profilePath}/cancel-email`,
    catalogues: flow.catalogues,
    show: { id: 'change_email.show_cancel', summary: 'Page that asks whether to cancel the change of email' },
    submit: {
      id: 'change_email.submit_cancel',
      summary: 'Its form, also on the profile: cancels the change',
      fields: { act: z.literal('confirm') },
      rateLimit: 'pages',
    },
    content: ({ words: { say } }) => ({
      title: say('page.cancel_email.title'),
      lead: say('page.cancel_email.lead'),
      fields: hiddenField('act', 'confirm'),
      submit: say('page.profile.cancel_email'),
    }),
    act: async (_, principal, caller) => {
      await cancelChange(flow, principal, caller);
      return { done: 'email_canceled' };
    },
  });
}

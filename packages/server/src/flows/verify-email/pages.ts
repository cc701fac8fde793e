/** The page `/verify-email`: verifies the address or disowns the registration. */
import { z } from 'zod';
import { findUsed } from '#domain/one-time-tokens/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { Problem } from '#kernel/problem.ts';
import { button } from '#pages/form.ts';
import { linkPage, linkToken, type Reading } from '#pages/link-page.ts';
import { newPasswordFields } from '#pages/new-password-field.ts';
import type { Endpoint } from '#platform/http/index.ts';
import { displayName } from '#protocol/untrusted-text/index.ts';
import { disownRegistration, type Link, readLink, type VerifyEmail, verifyEmail } from './verify-email.ts';

/** The choice that led to an outcome, and its text. */
const outcomes = {
  used: { choice: 'verify', text: 'done' },
  disowned: { choice: 'disown', text: 'disowned' },
} as const;

const choices = z.enum(['verify', 'disown']);

export function verifyEmailPage(flow: VerifyEmail): readonly Endpoint[] {
  return linkPage({
    path: '/verify-email',
    show: { id: 'verify_email.show', summary: 'Page of the link in the email: shows the registration' },
    submit: {
      id: 'verify_email.submit',
      summary: 'Submit the form of the verification page: "this was me" or "this wasn’t me"',
      form: z.strictObject({ token: linkToken, choice: choices, password: passwordInput.optional() }),
    },
    catalogues: flow.catalogues,
    texts: 'page.verify_email',
    read: (token = '') => readLink(flow, token),
    alreadyDone: async (token, typed) => {
      const used = await findUsed(flow.database, 'verify_email', token);
      if (used === undefined || !(used.wasDisowned || used.addressIsVerified)) return undefined;
      const { choice, text } = used.wasDisowned ? outcomes.disowned : outcomes.used;
      return typed === undefined || typed.choice === choice ? { text, locale: used.locale } : undefined;
    },
    localeOf: ({ registration, token }) => registration?.locale ?? token.locale,
    form: (reading, { password }) => ({
      paragraphs: [question(reading)],
      ...(isContested(reading.link) && {
        fields: newPasswordFields(flow.passwordRules, reading.words, {
          email: reading.link.token.address,
          complaint: password,
        }),
      }),
      buttons: [
        button({ label: reading.say('submit'), name: 'choice', value: 'verify' }),
        button({ label: reading.say('disown'), name: 'choice', value: 'disown', kind: 'plain', skipsFields: true }),
      ],
    }),
    act: async ({ token, choice, password = '' }, caller, { link }) => {
      if (choice === 'disown') {
        if (!(await disownRegistration(flow, token, caller))) throw new Problem('invalid_token');
        return { text: 'disowned' };
      }
      await verifyEmail(flow, token, isContested(link) ? password : undefined, caller);
      return { text: 'done' };
    },
  });
}

/** Several registrations are pending for this address: the link carries none of them, and the user sets a password. */
function isContested({ registration }: Link): boolean {
  return registration === undefined;
}

function question({ link: { registration }, say }: Reading<Link>): string {
  if (registration === undefined) return say('contested');
  const name = displayName(registration.name);
  const at = new Date(registration.registeredAt);
  return name === null ? say('question_without_name', { at }) : say('question', { name, at });
}

/** The page `/verify-email`: verifies the address, and signs in the browser that signed up; or disowns the registration. */
import { z } from 'zod';
import { findSignUp } from '#domain/authentication/index.ts';
import { findUsed } from '#domain/one-time-tokens/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import type { CarriedIdentity } from '#domain/registrations/index.ts';
import { Problem } from '#kernel/problem.ts';
import { leadTo } from '#pages/continue-page.ts';
import { button, facts, linkButton, stack } from '#pages/form.ts';
import { linkPage, linkToken, type Reading } from '#pages/link-page.ts';
import { addressAfter, type LeadsOn, leadOn } from '#pages/login-step.ts';
import { newPasswordFields } from '#pages/new-password-field.ts';
import { resendPath } from '#pages/sign-up-paths.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { Caller, Endpoint, PageResponse } from '#platform/http/index.ts';
import { displayName } from '#protocol/untrusted-text/index.ts';
import { signInAfterLink } from './sign-up.ts';
import { disownRegistration, type Link, readLink, type VerifyEmail, verifyEmail } from './verify-email.ts';

/** The choice that led to an outcome, and its text. */
const outcomes = {
  used: { choice: 'verify', text: 'done' },
  disowned: { choice: 'disown', text: 'disowned' },
} as const;

const choices = z.enum(['verify', 'disown']);

export function verifyEmailPage(flow: VerifyEmail & LeadsOn): readonly Endpoint[] {
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
    // The link was pressed in this browser before, or elsewhere: the ticket of its registration is here.
    again: async ({ token, choice }, caller) => {
      const used = choice === 'verify' ? await findUsed(flow.database, 'verify_email', token) : undefined;
      return used && signIn(flow, used.registrationId ?? undefined, caller);
    },
    renewal: ({ say }) => stack(linkButton({ label: say('page.verify_email.new_link'), path: resendPath })),
    opensByTicket: true,
    localeOf: ({ registration, token }) => registration?.locale ?? token.locale,
    form: (reading, { password }) => ({
      paragraphs: [reading.say(isContested(reading.link) ? 'contested' : 'lead')],
      icon: 'mail',
      fields: isContested(reading.link)
        ? newPasswordFields(flow.passwordRules, reading.words, {
            email: reading.link.token.address,
            complaint: password,
          })
        : factsOf(flow, reading),
      buttons: [
        button({ label: reading.say('submit'), name: 'choice', value: 'verify' }),
        button({ label: reading.say('disown'), name: 'choice', value: 'disown', kind: 'plain', skipsFields: true }),
      ],
      beneath: html`${reading.say('beneath')}`,
    }),
    act: async ({ token, choice, password = '' }, caller, { link }) => {
      if (choice === 'disown') {
        if (!(await disownRegistration(flow, token, caller))) throw new Problem('invalid_token');
        return { text: 'disowned' };
      }
      const registrationId = await verifyEmail(flow, token, isContested(link) ? password : undefined, caller);
      const onward = await signIn(flow, registrationId, caller);
      return onward ?? { text: 'done', continueTo: allowedReturn(flow, link.registration?.continueTo) };
    },
  });
}

/**
 * Signs in the browser that has the ticket of this registration; undefined in every other one. The second of two clicks leads on
 * without a session: the response to the first one has it.
 */
async function signIn(
  flow: VerifyEmail & LeadsOn,
  registrationId: string | undefined,
  caller: Caller,
): Promise<PageResponse | undefined> {
  const { ticketCookie: text, browserHash, deviceCookie: deviceToken } = caller;
  const ticket = text === undefined || browserHash === undefined ? undefined : { text, browserHash };
  const result = await signInAfterLink(flow, ticket, { registrationId, deviceToken }, caller);
  const words = wordsOf(flow.catalogues, caller);
  if (result !== undefined) return leadOn(flow, words, result);
  const signUp = ticket && (await findSignUp(flow.database, ticket, flow.clock.now()));
  return signUp?.isUsed && signUp.id === registrationId
    ? leadTo(words, addressAfter(flow, signUp.continueTo))
    : undefined;
}

/** The return address of the sign-up, if it is still allowed. */
function allowedReturn({ returnAddresses }: LeadsOn, continueTo: string | undefined): string | undefined {
  return continueTo === undefined ? undefined : returnAddresses.read(continueTo)?.text;
}

/** Several registrations are pending for this address: the link carries none of them, and the user sets a password. */
function isContested({ registration }: Link): boolean {
  return registration === undefined;
}

function factsOf(flow: VerifyEmail, { link: { registration, token, device }, say }: Reading<Link>): Html {
  const name = registration && displayName(registration.name);
  const identity = registration && 'identity' in registration ? registration.identity : undefined;
  return facts([
    token.address !== null && [say('fact_email'), token.address],
    name != null && [say('fact_name'), name],
    registration !== undefined && [say('fact_created'), say('moment', { at: new Date(registration.registeredAt) })],
    device !== undefined && [say('fact_from'), device],
    // Whoever confirms the address gives this identity its account.
    identity !== undefined && [say('fact_provider'), describeIdentity(flow, identity)],
  ]);
}

/** The provider and the person there, as far as it named one. */
function describeIdentity({ identityProviders }: VerifyEmail, { issuer, name, email }: CarriedIdentity): string {
  const provider = identityProviders.nameOf(issuer);
  const person = displayName(name ?? email ?? '');
  return person === null ? provider : `${provider}: ${person}`;
}

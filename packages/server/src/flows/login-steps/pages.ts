/**
 * The pages of these steps. `/login/confirm-mailbox` sends a code and leads to `/login/confirm-mailbox/code`;
 * `/login/enroll` shows the key of the app, takes its first code, and shows the recovery codes once.
 */

import { z } from 'zod';
import type { LoginResult, PresentedTicket } from '#domain/authentication/index.ts';
import { acceptsPasskeys, type PasskeyKind } from '#domain/passkeys/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import type { Enrollment } from '#domain/second-factors/index.ts';
import { Problem } from '#kernel/problem.ts';
import { appKey, recoveryCodeList } from '#pages/authenticator-app.ts';
import { button, codeField, hiddenField, linkButton, postForm } from '#pages/form.ts';
import { type LeadsOn, onwardOf, stepPaths } from '#pages/login-step.ts';
import { newPasswordFields } from '#pages/new-password-field.ts';
import { alert } from '#pages/notice.ts';
import { page } from '#pages/page.ts';
import { credentialField, passkeyFields, readCredential, registrationRefusals } from '#pages/passkey-form.ts';
import { passkeyScriptPath } from '#pages/scripts.ts';
import { type StepPages, type StepReading, stepPage } from '#pages/step-page.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { Endpoint, PageResponse } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { registrationResponseSchema } from '#protocol/webauthn/index.ts';
import { type ChangePasswordAtLogin, changePasswordAtLogin } from './change-password.ts';
import { type ConfirmMailbox, confirmMailbox, requestMailboxCode } from './confirm-mailbox.ts';
import { beginEnrollment, type EnrollAtLogin, finishEnrollment } from './enroll.ts';
import { type EnrollPasskeyAtLogin, finishPasskeyEnrollment, passkeyEnrollmentOptions } from './enroll-passkey.ts';

/** Dependencies of the pages. */
export type LoginStepPages = ConfirmMailbox & EnrollAtLogin & EnrollPasskeyAtLogin & ChangePasswordAtLogin & StepPages;

const codePath = `${stepPaths.confirm_mailbox}/code` as const;
const enrollPasskeyPath = `${stepPaths.enroll_second_factor}/passkey` as const;
const problems = ['invalid_ticket', 'login_incomplete'] as const;

const text = ({ say }: PageWords, key: string) => say(key);

export function loginStepPages(flow: LoginStepPages): readonly Endpoint[] {
  return [
    ...mailboxPage(flow),
    ...mailboxCodePage(flow),
    ...enrollmentPage(flow),
    ...passkeyPage(flow),
    ...passwordPage(flow),
  ];
}

function mailboxPage(flow: LoginStepPages): readonly Endpoint[] {
  return stepPage(flow, {
    path: stepPaths.confirm_mailbox,
    step: 'confirm_mailbox',
    show: {
      id: 'login.show_confirm_mailbox',
      summary: 'Page of a sign-in that must prove its email: offers to send a code',
    },
    submit: {
      id: 'login.submit_confirm_mailbox',
      summary: 'Its form: sends the code',
      fields: {},
      rateLimit: 'mail',
      problems,
    },
    title: ({ say }) => say('page.confirm_mailbox.title'),
    intro: ({ words }) => text(words, 'page.confirm_mailbox.intro'),
    form: ({ words }) => button({ label: words.say('page.confirm_mailbox.send') }),
    act: async (_typed, ticket, caller) => {
      await requestMailboxCode(flow, ticket, caller);
      return { kind: 'redirect', location: codePath };
    },
  });
}

function mailboxCodePage(flow: LoginStepPages): readonly Endpoint[] {
  return stepPage(flow, {
    path: codePath,
    step: 'confirm_mailbox',
    show: { id: 'login.show_mailbox_code', summary: 'Page of a sign-in that takes the code from the email' },
    submit: {
      id: 'login.submit_mailbox_code',
      summary: 'Its form: proves the email',
      fields: { code: z.string().max(100) },
      rateLimit: 'credential',
      problems,
    },
    title: ({ say }) => say('page.mailbox_code.title'),
    intro: ({ words }) => text(words, 'page.mailbox_code.intro'),
    form: ({ words, complaint }) => html`${codeField(words, complaint)}
${button({ label: words.say('page.mailbox_code.submit') })}`,
    ways: ({ words }) => [
      linkButton({ label: words.say('page.mailbox_code.again'), path: stepPaths.confirm_mailbox, kind: 'quiet' }),
    ],
    act: ({ code }, ticket, caller) =>
      confirmMailbox(flow, ticket, { code: code.trim(), deviceToken: caller.deviceCookie }, caller),
    complaints: { invalid_code: 'page.mailbox_code.wrong' },
  });
}

function enrollmentPage(flow: LoginStepPages): readonly Endpoint[] {
  return stepPage(flow, {
    path: stepPaths.enroll_second_factor,
    step: 'enroll_second_factor',
    show: { id: 'login.show_enroll', summary: 'Page of a sign-in that must set up an authenticator app' },
    submit: {
      id: 'login.submit_enroll',
      summary: 'Its form: shows the key for the app, then takes the first code and shows the recovery codes',
      fields: { act: z.enum(['begin', 'confirm']), code: z.string().max(100).optional() },
      rateLimit: 'credential',
      problems,
    },
    title: ({ say }) => say('page.app.title'),
    intro: ({ words }) => text(words, 'page.enroll.intro'),
    form: (reading) =>
      reading.complaint === undefined && reading.typed?.act !== 'confirm'
        ? beginButton(reading)
        : codeFields(reading.words, reading.complaint),
    // A wrong code shows the key no second time, but the page begins again.
    ways: ({ complaint, typed, words }) => [
      (complaint !== undefined || typed?.act === 'confirm') &&
        linkButton({ label: words.say('page.app.again'), path: stepPaths.enroll_second_factor, kind: 'plain' }),
      acceptsPasskeys(flow.passkeys) &&
        linkButton({ label: words.say('page.enroll.use_passkey'), path: enrollPasskeyPath, kind: 'quiet' }),
    ],
    act: async ({ act, code = '' }, ticket, caller, reading) => {
      if (act === 'begin') return keyPage(reading, await beginEnrollment(flow, ticket));
      try {
        const first = { code, deviceToken: caller.deviceCookie };
        const { result, recoveryCodes } = await finishEnrollment(flow, ticket, first, caller);
        return recoveryCodes === undefined ? result : codesPage(flow, reading.words, result, recoveryCodes);
      } catch (error) {
        // The key is older than a day, or was replaced in another tab.
        if (!(error instanceof Problem) || error.code !== 'enrollment_expired') throw error;
        return keyPage(reading, await beginEnrollment(flow, ticket));
      }
    },
    complaints: { invalid_code: 'page.second_factor.wrong' },
  });
}

function passkeyPage(flow: LoginStepPages): readonly Endpoint[] {
  return stepPage(flow, {
    path: enrollPasskeyPath,
    step: 'enroll_second_factor',
    script: passkeyScriptPath,
    show: { id: 'login.show_enroll_passkey', summary: 'Page of a sign-in that must set up a passkey or security key' },
    submit: {
      id: 'login.submit_enroll_passkey',
      summary: 'Its form: adds the passkey and shows the recovery codes',
      fields: { credential: credentialField, kind: z.enum(['passkey', 'security_key']) },
      rateLimit: 'credential',
      problems,
    },
    title: ({ say }) => say('page.add_passkey.title'),
    intro: ({ words }) => text(words, 'page.enroll.passkey_intro'),
    form: (reading, ticket) => passkeyChoices(flow, reading, ticket),
    ways: ({ words }) => [
      linkButton({ label: words.say('page.enroll.use_app'), path: stepPaths.enroll_second_factor, kind: 'quiet' }),
    ],
    act: async ({ credential: sent, kind }, ticket, caller, { words }) => {
      const credential = readCredential(sent, registrationResponseSchema);
      if (credential === undefined) throw new Problem('invalid_passkey', { log: 'the form has no response' });
      const first = { kind, credential, deviceToken: caller.deviceCookie };
      const { result, recoveryCodes } = await finishPasskeyEnrollment(flow, ticket, first, caller);
      return recoveryCodes === undefined ? result : codesPage(flow, words, result, recoveryCodes);
    },
    complaints: registrationRefusals,
  });
}

/** Undefined where passkeys are off: the app is the other way. */
async function passkeyChoices(flow: LoginStepPages, { words, complaint }: StepReading, ticket: PresentedTicket) {
  if (!acceptsPasskeys(flow.passkeys)) return html`<p>${words.say('page.passkey_step.none')}</p>`;
  const options = await passkeyEnrollmentOptions(flow, ticket, ['passkey', 'security_key']);
  const choice = (kind: PasskeyKind) => ({
    label: words.say(`page.add_passkey.${kind}`),
    mode: 'button' as const,
    options: options[kind],
    kind,
    look: kind === 'security_key' ? ('plain' as const) : ('primary' as const),
  });
  const choices = [choice('passkey'), choice('security_key')];
  return html`${complaint !== undefined && alert(complaint)}${passkeyFields(words, choices, hiddenField('kind', 'passkey'))}`;
}

function beginButton({ words }: StepReading): Html {
  return html`${hiddenField('act', 'begin')}
${button({ label: words.say('page.app.begin') })}`;
}

function codeFields(words: PageWords, complaint: string | undefined): Html {
  return html`${hiddenField('act', 'confirm')}
${codeField(words, complaint)}
${button({ label: words.say('page.app.submit') })}`;
}

function keyPage({ words, login }: StepReading, enrollment: Enrollment): PageResponse {
  const form = postForm(
    stepPaths.enroll_second_factor,
    html`${hiddenField('login', login.id)}
${codeFields(words, undefined)}`,
  );
  return response(words, 'page.app.title', appKey(words, enrollment, form));
}

/** The session or the next ticket is in the cookies already; the link leads to where the login leads. */
function codesPage(pages: LeadsOn, words: PageWords, result: LoginResult, codes: readonly string[]): PageResponse {
  const { address, cookies } = onwardOf(pages, result);
  return { ...response(words, 'page.codes.title', recoveryCodeList(words, codes, address.text)), cookies };
}

function passwordPage(flow: LoginStepPages): readonly Endpoint[] {
  return stepPage(flow, {
    path: stepPaths.change_password,
    step: 'change_password',
    show: { id: 'login.show_change_password', summary: 'Page of a sign-in whose password must be changed' },
    submit: {
      id: 'login.submit_change_password',
      summary: 'Its form: sets the new password and signs this browser in',
      fields: { password: passwordInput },
      rateLimit: 'credential',
      problems,
    },
    title: ({ say }) => say('page.change_password.title'),
    intro: ({ words }) => text(words, 'page.change_password.intro'),
    form: ({
      login: { email },
      words,
      complaint,
    }) => html`${newPasswordFields(flow.passwordRules, words, { email, complaint })}
${button({ label: words.say('page.reset_password.submit') })}`,
    act: ({ password }, ticket, caller) =>
      changePasswordAtLogin(flow, ticket, { password, deviceToken: caller.deviceCookie }, caller),
  });
}

function response(words: PageWords, title: string, body: Html) {
  return { kind: 'html', status: 200, html: page({ title: words.say(title), words, body }) } as const;
}

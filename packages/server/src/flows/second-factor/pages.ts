/** `/login/second-factor` and `/login/recovery-code`: the second factor of a login by page. */

import { z } from 'zod';
import type { PresentedTicket, SecondFactorKind, ShownLogin, TypedSecondFactor } from '#domain/authentication/index.ts';
import { acceptsPasskeys } from '#domain/passkeys/index.ts';
import { Problem } from '#kernel/problem.ts';
import { button, codeField, linkButton, recoveryCodeField } from '#pages/form.ts';
import { passkeyStepPath, stepPaths } from '#pages/login-step.ts';
import { alert } from '#pages/notice.ts';
import { credentialField, passkeyFields, readCredential } from '#pages/passkey-form.ts';
import { passkeyScriptPath } from '#pages/scripts.ts';
import { type StepPages, type StepReading, stepPage } from '#pages/step-page.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { Caller, Endpoint } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { authenticationResponseSchema } from '#protocol/webauthn/index.ts';
import { secondFactorByPasskey, secondFactorOptions } from './passkey.ts';
import { type SecondFactor, secondFactor } from './second-factor.ts';

export type SecondFactorPages = SecondFactor & StepPages;

const recoveryCodePath = '/login/recovery-code';

const problems = ['invalid_ticket', 'login_incomplete', 'email_not_verified'] as const;

const introOf = ({ say }: PageWords, name: string) => say(`page.${name}.intro`);

export function secondFactorPages(flow: SecondFactorPages): readonly Endpoint[] {
  return [...codePage(flow), ...passkeyPage(flow), ...recoveryCodePage(flow)];
}

function codePage(flow: SecondFactorPages): readonly Endpoint[] {
  return stepPage(flow, {
    path: stepPaths.second_factor,
    step: 'second_factor',
    show: { id: 'login.show_second_factor', summary: 'Page of a sign-in that needs the code of the authenticator app' },
    submit: {
      id: 'login.submit_second_factor',
      summary: 'Submit its form: signs this browser in',
      fields: { code: z.string().max(100) },
      rateLimit: 'credential',
      problems,
    },
    title: ({ say }) => say('page.second_factor.title'),
    intro: ({ login, words }) => introOf(words, has(login, 'totp') ? 'second_factor' : 'without_app'),
    form: ({ login, words, complaint }) =>
      has(login, 'totp')
        ? html`${codeField(words, complaint)}
${button({ label: words.say('page.second_factor.submit') })}`
        : undefined,
    ways: (reading) => [passkeyLink(flow, reading), recoveryCodeLink(reading)],
    act: ({ code }, ticket, caller) => proveBy(flow, { kind: 'totp', code }, ticket, caller),
    complaints: { invalid_code: 'page.second_factor.wrong' },
  });
}

function passkeyPage(flow: SecondFactorPages): readonly Endpoint[] {
  return stepPage(flow, {
    path: passkeyStepPath,
    step: 'second_factor',
    script: passkeyScriptPath,
    show: { id: 'login.show_passkey_factor', summary: 'Page of a sign-in that needs a passkey or security key' },
    submit: {
      id: 'login.submit_passkey_factor',
      summary: 'Submit its form: signs this browser in',
      fields: { credential: credentialField },
      rateLimit: 'credential',
      problems,
    },
    title: ({ say }) => say('page.passkey_step.title'),
    intro: ({ words }) => introOf(words, 'passkey_step'),
    form: async ({ login, words, complaint }, ticket) => {
      if (!has(login, 'passkey') || !acceptsPasskeys(flow.passkeys))
        return html`<p>${words.say('page.passkey_step.none')}</p>`;
      const options = await secondFactorOptions(flow, ticket);
      const choice = { label: words.say('page.passkey_step.submit'), mode: 'button', options } as const;
      return html`${complaint !== undefined && alert(complaint)}${passkeyFields(words, [choice])}`;
    },
    ways: (reading) => [appLink(reading), recoveryCodeLink(reading)],
    act: async ({ credential }, { text: ticket, browserHash }, caller) => {
      const passkey = readCredential(credential, authenticationResponseSchema);
      if (passkey === undefined) throw new Problem('invalid_passkey', { log: 'the form has no response' });
      return secondFactorByPasskey(flow, { ticket, browserHash, deviceToken: caller.deviceCookie, passkey }, caller);
    },
    complaints: { invalid_passkey: 'page.passkey.refused', unknown_passkey: 'page.passkey.unknown' },
  });
}

function appLink({ login, words }: StepReading): Html | undefined {
  if (!has(login, 'totp')) return undefined;
  return linkButton({
    label: words.say('page.recovery_code.use_app'),
    path: stepPaths.second_factor,
    kind: 'plain',
    icon: 'phone',
  });
}

function passkeyLink({ passkeys }: SecondFactorPages, { login, words }: StepReading): Html | undefined {
  if (!has(login, 'passkey') || !acceptsPasskeys(passkeys)) return undefined;
  return linkButton({
    label: words.say('page.passkey_step.use'),
    path: passkeyStepPath,
    kind: 'plain',
    icon: 'passkey',
  });
}

function recoveryCodeLink({ login, words }: StepReading): Html | undefined {
  if (!has(login, 'recovery_code')) return undefined;
  return linkButton({
    label: words.say('page.second_factor.use_recovery_code'),
    path: recoveryCodePath,
    kind: 'quiet',
  });
}

function recoveryCodePage(flow: SecondFactorPages): readonly Endpoint[] {
  return stepPage(flow, {
    path: recoveryCodePath,
    step: 'second_factor',
    show: { id: 'login.show_recovery_code', summary: 'Page of a sign-in that takes a recovery code instead' },
    submit: {
      id: 'login.submit_recovery_code',
      summary: 'Submit its form: signs this browser in and uses the code up',
      fields: { recoveryCode: z.string().max(100) },
      rateLimit: 'credential',
      problems,
    },
    title: ({ say }) => say('page.recovery_code.title'),
    intro: ({ words }) => introOf(words, 'recovery_code'),
    form: ({ words, complaint }) => html`${recoveryCodeField(words.say('page.recovery_code.label'), complaint)}
${button({ label: words.say('page.second_factor.submit') })}`,
    ways: (reading) => [appLink(reading), passkeyLink(flow, reading)],
    act: ({ recoveryCode: code }, ticket, caller) => proveBy(flow, { kind: 'recovery_code', code }, ticket, caller),
    complaints: { invalid_code: 'page.recovery_code.wrong' },
  });
}

function has({ factors }: ShownLogin, kind: SecondFactorKind): boolean {
  return factors.includes(kind);
}

function proveBy(
  flow: SecondFactorPages,
  typed: TypedSecondFactor,
  { text: ticket, browserHash }: PresentedTicket,
  caller: Caller,
) {
  return secondFactor(flow, { ticket, browserHash, deviceToken: caller.deviceCookie, typed }, caller);
}

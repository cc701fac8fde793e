/** `/login/second-factor` and `/login/recovery-code`: the second factor of a login by page. */
import { z } from 'zod';
import type { PresentedTicket, ShownLogin, TypedSecondFactor } from '#domain/authentication/index.ts';
import { button, codeField, recoveryCodeField } from '#pages/form.ts';
import { stepPaths } from '#pages/login-step.ts';
import { type StepPages, stepPage } from '#pages/step-page.ts';
import { html } from '#platform/html/index.ts';
import type { Caller, Endpoint } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { type SecondFactor, secondFactor } from './second-factor.ts';

export type SecondFactorPages = SecondFactor & StepPages;

const recoveryCodePath = '/login/recovery-code';

const problems = ['invalid_ticket', 'login_incomplete', 'email_not_verified'] as const;

const introOf = (words: PageWords, name: string) => html`<p>${words.say(`page.${name}.intro`)}</p>`;

export function secondFactorPages(flow: SecondFactorPages): readonly Endpoint[] {
  return [...codePage(flow), ...recoveryCodePage(flow)];
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
        ? html`${codeField(words.say('page.second_factor.code'), complaint)}
${button({ label: words.say('page.second_factor.submit') })}`
        : undefined,
    beneath: ({ login, words }) =>
      has(login, 'recovery_code') &&
      html`<p><a href="${recoveryCodePath}">${words.say('page.second_factor.use_recovery_code')}</a></p>`,
    act: ({ code }, ticket, caller) => proveBy(flow, { kind: 'totp', code }, ticket, caller),
    complaints: { invalid_code: 'page.second_factor.wrong' },
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
    beneath: ({ login, words }) =>
      has(login, 'totp') &&
      html`<p><a href="${stepPaths.second_factor}">${words.say('page.recovery_code.use_app')}</a></p>`,
    act: ({ recoveryCode: code }, ticket, caller) => proveBy(flow, { kind: 'recovery_code', code }, ticket, caller),
    complaints: { invalid_code: 'page.recovery_code.wrong' },
  });
}

function has({ factors }: ShownLogin, kind: TypedSecondFactor['kind']): boolean {
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

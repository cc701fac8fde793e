/** `/login/second-factor`: the form of a login by page that needs a code. */
import { z } from 'zod';
import { Problem } from '#kernel/problem.ts';
import { sessionCookies } from '#pages/login-result.ts';
import { secondFactorForm, secondFactorPath, stepForm } from '#pages/login-step.ts';
import { page } from '#pages/page.ts';
import { type Html, html } from '#platform/html/index.ts';
import {
  type Caller,
  type CookieChange,
  type Endpoint,
  type PageResponse,
  pageEndpoint,
} from '#platform/http/index.ts';
import { type Catalogues, type PageWords, pageWords } from '#platform/i18n/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { type SecondFactor, secondFactor } from './second-factor.ts';

export type SecondFactorPages = SecondFactor & { readonly catalogues: Catalogues };

/** Digits are a code of the app; anything else is taken for a recovery code. */
const appCode = /^[\d\s]+$/;

export function secondFactorPage(flow: SecondFactorPages): readonly Endpoint[] {
  const auth = { principals: ['public'] } as const;
  return [
    pageEndpoint({
      id: 'login.show_second_factor',
      method: 'GET',
      path: secondFactorPath,
      summary: 'Says that a sign-in begins on the page before this one',
      description: 'The form is part of the page that proved the first factor, and carries its ticket.',
      auth,
      rateLimit: 'pages',
      request: {},
      problems: [],
      handler: async ({ caller }) => respond(wordsFor(flow, caller), 400, 'expired', {}),
    }),
    pageEndpoint({
      id: 'login.submit_second_factor',
      method: 'POST',
      path: secondFactorPath,
      summary: 'The form of a second factor: signs this browser in',
      auth,
      rateLimit: 'credential',
      request: { form: z.strictObject({ ticket: z.string().min(1).max(200), code: z.string().min(1).max(100) }) },
      problems: ['invalid_ticket', 'login_incomplete', 'email_not_verified'],
      handler: ({ body, caller }) => submit(flow, body, caller),
    }),
  ];
}

async function submit(
  flow: SecondFactorPages,
  { ticket, code }: { readonly ticket: string; readonly code: string },
  caller: Caller,
): Promise<PageResponse> {
  const words = wordsFor(flow, caller);
  const typed = { kind: appCode.test(code) ? 'totp' : 'recovery_code', code } as const;
  try {
    const result = await secondFactor(flow, { ticket, deviceToken: caller.deviceCookie, typed }, caller);
    if (result.kind === 'done') return respond(words, 200, 'done', { cookies: sessionCookies(result.issued) });
    return respond(words, 200, result.step, { next: stepForm(words, result) });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === 'invalid_ticket') return respond(words, error.status, 'expired', {});
    if (error.code !== 'invalid_code') throw error;
    const complaint = words.say('page.second_factor.wrong');
    return respond(words, error.status, 'second_factor', { next: secondFactorForm(words, { ticket, complaint }) });
  }
}

function wordsFor({ catalogues }: SecondFactorPages, { acceptLanguage }: Caller): PageWords {
  return pageWords(catalogues, ...wantedLanguages(acceptLanguage));
}

function respond(
  words: PageWords,
  status: number,
  text: string,
  { next, cookies }: { readonly next?: Html; readonly cookies?: readonly CookieChange[] },
): PageResponse {
  const say = (name: string) => words.say(`page.second_factor.${name}`);
  const body = html`<p>${say(text)}</p>
${next}`;
  const response = {
    kind: 'html',
    status,
    html: page({ title: say(`${text}_title`), lang: words.lang, body }),
  } as const;
  return cookies === undefined ? response : { ...response, cookies };
}

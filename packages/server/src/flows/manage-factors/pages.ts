/**
 * The pages of `/account/security`. Each change has a page of its own: GET shows a question, after a recent proof, and POST changes.
 * A form may be sent a quarter of an hour later than its page may be opened, so that reading it costs no second proof.
 */

import { z } from 'zod';
import { acceptsPasskeys, type Passkey, type PasskeySettings, userHandleOf } from '#domain/passkeys/index.ts';
import { type Enrollment, isSecondFactorRequired } from '#domain/second-factors/index.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { appKey, recoveryCodeList } from '#pages/authenticator-app.ts';
import { button, codeField, hiddenField, postForm } from '#pages/form.ts';
import { sessionCookies } from '#pages/login-result.ts';
import { alert, status as statusNote } from '#pages/notice.ts';
import { accountPath, securityPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { signalOf } from '#pages/passkey-data.ts';
import { passkeySignal } from '#pages/passkey-form.ts';
import { passkeyScriptPath } from '#pages/scripts.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import {
  beginOwnTotp,
  describeFactors,
  finishTotp,
  type ManageFactors,
  removeTotp,
  replaceRecoveryCodes,
} from './manage-factors.ts';

/** Dependencies of the pages. */
export type FactorPages = ManageFactors & { readonly catalogues: Catalogues; readonly passkeys: PasskeySettings };

type StepUp = { readonly withinSeconds: number };

const appPath = `${securityPath}/app` as const;
const removeAppPath = `${securityPath}/remove-app` as const;
const codesPath = `${securityPath}/recovery-codes` as const;

/** The time to fill in a form whose page required a recent proof. */
const readingSeconds = 15 * 60;

const done = z.enum(['app_on', 'app_removed', 'passkey_added', 'passkey_removed']);

export function factorPages(flow: FactorPages, stepUp: StepUp): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'factors.show',
      method: 'GET',
      path: securityPath,
      summary: 'The second factors of the account that is signed in',
      auth: { principals: ['session'] },
      rateLimit: 'pages',
      callsApi: true,
      request: { query: z.strictObject({ done: done.optional() }) },
      problems: [],
      handler: ({ query, principal, caller }) => securityPage(flow, principal, caller, query.done),
    }),
    ...appPage(flow, stepUp),
    ...questionPage(flow, stepUp, {
      path: removeAppPath,
      name: 'remove_app',
      ids: ['totp.show_remove', 'totp.submit_remove'],
      summaries: ['Page that asks whether to remove the authenticator app', 'Its form: removes the authenticator app'],
      act: async (principal, caller) => {
        const issued = await removeTotp(flow, principal, caller);
        const location = `${securityPath}?done=app_removed` as const;
        return { kind: 'redirect', location, cookies: sessionCookies(issued) };
      },
    }),
    ...questionPage(flow, stepUp, {
      path: codesPath,
      name: 'new_codes',
      ids: ['recovery_codes.show', 'recovery_codes.submit'],
      summaries: ['Page that asks whether to make new recovery codes', 'Its form: makes them, and shows them once'],
      act: async (principal, caller) => {
        const codes = await replaceRecoveryCodes(flow, principal, caller);
        return codesShown(wordsOf(flow.catalogues, caller), codes);
      },
    }),
  ];
}

async function securityPage(
  flow: FactorPages,
  principal: Principal,
  caller: Caller,
  what: z.output<typeof done> | undefined,
): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const { say } = words;
  const { totp, recoveryCodes, passkeys } = await describeFactors(flow, principal);
  const isRequired = isSecondFactorRequired(flow.secondFactorFor, { hasRole: principal.roles.length > 0 });
  const mayRemove = !isRequired || (totp === undefined ? 0 : 1) + passkeys.length > 1;
  const app =
    totp === undefined
      ? html`<p>${say('page.security.app_off')}</p>
<p><a class="button" href="${appPath}">${say('page.security.set_up')}</a></p>`
      : html`<p>${say('page.security.app_on', { at: totp.confirmedAt })}</p>
<p><a href="${appPath}">${say('page.security.replace')}</a></p>
${mayRemove && html`<p><a href="${removeAppPath}">${say('page.security.remove')}</a></p>`}`;
  const codes =
    recoveryCodes !== undefined &&
    html`<h2>${say('page.security.codes_title')}</h2>
<p>${say('page.security.codes_left', { count: recoveryCodes.unused })}</p>
<p><a href="${codesPath}">${say('page.security.codes_new')}</a></p>`;
  const body = html`${what !== undefined && statusNote(say(`page.security.${what}_done`))}<h2>${say('page.security.app_title')}</h2>
${app}
${passkeysPart(flow, words, principal, { passkeys, mayRemove })}
${codes}
<p class="soft"><a href="${accountPath}">${say('page.account.back')}</a></p>`;
  const script = passkeyScriptPath;
  return { kind: 'html', status: 200, html: page({ title: say('page.security.title'), words, body, script }) };
}

/** The list, with the signal that lets an authenticator forget what was removed. */
function passkeysPart(
  { passkeys: settings, keys }: FactorPages,
  { say }: PageWords,
  { userId }: Principal,
  { passkeys, mayRemove }: { readonly passkeys: readonly Passkey[]; readonly mayRemove: boolean },
): Html {
  const signal = signalOf(settings.rpId, userHandleOf(keys, userId, passkeys), passkeys);
  return html`<h2>${say('page.security.passkeys_title')}</h2>
${passkeys.length === 0 && html`<p>${say('page.security.passkeys_none')}</p>`}
${passkeys.map(
  ({ id, name, createdAt: at, suspendedAt }) => html`<p><bdi>${name}</bdi><br>
<span class="soft">${say('page.security.passkey_added', { at })}</span>${
    suspendedAt !== null && html` <span class="soft">${say('page.security.passkey_suspended')}</span>`
  }${mayRemove && html`<br><a href="${securityPath}/remove-passkey?id=${id}">${say('page.security.passkey_remove')}</a>`}</p>
`,
)}
${acceptsPasskeys(settings) && html`<p><a class="button" href="${securityPath}/add-passkey">${say('page.security.passkey_add')}</a></p>`}
${passkeySignal('signalAllAcceptedCredentials', signal)}`;
}

function appPage(flow: FactorPages, stepUp: StepUp): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'totp.show',
      method: 'GET',
      path: appPath,
      summary: 'Page that says what an authenticator app is for',
      auth: { principals: ['session'], stepUp },
      rateLimit: 'pages',
      request: {},
      problems: [],
      handler: async ({ caller }) => startPage(wordsOf(flow.catalogues, caller), 200),
    }),
    pageEndpoint({
      id: 'totp.submit',
      method: 'POST',
      path: appPath,
      summary: 'Its form: shows the key for the app, then takes the first code',
      auth: { principals: ['session'], stepUp: formOf(stepUp) },
      rateLimit: 'credential',
      request: { form: z.strictObject({ act: z.enum(['begin', 'confirm']), code: z.string().max(100).optional() }) },
      problems: [],
      handler: async ({ body: { act, code = '' }, principal, caller }) => {
        const words = wordsOf(flow.catalogues, caller);
        if (act === 'begin') return keyPage(words, await beginOwnTotp(flow, principal));
        return confirm(flow, words, code, principal, caller);
      },
    }),
  ];
}

async function confirm(
  flow: FactorPages,
  words: PageWords,
  code: string,
  principal: Principal,
  caller: Caller,
): Promise<PageResponse> {
  try {
    const { issued, recoveryCodes } = await finishTotp(flow, code, principal, caller);
    const cookies = sessionCookies(issued);
    if (recoveryCodes !== undefined) return { ...codesShown(words, recoveryCodes), cookies };
    return { kind: 'redirect', location: `${securityPath}?done=app_on`, cookies };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === 'invalid_code') return wrongCodePage(words, error.status);
    if (error.code === 'enrollment_expired') return startPage(words, error.status);
    throw error;
  }
}

/** With a status of an error, the set-up has to begin again. */
function startPage(words: PageWords, status: number): PageResponse {
  const { say } = words;
  const notice = status === 200 ? undefined : alert(say('page.app.expired'));
  const form = html`${hiddenField('act', 'begin')}
${button({ label: say('page.app.begin') })}`;
  const body = html`${notice}<p>${say('page.app.intro')}</p>
${postForm(appPath, form)}
${cancelLink(words)}`;
  return response(words, status, 'app', body);
}

/** The key is on this page alone: nothing can read it again, and a wrong code does not show it a second time. */
function keyPage(words: PageWords, enrollment: Enrollment): PageResponse {
  const body = html`${appKey(words, enrollment, codeForm(words, undefined))}
${cancelLink(words)}`;
  return response(words, 200, 'app', body);
}

function wrongCodePage(words: PageWords, status: number): PageResponse {
  const { say } = words;
  const again = html`${hiddenField('act', 'begin')}
${button({ label: say('page.app.again'), kind: 'quiet', skipsFields: true })}`;
  const body = html`<p>${say('page.app.enter')}</p>
${codeForm(words, say('page.second_factor.wrong'))}
${postForm(appPath, again)}
${cancelLink(words)}`;
  return response(words, status, 'app', body);
}

function codeForm(words: PageWords, complaint: string | undefined): Html {
  const content = html`${hiddenField('act', 'confirm')}
${codeField(words, complaint)}
${button({ label: words.say('page.app.submit') })}`;
  return postForm(appPath, content);
}

/** The codes cannot be shown again. */
function codesShown(words: PageWords, codes: readonly string[]) {
  return response(words, 200, 'codes', recoveryCodeList(words, codes, securityPath));
}

/** A page with one question; its texts are `page.<name>.title`, `question` and `submit`. */
interface QuestionPage {
  readonly path: `/${string}`;
  readonly name: 'remove_app' | 'new_codes';
  readonly ids: readonly [show: string, submit: string];
  readonly summaries: readonly [show: string, submit: string];
  readonly act: (principal: Principal, caller: Caller) => Promise<PageResponse>;
}

function questionPage(flow: FactorPages, stepUp: StepUp, declared: QuestionPage): readonly Endpoint[] {
  const { path, name, ids, summaries, act } = declared;
  return [
    pageEndpoint({
      id: ids[0],
      method: 'GET',
      path,
      summary: summaries[0],
      auth: { principals: ['session'], stepUp },
      rateLimit: 'pages',
      request: {},
      problems: [],
      handler: async ({ caller }) => {
        const words = wordsOf(flow.catalogues, caller);
        const { say } = words;
        const body = html`<p>${say(`page.${name}.question`)}</p>
${postForm(path, button({ label: say(`page.${name}.submit`), name: 'act', value: 'confirm' }))}
${cancelLink(words)}`;
        return response(words, 200, name, body);
      },
    }),
    pageEndpoint({
      id: ids[1],
      method: 'POST',
      path,
      summary: summaries[1],
      auth: { principals: ['session'], stepUp: formOf(stepUp) },
      rateLimit: 'pages',
      request: { form: z.strictObject({ act: z.literal('confirm') }) },
      problems: [],
      handler: async ({ principal, caller }) => {
        try {
          return await act(principal, caller);
        } catch (error) {
          // Removed in another tab since the page was shown, or required by a role that was granted since.
          if (!(error instanceof Problem) || !refusals.includes(error.code)) throw error;
          return { kind: 'redirect', location: securityPath };
        }
      },
    }),
  ];
}

const refusals: readonly ProblemCode[] = ['no_second_factor', 'second_factor_required'];

function formOf({ withinSeconds }: StepUp): StepUp {
  return { withinSeconds: withinSeconds + readingSeconds };
}

function cancelLink({ say }: PageWords): Html {
  return html`<p class="soft"><a href="${securityPath}">${say('page.security.not_now')}</a></p>`;
}

function response(words: PageWords, status: number, name: string, body: Html) {
  return { kind: 'html', status, html: page({ title: words.say(`page.${name}.title`), words, body }) } as const;
}

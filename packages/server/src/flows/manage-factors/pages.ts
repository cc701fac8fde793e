/**
 * The pages of `/account/security`. Each change has a page of its own: GET shows a question, after a recent proof, and POST changes.
 * A form may be sent a quarter of an hour later than its page may be opened, so that reading it costs no second proof.
 */

import { z } from 'zod';
import { acceptsPasskeys, type Passkey, type PasskeySettings, userHandleOf } from '#domain/passkeys/index.ts';
import { type Enrollment, isSecondFactorRequired } from '#domain/second-factors/index.ts';
import { Problem } from '#kernel/problem.ts';
import { accountForm, formStepUp } from '#pages/account-form.ts';
import { actLink, ago, doneNote, type Thing, things } from '#pages/account-parts.ts';
import { appKey, recoveryCodeList } from '#pages/authenticator-app.ts';
import { button, codeField, hiddenField, linkButton, postForm } from '#pages/form.ts';
import { sessionCookies } from '#pages/login-result.ts';
import { alert, refusal } from '#pages/notice.ts';
import { securityPath } from '#pages/own-path.ts';
import { accountPage, section } from '#pages/page.ts';
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

const done = z.enum([
  'app_on',
  'app_removed',
  'password_changed',
  'passkey_added',
  'passkey_removed',
  'passkey_renamed',
  'passkey_resumed',
]);

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
    ...removeAppPage(flow, stepUp),
    ...newCodesPage(flow, stepUp),
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
  const factors = await describeFactors(flow, principal);
  const isRequired = isSecondFactorRequired(flow.secondFactorFor, { hasRole: principal.roles.length > 0 });
  const { totp, recoveryCodes, passkeys } = factors;
  const mayRemove = !isRequired || (totp === undefined ? 0 : 1) + passkeys.length > 1;
  const body = html`${doneNote(words, 'security', what)}${section({
    title: say('page.security.password_title'),
    action: actLink(`${securityPath}/password`, { label: say('page.security.password_change') }),
    lead: say('page.security.password_about'),
    body: html``,
  })}${passkeySection(flow, words, principal, { passkeys, mayRemove })}${appSection(words, totp?.confirmedAt, mayRemove)}${
    recoveryCodes !== undefined &&
    section({
      title: say('page.security.codes_title'),
      lead: say('page.security.codes_left', { count: recoveryCodes.unused }),
      action: actLink(codesPath, { label: say('page.security.codes_new') }),
      body: html``,
    })
  }`;
  const title = say('page.security.title');
  const lead = isRequired ? say('page.security.required') : undefined;
  const shown = { section: securityPath, title, lead, words, body, script: passkeyScriptPath } as const;
  return { kind: 'html', status: 200, html: accountPage(shown) };
}

function appSection({ say }: PageWords, confirmedAt: Date | undefined, mayRemove: boolean): Html {
  const title = say('page.security.app_title');
  if (confirmedAt === undefined) {
    const action = actLink(appPath, { label: say('page.security.set_up') });
    return section({ title, lead: say('page.security.app_off'), action, body: html`` });
  }
  return section({
    title,
    body: things([
      {
        icon: 'phone',
        title: say('page.security.app_on_title'),
        lines: [say('page.security.app_on', { at: confirmedAt })],
        actions: [
          actLink(appPath, { label: say('page.security.replace') }),
          ...(mayRemove ? [actLink(removeAppPath, { label: say('page.security.remove') })] : []),
        ],
      },
    ]),
  });
}

/** The list, with the signal that lets an authenticator forget what was removed. */
function passkeySection(
  { passkeys: settings, keys, clock }: FactorPages,
  words: PageWords,
  { userId }: Principal,
  { passkeys, mayRemove }: { readonly passkeys: readonly Passkey[]; readonly mayRemove: boolean },
): Html {
  const { say } = words;
  const signal = signalOf(settings.rpId, userHandleOf(keys, userId, passkeys), passkeys);
  const list = things(passkeys.map((passkey) => passkeyThing(words, passkey, { mayRemove, now: clock.now() })));
  return section({
    title: say('page.security.passkeys_title'),
    ...(passkeys.length === 0 && { lead: say('page.security.passkeys_none') }),
    ...(acceptsPasskeys(settings) && {
      action: actLink(`${securityPath}/add-passkey`, { label: say('page.security.passkey_add') }),
    }),
    body: html`${passkeys.length > 0 && list}${passkeySignal('signalAllAcceptedCredentials', signal)}`,
  });
}

function passkeyThing(
  words: PageWords,
  { id, name, createdAt, lastUsedAt, suspendedAt }: Passkey,
  { mayRemove, now }: { readonly mayRemove: boolean; readonly now: Date },
): Thing {
  const { say } = words;
  const way = (act: string, label: string) =>
    actLink(`${securityPath}/${act}-passkey?id=${id}`, { label, about: name });
  const used =
    lastUsedAt === null
      ? say('page.security.passkey_unused')
      : say('page.security.passkey_used', { ago: ago(words, lastUsedAt, now) });
  return {
    icon: 'passkey',
    title: name,
    tags: suspendedAt === null ? [] : [[say('page.security.passkey_paused'), 'warn']],
    lines: [
      say('page.security.passkey_added', { at: createdAt }),
      used,
      ...(suspendedAt === null ? [] : [say('page.security.passkey_suspended')]),
    ],
    actions: [
      ...(suspendedAt === null ? [] : [way('resume', say('page.security.passkey_resume'))]),
      way('rename', say('page.security.passkey_rename')),
      ...(mayRemove ? [way('remove', say('page.security.passkey_remove'))] : []),
    ],
  };
}

function removeAppPage(flow: FactorPages, stepUp: StepUp): readonly Endpoint[] {
  return accountForm({
    section: securityPath,
    path: removeAppPath,
    catalogues: flow.catalogues,
    show: { id: 'totp.show_remove', summary: 'Page that asks whether to remove the authenticator app' },
    submit: {
      id: 'totp.submit_remove',
      summary: 'Its form: removes the authenticator app',
      fields: { act: z.literal('confirm') },
      rateLimit: 'pages',
    },
    stepUp,
    content: ({ words }) => ({ ...questionOf(words, 'remove_app'), kind: 'danger' }),
    act: async (_, principal, caller) => {
      const issued = await removeTotp(flow, principal, caller);
      return { done: 'app_removed', cookies: sessionCookies(issued) };
    },
    // Removed in another tab since the page was shown, or required by a role that was granted since.
    leads: ['no_second_factor', 'second_factor_required'],
  });
}

function newCodesPage(flow: FactorPages, stepUp: StepUp): readonly Endpoint[] {
  return accountForm({
    section: securityPath,
    path: codesPath,
    catalogues: flow.catalogues,
    show: { id: 'recovery_codes.show', summary: 'Page that asks whether to make new recovery codes' },
    submit: {
      id: 'recovery_codes.submit',
      summary: 'Its form: makes them, and shows them once',
      fields: { act: z.literal('confirm') },
      rateLimit: 'pages',
    },
    stepUp,
    content: ({ words }) => questionOf(words, 'new_codes'),
    act: async (_, principal, caller, words) => codesShown(words, await replaceRecoveryCodes(flow, principal, caller)),
    leads: ['no_second_factor'],
  });
}

/** A page with one question; its texts are `page.<name>.title`, `question` and `submit`. */
function questionOf({ say }: PageWords, name: 'remove_app' | 'new_codes') {
  return {
    title: say(`page.${name}.title`),
    lead: say(`page.${name}.question`),
    fields: hiddenField('act', 'confirm'),
    submit: say(`page.${name}.submit`),
  } as const;
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
      auth: { principals: ['session'], stepUp: formStepUp(stepUp) },
      rateLimit: 'credential',
      request: { form: z.strictObject({ act: z.enum(['begin', 'confirm']), code: z.string().max(100).optional() }) },
      problems: [],
      handler: async ({ body: { act, code = '' }, principal, caller }) => {
        const words = wordsOf(flow.catalogues, caller);
        if (act === 'begin') return keyPage(words, await beginOwnTotp(flow, principal));
        return confirm(flow, words, code, principal, caller);
      },
      refused: async ({ body: { act }, caller, problem }) => {
        const words = wordsOf(flow.catalogues, caller);
        const notice = refusal(words, problem);
        return act === 'begin' ? startPage(words, 200, notice) : enterPage(words, 200, { notice });
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
    if (error.code === 'invalid_code')
      return enterPage(words, error.status, { complaint: words.say('page.second_factor.wrong') });
    if (error.code === 'enrollment_expired')
      return startPage(words, error.status, alert(words.say('page.app.expired')));
    throw error;
  }
}

function startPage(words: PageWords, status: number, notice?: Html): PageResponse {
  const { say } = words;
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

/** Takes a code again. */
function enterPage(
  words: PageWords,
  status: number,
  { complaint, notice }: { readonly complaint?: string; readonly notice?: Html },
): PageResponse {
  const { say } = words;
  const again = html`${hiddenField('act', 'begin')}
${button({ label: say('page.app.again'), kind: 'quiet', skipsFields: true })}`;
  const body = html`${notice}<p>${say('page.app.enter')}</p>
${codeForm(words, complaint)}
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

function cancelLink({ say }: PageWords): Html {
  return linkButton({ label: say('page.account.not_now'), kind: 'quiet', path: securityPath });
}

function response(words: PageWords, status: number, name: string, body: Html) {
  const title = words.say(`page.${name}.title`);
  const shown = {
    section: securityPath,
    title,
    words,
    body: html`<div class="card"><div class="inside">${body}</div></div>`,
  } as const;
  return { kind: 'html', status, html: accountPage(shown) } as const;
}

/** The pages of `/account/security` that add, rename, resume and remove a passkey. */

import { z } from 'zod';
import type { Passkey } from '#domain/passkeys/index.ts';
import { nameInput } from '#domain/users/index.ts';
import { Problem } from '#kernel/problem.ts';
import { type AccountForm, accountForm, formStepUp } from '#pages/account-form.ts';
import { recoveryCodeList } from '#pages/authenticator-app.ts';
import { field, hiddenField, linkButton } from '#pages/form.ts';
import { sessionCookies } from '#pages/login-result.ts';
import { alert, refusal } from '#pages/notice.ts';
import { securityPath } from '#pages/own-path.ts';
import { accountPage } from '#pages/page.ts';
import { credentialField, passkeyForm, readCredential, registrationRefusals } from '#pages/passkey-form.ts';
import { passkeyScriptPath } from '#pages/scripts.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { registrationResponseSchema } from '#protocol/webauthn/index.ts';
import { addOwn } from './add.ts';
import { changeOwn, listOwn, type ManagePasskeys } from './manage-passkeys.ts';
import { removeOwn } from './remove.ts';

/** Dependencies of the pages. */
export type OwnPasskeyPages = ManagePasskeys & { readonly catalogues: Catalogues };

const addPath = `${securityPath}/add-passkey` as const;
const optionsPath = '/api/v1/users/me/passkey-options';

const addFields = z.strictObject({
  kind: z.enum(['passkey', 'security_key']),
  credential: credentialField,
  name: z.string().max(400).default(''),
});

export function ownPasskeyPages(flow: OwnPasskeyPages): readonly Endpoint[] {
  const stepUp = { withinSeconds: flow.stepUpSeconds };
  return [
    pageEndpoint({
      id: 'passkeys.show_add',
      method: 'GET',
      path: addPath,
      summary: 'Page that adds a passkey or a security key',
      auth: { principals: ['session'], stepUp },
      rateLimit: 'pages',
      callsApi: true,
      request: {},
      problems: [],
      handler: async ({ caller }) => addPage(wordsOf(flow.catalogues, caller), { status: 200 }),
    }),
    pageEndpoint({
      id: 'passkeys.submit_add',
      method: 'POST',
      path: addPath,
      summary: 'Its form: stores the passkey',
      auth: { principals: ['session'], stepUp: formStepUp(stepUp) },
      rateLimit: 'pages',
      callsApi: true,
      request: { form: addFields },
      problems: ['passkeys_unavailable'],
      handler: ({ body, principal, caller }) => add(flow, body, principal, caller),
      refused: ({ body: { name }, caller, problem }) => {
        const words = wordsOf(flow.catalogues, caller);
        return addPage(words, { status: 200, notice: refusal(words, problem), name });
      },
    }),
    ...changePages(flow, stepUp),
  ];
}

async function add(
  flow: OwnPasskeyPages,
  { kind, credential: sent, name }: z.output<typeof addFields>,
  principal: Principal,
  caller: Caller,
): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const credential = readCredential(sent, registrationResponseSchema);
  try {
    if (credential === undefined) throw new Problem('invalid_passkey', { log: 'the form has no response' });
    // A name that is not accepted is no reason to lose the key: it gets that of its browser.
    const added = await addOwn(flow, { kind, credential, name: nameInput.safeParse(name).data }, principal, caller);
    if (added.turnedOn === undefined) return { kind: 'redirect', location: `${securityPath}?done=passkey_added` };
    const { issued, recoveryCodes } = added.turnedOn;
    const cookies = sessionCookies(issued);
    if (recoveryCodes !== undefined) {
      const list = recoveryCodeList(words, recoveryCodes, securityPath);
      return { ...response(words, 200, 'codes', list), cookies };
    }
    return { kind: 'redirect', location: `${securityPath}?done=passkey_added`, cookies };
  } catch (error) {
    const text = error instanceof Problem ? registrationRefusals[error.code] : undefined;
    if (!(error instanceof Problem) || text === undefined) throw error;
    return addPage(words, { status: error.status, notice: alert(words.say(text)), name });
  }
}

function addPage(
  words: PageWords,
  { status, notice, name: typed }: { readonly status: number; readonly notice?: Html; readonly name?: string },
): PageResponse {
  const { say } = words;
  const choice = (kind: 'passkey' | 'security_key') =>
    ({
      label: say(`page.add_passkey.${kind}`),
      mode: 'button',
      options: { url: optionsPath, body: { kind } },
      kind,
      look: kind === 'security_key' ? 'plain' : 'primary',
    }) as const;
  const name = html`${hiddenField('kind', 'passkey')}
${field({
  name: 'name',
  label: say('page.add_passkey.name'),
  type: 'text',
  autocomplete: 'off',
  maxLength: 100,
  ...(typed !== undefined && { value: typed }),
  hint: say('page.add_passkey.name_hint'),
  isOptional: true,
})}`;
  const body = html`${notice}<p>${say('page.add_passkey.intro')}</p>
<p>${say('page.add_passkey.key_intro')}</p>
${passkeyForm(addPath, words, [choice('passkey'), choice('security_key')], name)}
${cancelLink(words)}`;
  return response(words, status, 'add_passkey', body, passkeyScriptPath);
}

const aboutPasskey = { id: z.string().max(100) };

function changePages(flow: OwnPasskeyPages, stepUp: { readonly withinSeconds: number }): readonly Endpoint[] {
  const common = { section: securityPath, catalogues: flow.catalogues, about: aboutPasskey, stepUp } as const;
  return [...renamePage(flow, common), ...resumePage(flow, common), ...removePage(flow, common)];
}

type CommonParts = Pick<AccountForm<z.ZodRawShape, typeof aboutPasskey>, 'section' | 'catalogues' | 'about' | 'stepUp'>;

async function find(flow: OwnPasskeyPages, principal: Principal, id: string): Promise<Passkey | undefined> {
  return (await listOwn(flow, principal)).passkeys.find((passkey) => passkey.id === id);
}

function renamePage(flow: OwnPasskeyPages, common: CommonParts): readonly Endpoint[] {
  return accountForm({
    ...common,
    path: `${securityPath}/rename-passkey`,
    show: { id: 'passkeys.show_rename', summary: 'Page that asks for another name of a passkey' },
    submit: {
      id: 'passkeys.submit_rename',
      summary: 'Its form: renames the passkey',
      fields: { name: z.string().max(400) },
      rateLimit: 'pages',
    },
    content: async ({ words: { say }, principal, about, typed, complaints }) => {
      const passkey = await find(flow, principal, about.id);
      if (passkey === undefined) return undefined;
      const [name, label] = ['name', say('page.add_passkey.name')];
      const value = typed?.name ?? passkey.name;
      const shown = {
        name,
        label,
        type: 'text',
        autocomplete: 'off',
        value,
        maxLength: 100,
        hasFocus: true,
      } as const;
      return {
        title: say('page.rename_passkey.title'),
        fields: field({ ...shown, complaint: complaints.name }),
        submit: say('page.rename_passkey.submit'),
      };
    },
    act: async ({ id, name }, principal, caller, { say }) => {
      const accepted = nameInput.safeParse(name);
      if (!accepted.success) {
        const error = { path: '/name', code: 'name', message: say('page.name.invalid') };
        throw new Problem('validation_failed', { errors: [error] });
      }
      await changeOwn(flow, id.toLowerCase(), { name: accepted.data, resume: false }, principal, caller);
      return { done: 'passkey_renamed' };
    },
    leads: ['passkey_not_found'],
  });
}

function resumePage(flow: OwnPasskeyPages, common: CommonParts): readonly Endpoint[] {
  return accountForm({
    ...common,
    path: `${securityPath}/resume-passkey`,
    show: { id: 'passkeys.show_resume', summary: 'Page that asks whether a suspended passkey may sign in again' },
    submit: {
      id: 'passkeys.submit_resume',
      summary: 'Its form: ends the suspension',
      fields: {},
      rateLimit: 'pages',
    },
    content: async ({ words: { say }, principal, about }) => {
      const passkey = await find(flow, principal, about.id);
      if (passkey === undefined || passkey.suspendedAt === null) return undefined;
      const lead = say('page.resume_passkey.question', { name: passkey.name });
      return { title: say('page.resume_passkey.title'), lead, submit: say('page.resume_passkey.submit') };
    },
    act: async ({ id }, principal, caller) => {
      await changeOwn(flow, id.toLowerCase(), { name: undefined, resume: true }, principal, caller);
      return { done: 'passkey_resumed' };
    },
    leads: ['passkey_not_found'],
  });
}

function removePage(flow: OwnPasskeyPages, common: CommonParts): readonly Endpoint[] {
  return accountForm({
    ...common,
    path: `${securityPath}/remove-passkey`,
    show: { id: 'passkeys.show_remove', summary: 'Page that asks whether to remove a passkey' },
    submit: {
      id: 'passkeys.submit_remove',
      summary: 'Its form: removes the passkey',
      fields: {},
      rateLimit: 'pages',
    },
    content: async ({ words: { say }, principal, about }) => {
      const passkey = await find(flow, principal, about.id);
      if (passkey === undefined) return undefined;
      const lead = say('page.remove_passkey.question', { name: passkey.name });
      return {
        title: say('page.remove_passkey.title'),
        lead,
        submit: say('page.remove_passkey.submit'),
        kind: 'danger',
      };
    },
    act: async ({ id }, principal, caller) => {
      const { issued } = await removeOwn(flow, id, principal, caller);
      return { done: 'passkey_removed', cookies: sessionCookies(issued) };
    },
    // Removed in another tab since the page was shown, or by now the last factor of a user who must have one.
    leads: ['passkey_not_found', 'second_factor_required'],
  });
}

function cancelLink({ say }: PageWords): Html {
  return linkButton({ label: say('page.account.not_now'), kind: 'quiet', path: securityPath });
}

function response(words: PageWords, status: number, name: string, body: Html, script?: string) {
  const title = words.say(`page.${name}.title`);
  const shown = {
    section: securityPath,
    title,
    words,
    body: html`<div class="card"><div class="inside">${body}</div></div>`,
    script,
  } as const;
  return { kind: 'html', status, html: accountPage(shown) } as const;
}

/** The pages of `/account/security` that add and remove a passkey. */

import { z } from 'zod';
import { nameInput } from '#domain/users/index.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { recoveryCodeList } from '#pages/authenticator-app.ts';
import { button, hiddenField, postForm } from '#pages/form.ts';
import { sessionCookies } from '#pages/login-result.ts';
import { alert } from '#pages/notice.ts';
import { securityPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { credentialField, passkeyForm, readCredential, registrationRefusals } from '#pages/passkey-form.ts';
import { passkeyScriptPath } from '#pages/scripts.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { registrationResponseSchema } from '#protocol/webauthn/index.ts';
import { addOwn } from './add.ts';
import { listOwn, type ManagePasskeys } from './manage-passkeys.ts';
import { removeOwn } from './remove.ts';

/** Dependencies of the pages. */
export type OwnPasskeyPages = ManagePasskeys & { readonly catalogues: Catalogues };

const addPath = `${securityPath}/add-passkey` as const;
const removePath = `${securityPath}/remove-passkey` as const;
const optionsPath = '/api/v1/users/me/passkey-options';

/** The time to fill in a form whose page required a recent proof. */
const readingSeconds = 15 * 60;

const addFields = z.strictObject({
  kind: z.enum(['passkey', 'security_key']),
  credential: credentialField,
  name: z.string().max(400).default(''),
});

export function ownPasskeyPages(flow: OwnPasskeyPages): readonly Endpoint[] {
  const stepUp = { withinSeconds: flow.stepUpSeconds };
  const formStepUp = { withinSeconds: flow.stepUpSeconds + readingSeconds };
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
      handler: async ({ caller }) => addPage(wordsOf(flow.catalogues, caller), 200, undefined),
    }),
    pageEndpoint({
      id: 'passkeys.submit_add',
      method: 'POST',
      path: addPath,
      summary: 'Its form: stores the passkey',
      auth: { principals: ['session'], stepUp: formStepUp },
      rateLimit: 'pages',
      callsApi: true,
      request: { form: addFields },
      problems: ['passkeys_unavailable'],
      handler: ({ body, principal, caller }) => add(flow, body, principal, caller),
    }),
    ...removePages(flow, { stepUp, formStepUp }),
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
    return addPage(words, error.status, text);
  }
}

function addPage(words: PageWords, status: number, complaint: string | undefined): PageResponse {
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
<p><label for="name">${say('page.add_passkey.name')}</label>
<input id="name" name="name" type="text" autocomplete="off" maxlength="100" aria-describedby="name-hint">
<span id="name-hint" class="hint">${say('page.add_passkey.name_hint')}</span></p>
`;
  const body = html`${complaint !== undefined && alert(say(complaint))}<p>${say('page.add_passkey.intro')}</p>
<p>${say('page.add_passkey.key_intro')}</p>
${passkeyForm(addPath, words, [choice('passkey'), choice('security_key')], name)}
${cancelLink(words)}`;
  return response(words, status, 'add_passkey', body, passkeyScriptPath);
}

interface StepUps {
  readonly stepUp: { readonly withinSeconds: number };
  readonly formStepUp: { readonly withinSeconds: number };
}

function removePages(flow: OwnPasskeyPages, { stepUp, formStepUp }: StepUps): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'passkeys.show_remove',
      method: 'GET',
      path: removePath,
      summary: 'Page that asks whether to remove a passkey',
      auth: { principals: ['session'], stepUp },
      rateLimit: 'pages',
      request: { query: z.strictObject({ id: z.string().max(100).optional() }) },
      problems: [],
      handler: async ({ query, principal, caller }) => {
        const { passkeys } = await listOwn(flow, principal);
        const passkey = passkeys.find(({ id }) => id === query.id);
        if (passkey === undefined) return { kind: 'redirect', location: securityPath };
        const words = wordsOf(flow.catalogues, caller);
        const { say } = words;
        const form = html`${hiddenField('id', passkey.id)}
${button({ label: say('page.remove_passkey.submit') })}`;
        const body = html`<p>${say('page.remove_passkey.question', { name: passkey.name })}</p>
${postForm(removePath, form)}
${cancelLink(words)}`;
        return response(words, 200, 'remove_passkey', body);
      },
    }),
    pageEndpoint({
      id: 'passkeys.submit_remove',
      method: 'POST',
      path: removePath,
      summary: 'Its form: removes the passkey',
      auth: { principals: ['session'], stepUp: formStepUp },
      rateLimit: 'pages',
      request: { form: z.strictObject({ id: z.string().max(100) }) },
      problems: [],
      handler: ({ body: { id }, principal, caller }) => remove(flow, id, principal, caller),
    }),
  ];
}

const lateRefusals: readonly ProblemCode[] = ['passkey_not_found', 'second_factor_required'];

async function remove(flow: OwnPasskeyPages, id: string, principal: Principal, caller: Caller): Promise<PageResponse> {
  try {
    const { issued } = await removeOwn(flow, id, principal, caller);
    return { kind: 'redirect', location: `${securityPath}?done=passkey_removed`, cookies: sessionCookies(issued) };
  } catch (error) {
    // Removed in another tab since the page was shown, or by now the last factor of a user who must have one.
    if (!(error instanceof Problem && lateRefusals.includes(error.code))) throw error;
    return { kind: 'redirect', location: securityPath };
  }
}

function cancelLink({ say }: PageWords): Html {
  return html`<p class="soft"><a href="${securityPath}">${say('page.security.not_now')}</a></p>`;
}

function response(words: PageWords, status: number, name: string, body: Html, script?: string) {
  return { kind: 'html', status, html: page({ title: words.say(`page.${name}.title`), words, body, script }) } as const;
}

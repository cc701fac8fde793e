/**
 * Setting an owner up by a one-time link that an operator makes on the server. Owns `POST /api/v1/auth/setup`, the page
 * `/setup`, the links of the purpose `setup`, and the mail `owner_recovery`; no tables.
 *
 * Invariants:
 * - A link works once, for 24 hours. It counts as access to the mailbox, by the operator's word.
 * - The role is given by the use of the link, never by its making.
 * - The login goes through the gate: an owner needs a second factor, and sets it up before a session exists.
 * - A link for an existing owner is mailed to every owner when it is made.
 */
import { z } from 'zod';
import { passwordInput } from '#domain/passwords/index.ts';
import { nameInput } from '#domain/users/index.ts';
import { field } from '#pages/form.ts';
import { linkPage, linkToken } from '#pages/link-page.ts';
import { issuedSessionExample, loginResponse, loginResultData } from '#pages/login-result.ts';
import { type LeadsOn, leadOn } from '#pages/login-step.ts';
import { newPasswordFields } from '#pages/new-password-field.ts';
import { joinHtml } from '#platform/html/index.ts';
import { apiEndpoint, type Endpoint, refuseForeignCookies } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import { readLink, type SetUpOwner, setUpOwner } from './set-up.ts';

export { makeRecoveryLink, makeSetupLink, type OwnerLinks, type SetupLink } from './links.ts';

type SetUpOwnerPages = SetUpOwner & LeadsOn & { readonly catalogues: Catalogues };

/** The page of the link. */
export const setupPath = '/setup';

export function setUpOwnerEndpoints(flow: SetUpOwnerPages): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'owner.set_up',
      method: 'POST',
      path: '/api/v1/auth/setup',
      tag: 'login',
      summary: 'Set up an owner by the link of an operator',
      description:
        'Takes the token of the link that `latchkey admin create` or `latchkey admin recover` prints. Sets name and password, ' +
        'gives the role `owner`, and ends every session. The response is that of a login, whose next step is ' +
        '`enroll_second_factor` where owners need a second factor.',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      request: {
        body: z.strictObject({
          token: linkToken,
          name: nameInput,
          password: passwordInput,
          transport: z.enum(['cookie', 'token']).default('token'),
          deviceToken: z.string().max(200).optional(),
        }),
      },
      response: { status: 200, message: 'Set up', data: loginResultData, example: issuedSessionExample },
      problems: ['invalid_token', 'busy'],
      handler: async ({ body, caller }) => {
        const { token, name, password, transport, deviceToken = caller.deviceCookie } = body;
        if (transport === 'cookie') refuseForeignCookies(caller.foreignOrigin);
        return loginResponse(await setUpOwner(flow, { token, name, password }, { transport, deviceToken }, caller));
      },
    }),
    ...setupPage(flow),
  ];
}

function setupPage(flow: SetUpOwnerPages): readonly Endpoint[] {
  return linkPage({
    path: setupPath,
    show: { id: 'owner.show_set_up', summary: 'Page of the link for an owner: form for a name and a password' },
    submit: {
      id: 'owner.submit_set_up',
      summary: 'Its form: sets the owner up, and leads to the second factor',
      form: z.strictObject({ token: linkToken, name: nameInput, password: passwordInput }),
      rateLimit: 'credential',
    },
    catalogues: flow.catalogues,
    texts: 'page.setup',
    read: (token = '') => readLink(flow, token),
    localeOf: () => undefined,
    form: ({ link, words, say }, { name: complaint, password }, typed) => ({
      paragraphs: [say('intro')],
      fields: joinHtml([
        field({
          name: 'name',
          label: words.say('page.name.label'),
          type: 'text',
          autocomplete: 'name',
          maxLength: 200,
          hasFocus: complaint !== undefined || password === undefined,
          complaint,
          ...(typed !== undefined && { value: typed.name }),
        }),
        newPasswordFields(flow.passwordRules, words, { email: link.address, complaint: password }),
      ]),
    }),
    act: async ({ token, name, password }, caller, { words }) => {
      const { deviceCookie: deviceToken, browserHash } = caller;
      const options = { transport: 'cookie', deviceToken, browserHash } as const;
      return leadOn(flow, words, await setUpOwner(flow, { token, name, password }, options, caller));
    },
  });
}

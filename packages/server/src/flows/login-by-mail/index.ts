/**
 * Login by mail: a link, or a code of six digits. Owns `POST /api/v1/auth/login/magic-link`, `…/magic-link/verify`,
 * `…/email-code`, `…/email-code/verify` and the pages `/login/magic-link` and `/login/email-code`. Settings enable each of
 * the two.
 *
 * Invariants:
 * - A request for a mail gets its response before the address is looked up (invariant 13); only verified addresses get
 *   mail.
 * - The client that requests a mail receives a secret, in a cookie or in the body, and only together with this secret does
 *   the link or code log in. A forwarded mail, or a link that a victim is made to open, is useless to an attacker.
 * - A code expires after five tries. Attempts at all codes of a user share one counter, apart from the password's.
 *
 * Must not decide what a right link or code leads to: the gate (`domain/authentication`) does.
 */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { issuedSessionExample, loginResponse, loginResultData } from '#pages/login-result.ts';
import { apiEndpoint, type Caller, type Endpoint, exampleValues, refuseForeignCookies } from '#platform/http/index.ts';
import { codePattern } from '#protocol/digit-code/index.ts';
import { type CodePages, codePages } from './code-pages.ts';
import { type LinkPages, magicLinkPage } from './pages.ts';
import { pressLink } from './press-link.ts';
import { type RequestedMailLogin, type RequestLogin, requestMailLogin } from './request.ts';
import { typeCode } from './type-code.ts';

export { mailedWays } from './mailed-ways.ts';

/** Dependencies of the flow. */
export type LoginByMail = RequestLogin & LinkPages & CodePages;

const secret = z.string().min(1).max(200);
const transport = z.enum(['cookie', 'token']).default('token');

const requested = {
  email: z.string(),
  expiresIn: z.int().positive(),
  browserToken: z.string().optional(),
};

const requestedExample = { email: exampleValues.email, expiresIn: 900, browserToken: exampleValues.browserToken };

const loginFields = { browserToken: secret.optional(), transport, deviceToken: z.string().max(200).optional() };

const mailRequest = z.strictObject({
  email: emailInput,
  ...loginFields,
  transport: z.enum(['cookie', 'token']).optional(),
});

const requestDescription =
  'The response is the same whether or not the address has an account. With `transport: "token"` it contains ' +
  '`browserToken`; with `"cookie"` it sets it as a cookie. The link or code works only together with it. An ' +
  'application that requests another mail sends the `browserToken` that it has, so that earlier mails still work. By ' +
  'default a page of the same origin gets the cookie, and every other client the token.';

/** The mailed page logs in the browser that has the cookie, so a page of ours needs it. */
function defaultTransport({ isOwnPage }: Caller): 'cookie' | 'token' {
  return isOwnPage === true ? 'cookie' : 'token';
}

export function loginByMailEndpoints(flow: LoginByMail): readonly Endpoint[] {
  return [...linkEndpoints(flow), ...codeEndpoints(flow), ...magicLinkPage(flow), ...codePages(flow)];
}

function linkEndpoints(flow: LoginByMail): Endpoint[] {
  return [
    apiEndpoint({
      id: 'login.ask_link',
      method: 'POST',
      path: '/api/v1/auth/login/magic-link',
      tag: 'login',
      summary: 'Request a login link',
      description:
        `${requestDescription} Requested by cookie, the mailed page logs this browser in; requested by token, the ` +
        "application does, with the link's `token`.",
      auth: { principals: ['public'] },
      rateLimit: 'mail',
      request: { body: mailRequest },
      response: {
        status: 202,
        message: 'If this address has an account, a link was sent to it',
        data: z.object({ ...requested, status: z.literal('link_sent') }),
        example: { ...requestedExample, status: 'link_sent' },
      },
      problems: ['not_enabled'],
      handler: async ({ body, caller }) => {
        const { email, transport = defaultTransport(caller), ...rest } = body;
        const fields = { ...rest, transport };
        if (transport === 'cookie') refuseForeignCookies(caller.foreignOrigin);
        const result = await requestMailLogin(flow, 'magic_link', { canonical: email.canonical, ...fields, caller });
        return requestedResponse(result, { email: email.asTyped, status: 'link_sent' as const });
      },
    }),
    apiEndpoint({
      id: 'login.magic_link',
      method: 'POST',
      path: '/api/v1/auth/login/magic-link/verify',
      tag: 'login',
      summary: 'Log in with a mailed link',
      description:
        "Takes the link's `token` and the `browserToken` of its request, or the cookie. Returns the same as `POST " +
        '/api/v1/auth/login`, including `step`. Another `browserToken` is rejected and does not consume the link.',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      request: { body: z.strictObject({ token: secret, ...loginFields }) },
      response: { status: 200, message: 'Logged in', data: loginResultData, example: issuedSessionExample },
      problems: ['not_enabled', 'invalid_token', 'other_browser', 'email_not_verified'],
      handler: async ({ body, caller }) => {
        const { token: text, ...fields } = body;
        return loginResponse(await pressLink(flow, { text, ...optionsOf(fields, caller) }, caller));
      },
    }),
  ];
}

function codeEndpoints(flow: LoginByMail): Endpoint[] {
  return [
    apiEndpoint({
      id: 'login.ask_code',
      method: 'POST',
      path: '/api/v1/auth/login/email-code',
      tag: 'login',
      summary: 'Request a login code',
      description: `${requestDescription} Only the newest code of a browser is valid.`,
      auth: { principals: ['public'] },
      rateLimit: 'mail',
      request: { body: mailRequest },
      response: {
        status: 202,
        message: 'If this address has an account, a code was sent to it',
        data: z.object({ ...requested, status: z.literal('code_sent') }),
        example: { ...requestedExample, expiresIn: 600, status: 'code_sent' },
      },
      problems: ['not_enabled'],
      handler: async ({ body, caller }) => {
        const { email, transport = defaultTransport(caller), ...rest } = body;
        const fields = { ...rest, transport };
        if (transport === 'cookie') refuseForeignCookies(caller.foreignOrigin);
        const result = await requestMailLogin(flow, 'email_code', { canonical: email.canonical, ...fields, caller });
        return requestedResponse(result, { email: email.asTyped, status: 'code_sent' as const });
      },
    }),
    apiEndpoint({
      id: 'login.email_code',
      method: 'POST',
      path: '/api/v1/auth/login/email-code/verify',
      tag: 'login',
      summary: 'Log in with a mailed code',
      description:
        'Takes the address, the code and the `browserToken` of its request, or the cookie. A code expires after five ' +
        'tries. After five wrong codes in a row for an address, each further attempt has to wait longer; `Retry-After` ' +
        'has the seconds. Returns the same as `POST /api/v1/auth/login`, including `step`.',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      limitedBy: (body) => body.email.canonical,
      request: { body: z.strictObject({ email: emailInput, code: z.string().regex(codePattern), ...loginFields }) },
      response: { status: 200, message: 'Logged in', data: loginResultData, example: issuedSessionExample },
      problems: ['not_enabled', 'invalid_code', 'email_not_verified'],
      handler: async ({ body, caller }) => {
        const { email, code, ...fields } = body;
        const typed = { canonical: email.canonical, code, ...optionsOf(fields, caller) };
        return loginResponse(await typeCode(flow, typed, caller));
      },
    }),
  ];
}

function requestedResponse<D extends object>({ expiresIn, browserToken, cookies }: RequestedMailLogin, data: D) {
  return { data: { ...data, expiresIn, ...(browserToken === undefined ? {} : { browserToken }) }, cookies };
}

interface LoginFields {
  readonly browserToken?: string | undefined;
  readonly transport: 'cookie' | 'token';
  readonly deviceToken?: string | undefined;
}

function optionsOf({ browserToken, transport, deviceToken }: LoginFields, caller: Caller) {
  if (transport === 'cookie') refuseForeignCookies(caller.foreignOrigin);
  return {
    transport,
    browserSecret: browserToken ?? caller.loginCookie,
    deviceToken: deviceToken ?? caller.deviceCookie,
  };
}

/**
 * Logging in without a password: by a mailed link, or by a mailed code of six digits. Owns `POST
 * /api/v1/auth/login/magic-link`, `/login/magic-link/verify`, `/login/email-code`, `/login/email-code/verify` and the page
 * `/login/magic-link`.
 * Both are off unless a setting opens them. Asking is answered before anybody looks who has the address (invariant 13),
 * and only a proven address is written to. Whoever asks gets a secret, as a cookie or in the answer,
 * without which the link or code is good for nothing: forwarding a mail, or making somebody press a link, logs nobody
 * in. A code is dead after five tries, and the guesses of all codes of a user are counted together, apart from their
 * passwords. What a login still needs `nextStep` decides, and the session is made as any other login's is.
 */
import { z } from 'zod';
import type { LoginResult } from '#domain/authentication/index.ts';
import { emailInput } from '#domain/identifiers/index.ts';
import { loginResponse, loginResultData, loginResultExample } from '#pages/login-result.ts';
import {
  apiEndpoint,
  type Caller,
  type Endpoint,
  exampleValues,
  pageEndpoint,
  refuseForeignCookies,
} from '#platform/http/index.ts';
import { codePattern } from '#protocol/digit-code/index.ts';
import { type LinkPages, pressForm, showForm } from './pages.ts';
import { pressLink } from './press-link.ts';
import { type Ask, type RequestedMailLogin, requestMailLogin } from './request.ts';
import { type TypeCode, typeCode } from './type-code.ts';

/** What this flow needs. */
export type LoginByMail = Ask & LinkPages & TypeCode;

const secret = z.string().min(1).max(200);
const transport = z.enum(['cookie', 'token']).default('token');

const asking = z.strictObject({ email: emailInput, transport });

const asked = {
  email: z.string(),
  expiresIn: z.int().positive(),
  browserToken: z.string().optional(),
};

const askedExample = { email: exampleValues.email, expiresIn: 900, browserToken: exampleValues.browserToken };

/** How whoever asked shows that they did, and what they want. */
const proving = { browserToken: secret.optional(), transport, deviceToken: z.string().max(200).optional() };

const howToAsk =
  'The same answer whether or not the address has an account. With `transport: "token"` the answer holds ' +
  '`browserToken`; with `"cookie"` it is set as a cookie. Without it what is mailed opens nothing.';

/** The endpoints of this flow. */
export function loginByMailEndpoints(flow: LoginByMail): readonly Endpoint[] {
  return [...linkEndpoints(flow), ...codeEndpoints(flow), ...pageEndpoints(flow)];
}

function linkEndpoints(flow: LoginByMail): Endpoint[] {
  return [
    apiEndpoint({
      id: 'login.ask_link',
      method: 'POST',
      path: '/api/v1/auth/login/magic-link',
      tag: 'login',
      summary: 'Ask for a link that logs in',
      description: `${howToAsk} Asked by cookie, the mailed page logs this browser in; asked by token, the application does, with the link's \`token\`.`,
      auth: { principals: ['public'] },
      rateLimit: 'mail',
      limitedBy: (body) => body.email.canonical,
      request: { body: asking },
      response: {
        status: 202,
        message: 'If this address has an account, a link was sent to it',
        data: z.object({ ...asked, status: z.literal('link_sent') }),
        example: { ...askedExample, status: 'link_sent' },
      },
      problems: ['not_enabled'],
      handler: async ({ body, caller }) => {
        const { email, transport } = body;
        if (transport === 'cookie') refuseForeignCookies(caller.foreignOrigin);
        const given = await requestMailLogin(flow, 'magic_link', { canonical: email.canonical, transport, caller });
        return askedAnswer(given, { email: email.asTyped, status: 'link_sent' as const });
      },
    }),
    apiEndpoint({
      id: 'login.magic_link',
      method: 'POST',
      path: '/api/v1/auth/login/magic-link/verify',
      tag: 'login',
      summary: 'Log in with the link that was mailed',
      description:
        "Takes the link's `token` and the `browserToken` of whoever asked for it, or its cookie. Answers as `POST " +
        '/api/v1/auth/login` does, `step` included. A link that is shown with another `browserToken` is refused and stays good.',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      request: { body: z.strictObject({ token: secret, ...proving }) },
      response: { status: 200, message: 'Logged in', data: loginResultData, example: loginResultExample },
      problems: ['not_enabled', 'invalid_token', 'other_browser', 'email_not_verified', 'login_incomplete'],
      handler: async ({ body, caller }) => {
        const { token: text, ...how } = body;
        return enteredAnswer(await pressLink(flow, { text, ...howOf(how, caller) }, caller), caller);
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
      summary: 'Ask for a code that logs in',
      description: `${howToAsk} The newest code of a browser counts.`,
      auth: { principals: ['public'] },
      rateLimit: 'mail',
      limitedBy: (body) => body.email.canonical,
      request: { body: asking },
      response: {
        status: 202,
        message: 'If this address has an account, a code was sent to it',
        data: z.object({ ...asked, status: z.literal('code_sent') }),
        example: { ...askedExample, expiresIn: 600, status: 'code_sent' },
      },
      problems: ['not_enabled'],
      handler: async ({ body, caller }) => {
        const { email, transport } = body;
        if (transport === 'cookie') refuseForeignCookies(caller.foreignOrigin);
        const given = await requestMailLogin(flow, 'email_code', { canonical: email.canonical, transport, caller });
        return askedAnswer(given, { email: email.asTyped, status: 'code_sent' as const });
      },
    }),
    apiEndpoint({
      id: 'login.email_code',
      method: 'POST',
      path: '/api/v1/auth/login/email-code/verify',
      tag: 'login',
      summary: 'Log in with the code that was mailed',
      description:
        'Takes the address, the code, and the `browserToken` of whoever asked for it, or its cookie. A code is dead after ' +
        'five tries. From the fifth wrong code in a row on, of whatever code of the address, the next is taken only after ' +
        'a while that grows; `Retry-After` says when. Answers as `POST /api/v1/auth/login` does, `step` included.',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      limitedBy: (body) => body.email.canonical,
      request: { body: z.strictObject({ email: emailInput, code: z.string().regex(codePattern), ...proving }) },
      response: { status: 200, message: 'Logged in', data: loginResultData, example: loginResultExample },
      problems: ['not_enabled', 'invalid_code', 'email_not_verified', 'login_incomplete'],
      handler: async ({ body, caller }) => {
        const { email, code, ...how } = body;
        const typed = { canonical: email.canonical, code, ...howOf(how, caller) };
        return enteredAnswer(await typeCode(flow, typed, caller), caller);
      },
    }),
  ];
}

function pageEndpoints(flow: LoginByMail): Endpoint[] {
  return [
    pageEndpoint({
      id: 'login.show_magic_link',
      method: 'GET',
      path: '/login/magic-link',
      summary: 'The page that the mail links to: asks whether to log in',
      auth: { principals: ['public'] },
      rateLimit: 'public',
      request: { query: z.strictObject({ token: secret }) },
      problems: ['not_enabled'],
      handler: ({ query, caller }) => showForm(flow, query.token, caller),
    }),
    pageEndpoint({
      id: 'login.submit_magic_link',
      method: 'POST',
      path: '/login/magic-link',
      summary: 'What the page sends: "log me in"',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      request: { form: z.strictObject({ token: secret }) },
      problems: ['not_enabled', 'email_not_verified', 'login_incomplete'],
      handler: ({ body, caller }) => pressForm(flow, body.token, caller),
    }),
  ];
}

function askedAnswer<D extends object>({ expiresIn, browserToken, cookies }: RequestedMailLogin, data: D) {
  return { data: { ...data, expiresIn, ...(browserToken === undefined ? {} : { browserToken }) }, cookies };
}

interface How {
  readonly browserToken?: string | undefined;
  readonly transport: 'cookie' | 'token';
  readonly deviceToken?: string | undefined;
}

function howOf({ browserToken, transport, deviceToken }: How, caller: Caller) {
  if (transport === 'cookie') refuseForeignCookies(caller.foreignOrigin);
  return {
    transport,
    browserSecret: browserToken ?? caller.loginCookie,
    deviceToken: deviceToken ?? caller.deviceCookie,
  };
}

/** The browser that asked is done; its secret opens nothing more. */
function enteredAnswer(loggedIn: LoginResult, caller: Caller) {
  const answer = loginResponse(loggedIn);
  if (caller.loginCookie === undefined) return answer;
  return { ...answer, cookies: [...answer.cookies, { cookie: 'login', change: 'expire' } as const] };
}

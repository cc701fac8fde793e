/**
 * The steps of a login that prove the mailbox, set a second factor up, or set a new password. Owns
 * `POST /api/v1/auth/login/confirm-mailbox`, `…/confirm-mailbox/verify`, `…/enroll`, `…/enroll/confirm` and
 * `…/change-password`, and the pages `/login/confirm-mailbox`, `/login/enroll` and `/login/change-password`; no tables. Its mails are those of the changes: `mailbox_code`, `second_factor_added` and
 * `password_changed`.
 *
 * Invariants:
 * - A ticket opens the endpoints of its own step and no others; the user is the ticket's.
 * - A login that must set a second factor up has proven the mailbox: a stolen password alone gets no secret.
 * - An attempt at a mailed code is counted before it is compared (invariant 2). The code works only with its ticket.
 * - A step that changes the user raises the epoch, and its login goes along: everything else of the user ends.
 *
 * Must not decide which step comes next: the gate (`domain/authentication`) does.
 */

import { z } from 'zod';
import { mailboxCodeSeconds, totpCodeInput } from '#domain/authentication/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { issuedSessionExample, loginResponse, loginResultData } from '#pages/login-result.ts';
import { creationOptionsData, creationOptionsDataOf } from '#pages/passkey-data.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { codePattern } from '#protocol/digit-code/index.ts';
import { qrSvg } from '#protocol/totp/index.ts';
import { registrationResponseSchema } from '#protocol/webauthn/index.ts';
import { changePasswordAtLogin } from './change-password.ts';
import { confirmMailbox, requestMailboxCode } from './confirm-mailbox.ts';
import { beginEnrollment, finishEnrollment } from './enroll.ts';
import { finishPasskeyEnrollment, passkeyEnrollmentOptions } from './enroll-passkey.ts';
import { type LoginStepPages, loginStepPages } from './pages.ts';

/** Dependencies of the flow. */
export type LoginSteps = LoginStepPages;

const path = '/api/v1/auth/login';
const ticket = z.string().min(1).max(200);
const deviceToken = z.string().max(200).optional();
const common = { method: 'POST', tag: 'login', auth: { principals: ['public'] } } as const;
const ticketProblems = ['invalid_ticket', 'login_incomplete'] as const;

export function loginStepEndpoints(flow: LoginSteps): readonly Endpoint[] {
  return [
    ...mailboxEndpoints(flow),
    beginEnrollmentEndpoint(flow),
    confirmEnrollmentEndpoint(flow),
    passwordEndpoint(flow),
    ...loginStepPages(flow),
  ];
}

function mailboxEndpoints(flow: LoginSteps): Endpoint[] {
  return [
    apiEndpoint({
      ...common,
      id: 'login.confirm_mailbox',
      path: `${path}/confirm-mailbox`,
      summary: 'Request a code that proves the email of a login',
      description:
        'Takes the `ticket` of a login that returned `step: "confirm_mailbox"`: this user must set up a second factor, and ' +
        'proves first that the verified email is theirs. Only the newest code is valid, and only with this ticket.',
      rateLimit: 'mail',
      request: { body: z.strictObject({ ticket }) },
      response: {
        status: 202,
        message: 'Code sent',
        data: z.object({ status: z.literal('code_sent'), expiresIn: z.int().positive() }),
        example: { status: 'code_sent', expiresIn: 600 },
      },
      problems: ticketProblems,
      handler: async ({ body, caller }) => {
        await requestMailboxCode(flow, { text: body.ticket }, caller);
        return { data: { status: 'code_sent' as const, expiresIn: mailboxCodeSeconds } };
      },
    }),
    apiEndpoint({
      ...common,
      id: 'login.mailbox_code',
      path: `${path}/confirm-mailbox/verify`,
      summary: 'Prove the email of a login',
      description:
        'Takes the ticket and the code from the mail. The response is that of a login: the next step is ' +
        '`enroll_second_factor`. After a wrong code the ticket can be used again.',
      rateLimit: 'credential',
      request: { body: z.strictObject({ ticket, code: z.string().regex(codePattern), deviceToken }) },
      response: { status: 200, message: 'Email confirmed', data: loginResultData, example: issuedSessionExample },
      problems: [...ticketProblems, 'invalid_code'],
      handler: async ({ body, caller }) => {
        const { ticket: text, code, deviceToken: device = caller.deviceCookie } = body;
        return loginResponse(await confirmMailbox(flow, { text }, { code, deviceToken: device }, caller));
      },
    }),
  ];
}

const enrollment = z.union([
  z.object({ kind: z.literal('totp'), secret: z.string(), uri: z.string(), qrSvg: z.string() }),
  z.object({ kind: z.enum(['passkey', 'security_key']), publicKey: creationOptionsData }),
]);

function beginEnrollmentEndpoint(flow: LoginSteps): Endpoint {
  return apiEndpoint({
    ...common,
    id: 'login.enroll',
    path: `${path}/enroll`,
    summary: 'Begin to set up the second factor that a login needs',
    description:
      'Takes the `ticket` of a login that returned `step: "enroll_second_factor"`, and one of its `factors` as `kind`. ' +
      'Returns a new secret for an authenticator app, which becomes a factor with its first code; or the options for ' +
      '`navigator.credentials.create()`, valid for ten minutes and once. A `passkey` can later sign in by itself, a ' +
      '`security_key` is a second factor alone.',
    rateLimit: 'credential',
    request: { body: z.strictObject({ ticket, kind: z.enum(['totp', 'passkey', 'security_key']) }) },
    response: {
      status: 200,
      message: 'Confirm it with a code, or with the response of the authenticator',
      data: enrollment,
      example: {
        kind: 'totp',
        secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
        uri: 'otpauth://totp/auth.example.com:ada%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=auth.example.com',
        qrSvg: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 45 45">…</svg>',
      },
    },
    problems: [...ticketProblems, 'passkeys_unavailable', 'too_many_passkeys'],
    handler: async ({ body: { kind, ticket: text } }) => {
      if (kind !== 'totp') {
        const options = await passkeyEnrollmentOptions(flow, { text }, [kind]);
        return { data: { kind, publicKey: creationOptionsDataOf(options[kind]) } };
      }
      const { secret, uri } = await beginEnrollment(flow, { text });
      return { data: { kind, secret, uri, qrSvg: qrSvg(uri) } };
    },
  });
}

function confirmEnrollmentEndpoint(flow: LoginSteps): Endpoint {
  return apiEndpoint({
    ...common,
    id: 'login.confirm_enrollment',
    path: `${path}/enroll/confirm`,
    summary: 'Confirm the second factor that a login needs',
    description:
      'Takes the `code` of the app, or the response of the authenticator as `passkey` with its `kind`. Turns two-step ' +
      'sign-in on and ends every other session. The response is that of a login, with the recovery codes, which nothing ' +
      'can read again. After a wrong proof the ticket can be used again.',
    rateLimit: 'credential',
    request: {
      body: z
        .strictObject({
          ticket,
          deviceToken,
          code: totpCodeInput.optional(),
          kind: z.enum(['passkey', 'security_key']).default('passkey'),
          passkey: registrationResponseSchema.optional(),
        })
        .refine(
          ({ code, passkey }) => (code === undefined) !== (passkey === undefined),
          'Send one of "code" and "passkey".',
        ),
    },
    response: {
      status: 200,
      message: 'Two-step sign-in is on',
      data: loginResultData.extend({ recoveryCodes: z.array(z.string()).optional() }),
      example: {
        ...issuedSessionExample,
        recoveryCodes: ['8K3F2A-9QTZ4M-7HXW1C-5NBD6R', '0V2J8P-EG4S7K-QM91TZ-C6XY3H'],
      },
    },
    problems: [
      ...ticketProblems,
      'enrollment_expired',
      'invalid_code',
      'invalid_passkey',
      'passkey_exists',
      'passkey_not_allowed',
      'passkeys_unavailable',
      'too_many_passkeys',
    ],
    handler: async ({ body, caller }) => {
      const { ticket: text, code, passkey, kind, deviceToken: device = caller.deviceCookie } = body;
      const { result, recoveryCodes } =
        passkey === undefined
          ? await finishEnrollment(flow, { text }, { code: code ?? '', deviceToken: device }, caller)
          : await finishPasskeyEnrollment(flow, { text }, { kind, credential: passkey, deviceToken: device }, caller);
      const response = loginResponse(result);
      if (recoveryCodes === undefined) return response;
      return { ...response, data: { ...response.data, recoveryCodes: [...recoveryCodes] } };
    },
  });
}

function passwordEndpoint(flow: LoginSteps): Endpoint {
  return apiEndpoint({
    ...common,
    id: 'login.change_password',
    path: `${path}/change-password`,
    summary: 'Set the new password that a login needs',
    description:
      'Takes the `ticket` of a login that returned `step: "change_password"`. Ends every other session. The response is ' +
      'that of a login. After a password that was not accepted the ticket can be used again.',
    rateLimit: 'credential',
    request: { body: z.strictObject({ ticket, password: passwordInput, deviceToken }) },
    response: { status: 200, message: 'Password changed', data: loginResultData, example: issuedSessionExample },
    problems: [...ticketProblems],
    handler: async ({ body, caller }) => {
      const { ticket: text, password, deviceToken: device = caller.deviceCookie } = body;
      return loginResponse(await changePasswordAtLogin(flow, { text }, { password, deviceToken: device }, caller));
    },
  });
}

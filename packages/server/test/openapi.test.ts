/** Calls every operation of the API successfully and checks each response against the published document. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from './support/application.ts';
import { invite } from './support/invitations.ts';
import {
  loginByCode,
  loginByLink,
  loginMethodsEnabled,
  mailedCodes,
  requestCode,
  requestLink,
} from './support/login-by-mail.ts';
import { addOwner, addSetupLink, changePasswordAtLogin, mustChangePassword } from './support/login-steps.ts';
import { addUserWithoutPassword } from './support/mailbox-codes.ts';
import { addPasskeyUser, loginByPasskey, passkeysPath, provePasskey, stepUpByPasskey } from './support/passkeys.ts';
import { addTotpUser, proveSecondFactor } from './support/second-factors.ts';
import {
  linkNewIdentity,
  loginByIdToken,
  nativeToken,
  sharedProvider,
  stopSharedProvider,
} from './support/shared-provider.ts';
import {
  addLoggedInUser,
  addVerifiedUser,
  cookieHeader,
  login,
  mailedToken,
  newestMailedToken,
  register,
  sameOrigin,
  type Tokens,
  uniqueEmail,
  validPassword,
} from './support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  return () => app.close();
});

/**
 * Reviewed by hand: the test fails for an operation of the document without an entry and for an entry without an
 * operation.
 */
const successes: readonly string[] = [
  'register.person 201',
  'invitation.accept 201',
  'verify_email.press 200',
  'verify_email.press_by_get 200',
  'verify_email.resend 202',
  'login.password 200',
  'login.ask_link 202',
  'login.magic_link 200',
  'login.ask_code 202',
  'login.email_code 200',
  'login.second_factor 200',
  'login.second_factor_options 200',
  'login.passkey_options 200',
  'login.passkey 200',
  'owner.set_up 200',
  'login.confirm_mailbox 202',
  'login.mailbox_code 200',
  'login.enroll 200',
  'login.confirm_enrollment 200',
  'login.change_password 200',
  'password.forgot 202',
  'password.reset 200',
  'password.change 200',
  'refresh.rotate 200',
  'logout.this_session 200',
  'logout.everywhere 200',
  'session.check 200',
  'session.token 200',
  'step_up.options 200',
  'step_up.prove 200',
  'step_up.ask_code 202',
  'step_up.passkey_options 200',
  'factors.list 200',
  'factors.set_mfa 200',
  'totp.begin 200',
  'totp.confirm 200',
  'totp.remove 200',
  'recovery_codes.make 200',
  'passkeys.list 200',
  'passkeys.options 200',
  'passkeys.add 201',
  'passkeys.change 200',
  'passkeys.remove 200',
  'identities.list 200',
  'identities.remove 200',
  'login.id_token_nonce 200',
  'login.id_token 200',
  'profile.read 200',
  'profile.change 200',
  'account.delete 200',
  'account.cancel_deletion 200',
  'change_email.request 202',
  'change_email.cancel 200',
  'change_email.confirm 200',
  'change_email.undo 200',
  'sessions.list 200',
  'sessions.end_one 200',
  'sessions.end_others 200',
  'devices.list 200',
  'devices.forget 200',
  'password.policy 200',
  'providers.list 200',
  'keys.jwks 200',
  'well_known.security 200',
  'well_known.webauthn 200',
  'probes.live 200',
  'probes.ready 200',
  'probes.health 200',
  'docs.openapi 200',
  'assets.file 200',
];

async function recoverAccount(): Promise<void> {
  const email = await addVerifiedUser(app);
  await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
  const token = await mailedToken(app, email, 2);
  await app.send('POST', '/api/v1/auth/reset-password', { json: { token, password: 'the second password' } });
  const { accessToken } = (await login(app, email, { password: 'the second password' })).data;
  const json = { currentPassword: 'the second password', newPassword: validPassword };
  await app.send('POST', '/api/v1/users/me/password', { token: accessToken, json });
}

async function logInByMail(): Promise<void> {
  const email = await addVerifiedUser(app);
  const { browserToken } = (await requestLink(app, email)).data;
  await loginByLink(app, await newestMailedToken(app, email, '/login/magic-link'), { browserToken });
  const requested = (await requestCode(app, email)).data;
  const [code = ''] = await mailedCodes(app, email);
  await loginByCode(app, email, code, { browserToken: requested.browserToken });
}

async function useSecondFactors(): Promise<void> {
  const user = await addTotpUser(app);
  const [first = '', second = ''] = user.recoveryCodes;
  const { ticket } = (await login(app, user.email)).data;
  await proveSecondFactor(app, ticket, { recoveryCode: first });
  const { accessToken: token } = user;
  for (const path of ['auth/step-up', 'users/me/factors']) await app.send('GET', `/api/v1/${path}`, { token });
  await app.send('POST', '/api/v1/users/me/totp', { token, json: {} });
  await app.send('POST', '/api/v1/users/me/recovery-codes', { token, json: {} });
  expect((await proveSecondFactor(app, ticket, { recoveryCode: second })).code).toBe('invalid_ticket');
  await app.send('PUT', '/api/v1/users/me/mfa', { token, json: { enabled: true } });
  await app.send('DELETE', '/api/v1/users/me/totp', { token });
  const { token: setup } = await addSetupLink(app);
  await app.send('POST', '/api/v1/auth/setup', { json: { token: setup, name: 'Grace', password: validPassword } });
  const owner = await addOwner(app);
  await mustChangePassword(app, owner.userId);
  const again = (await login(app, owner.email)).data;
  const next = (await proveSecondFactor(app, again.ticket, { recoveryCode: owner.recoveryCodes?.[0] ?? '' })).data;
  await changePasswordAtLogin(app, next.ticket ?? '', 'the second password');
  const other = await addLoggedInUser(app);
  await app.send('POST', '/api/v1/auth/step-up', { token: other.accessToken, json: { password: validPassword } });
  const { accessToken } = await addUserWithoutPassword(app);
  await app.send('POST', '/api/v1/auth/step-up/email-code', { token: accessToken });
}

async function usePasskeys(): Promise<void> {
  const user = await addPasskeyUser(app, { kind: 'security_key' });
  await loginByPasskey(app, user.passkey);
  await provePasskey(app, (await login(app, user.email)).data.ticket, user.passkey);
  const { accessToken: token } = (await stepUpByPasskey(app, { token: user.accessToken }, user.passkey)).data;
  await app.send('GET', passkeysPath, { token });
  const path = `${passkeysPath}/${user.passkeyId}`;
  await app.send('PATCH', path, { token, json: { name: 'Key' } });
  await app.send('DELETE', path, { token });
}

async function useProvider(): Promise<void> {
  const provider = await sharedProvider(app);
  const { accessToken: token, userId } = await addLoggedInUser(app);
  const { person, identityId } = await linkNewIdentity(app, userId);
  await loginByIdToken(app, await nativeToken(app, provider, person));
  await app.send('GET', '/api/v1/users/me/identities', { token });
  await app.send('DELETE', `/api/v1/users/me/identities/${identityId}`, { token });
  await stopSharedProvider(app);
}

async function changeEmail(): Promise<void> {
  const { accessToken: token, email } = await addLoggedInUser(app);
  const newEmail = uniqueEmail();
  await app.send('DELETE', '/api/v1/users/me/email', { token });
  await app.send('POST', '/api/v1/users/me/email', { token, json: { newEmail, currentPassword: validPassword } });
  const confirmation = { token: await newestMailedToken(app, newEmail, '/confirm-email-change') };
  await app.send('POST', '/api/v1/auth/confirm-email-change', { json: confirmation });
  const undo = { token: await newestMailedToken(app, email, '/undo-email-change'), password: validPassword };
  await app.send('POST', '/api/v1/auth/undo-email-change', { json: undo });
}

async function callEveryOperation(): Promise<void> {
  await changeEmail();
  await logInByMail();
  await useSecondFactors();
  await usePasskeys();
  await useProvider();
  const [first, second] = [uniqueEmail(), uniqueEmail()];
  for (const email of [first, second]) await register(app, email);
  await app.send('POST', '/api/v1/auth/resend-verification', { json: { email: second } });
  await app.send('POST', '/api/v1/auth/verify-email', { json: { token: await mailedToken(app, first) } });
  await app.send('GET', `/api/v1/auth/verify-email?token=${await mailedToken(app, second)}`);
  const invitation = { token: await invite(app, uniqueEmail()), name: 'Invited', password: validPassword };
  await app.send('POST', '/api/v1/auth/accept-invitation', { json: invitation });
  const token = (await login(app, first)).data.accessToken;
  const other = (await login(app, first)).data;
  await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken: other.refreshToken } });
  for (const path of ['auth/session', 'users/me', 'users/me/sessions'])
    await app.send('GET', `/api/v1/${path}`, { token });
  await app.send('PATCH', '/api/v1/users/me', { token, json: { name: 'Grace Hopper' } });
  const { cookies } = await login(app, first, { transport: 'cookie' });
  await app.send('POST', '/api/v1/auth/token', { cookie: cookieHeader(cookies), headers: sameOrigin });
  await app.send('DELETE', `/api/v1/users/me/sessions/${other.sessionId}`, { token });
  await app.send('DELETE', '/api/v1/users/me/sessions', { token });
  const known = await app.send<{ devices: { id: string }[] }>('GET', '/api/v1/users/me/devices', { token });
  await app.send('DELETE', `/api/v1/users/me/devices/${known.data.devices[0]?.id}`, { token });
  await app.send('POST', '/api/v1/auth/logout', { token });
  await app.send('POST', '/api/v1/auth/logout-all', { token: (await login(app, first)).data.accessToken });
  await recoverAccount();
  await app.send('DELETE', '/api/v1/users/me', {
    token: (await login(app, first)).data.accessToken,
    json: { currentPassword: validPassword },
  });
  const { ticket } = (await login(app, first)).data;
  await app.send('POST', '/api/v1/auth/cancel-deletion', { json: { ticket } });
  for (const path of [
    '/api/v1/auth/password-policy',
    '/api/v1/auth/providers',
    '/.well-known/jwks.json',
    '/.well-known/security.txt',
    '/.well-known/webauthn',
    '/livez',
    '/readyz',
    '/healthz',
    '/openapi.json',
    '/assets/latchkey.css',
  ]) {
    await app.send('GET', path);
  }
}

describe('the OpenAPI document', () => {
  it('describes every operation, and each succeeded with a response that matches', async () => {
    await callEveryOperation();
    const observed = [...app.checks.observed.keys()].filter(
      (name) => / 2\d\d$/.test(name) && !name.startsWith('unmatched'),
    );
    expect(observed.sort()).toEqual([...successes].sort());
    expect(new Set(app.checks.operationIds)).toEqual(new Set(successes.map((name) => name.split(' ')[0])));
  });

  it('the check finds a response that does not match', async () => {
    const { accessToken } = await addLoggedInUser(app);
    const { status, headers, text } = await app.send('GET', '/api/v1/users/me', { token: accessToken });
    const body = JSON.parse(text) as { readonly data: object };
    const check = (changed: object) => () =>
      app.checks.check('GET', '/api/v1/users/me', { status, headers, text: JSON.stringify({ ...body, ...changed }) });
    expect(check({})).not.toThrow();
    expect(check({ data: { ...body.data, id: 1 } })).toThrow('/data/id must be string');
    expect(check({ extra: true })).toThrow('must NOT have additional properties');
    expect(check({ meta: { timestamp: 'yesterday', requestId: 'x' } })).toThrow('must match format');
    const bare = new Headers([...headers].filter(([name]) => name !== 'x-content-type-options'));
    expect(() => app.checks.check('GET', '/api/v1/users/me', { status, headers: bare, text })).toThrow(
      'x-content-type-options',
    );
    const cached = new Headers([...headers, ['cache-control', 'public']]);
    expect(() => app.checks.check('GET', '/api/v1/users/me', { status, headers: cached, text })).toThrow(
      'cache-control',
    );
    const leaking = new Headers([...headers, ['location', `/?token=lk_ot_${'A'.repeat(49)}`]]);
    expect(() => app.checks.check('GET', '/api/v1/users/me', { status, headers: leaking, text })).toThrow('a secret');
    expect(() => app.checks.check('GET', '/api/v1/users/me', { status: 418, headers, text })).toThrow('not declared');
    expect(() => app.checks.check('GET', '/api/v1/nothing', { status, headers, text })).toThrow('neither an operation');
  });

  it('matches the documented examples of registration and login', async () => {
    const email = uniqueEmail();
    const json = { email, password: 'SecurePass123!', name: 'Ada', locale: 'en' };
    const registered = await app.send<{ readonly status: string }>('POST', '/api/v1/auth/register', { json });
    expect([registered.status, registered.data]).toEqual([
      201,
      { email, status: 'verification_sent', ticket: expect.any(String), ticketExpiresAt: expect.any(String) },
    ]);
    await app.send('GET', `/api/v1/auth/verify-email?token=${await mailedToken(app, email)}`);
    const logged = await app.send<Tokens>('POST', '/api/v1/auth/login', {
      json: { email, password: 'SecurePass123!' },
    });
    expect(logged.data.accessToken.split('.')).toHaveLength(3);
    expect(logged.data.refreshToken).not.toBe(validPassword);
  });
});

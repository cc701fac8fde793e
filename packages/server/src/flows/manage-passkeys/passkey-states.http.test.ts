import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resetFactors } from '#flows/admin-users/index.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import { operator } from '#test/support/operator.ts';
import {
  type Added,
  addPasskey,
  addPasskeyUser,
  creationOptionsFor,
  deviceBound,
  loginByPasskey,
  type PasskeyUser,
  passkeyLoginOptions,
  passkeyLoginPath,
  passkeyOptionsPath,
  passkeysPath,
  provePasskey,
  type Signal,
  secondFactorOptions,
  sendRegistration,
  signChallenge,
  synced,
} from '#test/support/passkeys.ts';
import { proveSecondFactor } from '#test/support/second-factors.ts';
import { storedLinkToken } from '#test/support/stored-links.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addLoggedInUser, login, mailsTo, validPassword } from '#test/support/user-actions.ts';
import { userIdOf } from '#test/support/user-status.ts';

interface Listed {
  readonly passkeys: readonly { readonly id: string; readonly name: string; readonly suspended: boolean }[];
  readonly signal?: Signal;
}

describe('a passkey of a user whose account changes', () => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open();
  });
  afterAll(() => app.close());

  const password = 'another horse, another battery';

  async function recover({ email }: PasskeyUser): Promise<string> {
    await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
    const token = await storedLinkToken(app, await userIdOf(app, email), 'reset_password');
    await app.send('POST', '/api/v1/auth/reset-password', { json: { token, password } });
    return password;
  }

  it('is suspended as a first factor by a recovery by mail, until the user resumes it', async () => {
    const user = await addPasskeyUser(app);
    await recover(user);
    expect(await loginByPasskey(app, user.passkey)).toMatchObject({ status: 401, code: 'invalid_passkey' });
    expect(await mailsTo(app, user.email)).not.toContain('passkey_counter_stuck');
    const { accessToken: token } = (await login(app, user.email, { password })).data;
    const path = `${passkeysPath}/${user.passkeyId}`;
    expect((await app.send<Listed>('GET', passkeysPath, { token })).data.passkeys).toMatchObject([{ suspended: true }]);
    const resumed = await app.send<Added>('PATCH', path, { token, json: { suspended: false } });
    expect(resumed.data.passkey).toMatchObject({ suspended: false, firstFactor: true });
    expect(await auditActionsOf(app, user.email)).toContain('passkey.resumed');
    expect((await loginByPasskey(app, user.passkey)).status).toBe(200);
  });

  it('stays a second factor after a recovery by mail: who reads the mailbox does not get past it', async () => {
    const user = await addPasskeyUser(app, { kind: 'security_key', flags: deviceBound });
    await recover(user);
    expect(await loginByPasskey(app, user.passkey)).toMatchObject({ code: 'invalid_passkey' });
    const { ticket, step } = (await login(app, user.email, { password })).data;
    expect(step).toBe('second_factor');
    expect((await provePasskey(app, ticket, user.passkey)).status).toBe(200);
  });

  it('that was added after a change of address goes when the owner undoes the change; an earlier one stays', async () => {
    const user = await addPasskeyUser(app);
    const userId = await userIdOf(app, user.email);
    const json = { newEmail: `moved.${user.email}`, currentPassword: validPassword };
    await app.send('POST', '/api/v1/users/me/email', { token: user.accessToken, json });
    const confirm = await storedLinkToken(app, userId, 'confirm_email_change');
    await app.send('POST', '/api/v1/auth/confirm-email-change', { json: { token: confirm } });
    app.clock.advance(1_000);
    const { accessToken } = (await login(app, json.newEmail)).data;
    const { passkey: later } = await addPasskey(app, { token: accessToken });
    const token = await storedLinkToken(app, userId, 'undo_email_change');
    await app.send('POST', '/api/v1/auth/undo-email-change', { json: { token, password } });
    expect(await loginByPasskey(app, later)).toMatchObject({ code: 'unknown_passkey' });
    expect((await loginByPasskey(app, user.passkey)).status).toBe(200);
  });

  it('is ended by an operator who resets the factors', async () => {
    const user = await addPasskeyUser(app, { kind: 'security_key' });
    const userId = await userIdOf(app, user.email);
    expect(await resetFactors(app.services, operator, userId)).toMatchObject({ kind: 'changed' });
    expect(await loginByPasskey(app, user.passkey)).toMatchObject({ code: 'unknown_passkey' });
    expect((await login(app, user.email)).data.step).toBeUndefined();
  });
});

describe('the settings of passkeys', () => {
  async function withSettings(env: Readonly<Record<string, string>>, work: (app: Application) => Promise<void>) {
    const app = await Application.open({ env });
    await work(app);
    await app.close();
  }

  it('device_bound refuses a passkey that can be synced', () =>
    withSettings({ LATCHKEY_PASSKEYS: 'device_bound' }, async (app) => {
      const { accessToken: token } = await addLoggedInUser(app);
      const refused = await sendRegistration(app, { token }, await creationOptionsFor(app, { token }), {
        flags: synced,
      });
      expect(refused.response).toMatchObject({ status: 409, code: 'passkey_not_allowed' });
      const { passkey } = await addPasskey(app, { token }, { flags: deviceBound });
      expect((await loginByPasskey(app, passkey)).status).toBe(200);
    }));

  it('a long step-up does not lengthen the ten minutes of a registration', () =>
    withSettings({ LATCHKEY_STEP_UP_SECONDS: '3600' }, async (app) => {
      const { accessToken: token } = await addLoggedInUser(app);
      const options = await creationOptionsFor(app, { token });
      app.clock.advance(600_000);
      expect((await sendRegistration(app, { token }, options)).response.code).toBe('invalid_passkey');
      await addPasskey(app, { token });
    }));

  it('off refuses every ceremony, also those that were begun before, and keeps the second factor', async () => {
    const before = await Application.open();
    const key = await addPasskeyUser(before, { kind: 'security_key' });
    const token = key.accessToken;
    const ticket = (await login(before, key.email)).data.ticket;
    const { publicKey, browserToken } = await passkeyLoginOptions(before);
    const credential = signChallenge(before, key.passkey, publicKey);
    const passkey = signChallenge(before, key.passkey, await secondFactorOptions(before, ticket));
    const creation = await creationOptionsFor(before, { token });
    const after = await Application.open({ env: { LATCHKEY_PASSKEYS: 'off' }, deploymentOf: before });
    const secondFactor = '/api/v1/auth/login/second-factor';
    const refused: AppResponse[] = [
      await after.send('POST', passkeyOptionsPath, { token, json: {} }),
      (await sendRegistration(after, { token }, creation)).response,
      await after.send('POST', passkeyLoginPath, { json: { credential, browserToken } }),
      await after.send('POST', `${secondFactor}/options`, { json: { ticket } }),
      await after.send('POST', secondFactor, { json: { ticket, passkey } }),
      await after.send('POST', '/api/v1/auth/step-up/options', { token, json: {} }),
      await after.send('POST', '/api/v1/auth/step-up', { token, json: { passkey } }),
    ];
    expect(refused.map(({ code }) => code)).toEqual(Array(7).fill('passkeys_unavailable'));
    expect((await login(after, key.email)).data.step).toBe('second_factor');
    const proven = await proveSecondFactor(after, ticket, { recoveryCode: key.recoveryCodes[0] ?? '' });
    expect(proven.status).toBe(200);
    await after.close();
    await before.close();
  });
});

describe('a session that is older than five minutes', () => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open();
  });
  afterAll(() => app.close());

  it('cannot add, change or remove a passkey before a step-up, and can list them', async () => {
    const { passkeyId, email } = await addPasskeyUser(app);
    const { accessToken: token } = (await login(app, email)).data;
    const path = `${passkeysPath}/${passkeyId}`;
    const options = await creationOptionsFor(app, { token });
    app.clock.advance(301_000);
    const refused = [
      await app.send('POST', passkeyOptionsPath, { token, json: {} }),
      (await sendRegistration(app, { token }, options)).response,
      await app.send('PATCH', path, { token, json: { name: 'x' } }),
      await app.send('DELETE', path, { token }),
    ];
    expect(refused.map(({ code }) => code)).toEqual(Array(4).fill('step_up_required'));
    expect((await app.send('GET', passkeysPath, { token })).status).toBe(200);
  });
});

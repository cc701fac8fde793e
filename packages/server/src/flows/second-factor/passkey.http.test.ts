import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { present } from '#kernel/assert.ts';
import { Application } from '#test/support/application.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import {
  addPasskey,
  addPasskeyUser,
  deviceBound,
  type PasskeyUser,
  passkeysPath,
  provePasskey,
  secondFactorOptions,
  signChallenge,
  withoutPin,
} from '#test/support/passkeys.ts';
import { addTotpUser, codeNow, proveSecondFactor } from '#test/support/second-factors.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addVerifiedUser, login, mailsTo, type Tokens } from '#test/support/user-actions.ts';

const path = '/api/v1/auth/login/second-factor';

describe.each(databasesOfFlows)('a passkey as second factor (%s)', (databaseKind) => {
  let app: Application;
  let user: PasskeyUser;

  beforeAll(async () => {
    app = await Application.open({ databaseKind });
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    user = await addPasskeyUser(app, { kind: 'security_key', flags: withoutPin, signCount: 1 });
  });

  const begin = async (email = user.email) => present((await login(app, email)).data.ticket, 'a ticket');
  const prove = (ticket: string, passkey: unknown) => app.send<Tokens>('POST', path, { json: { ticket, passkey } });

  it('200 completes the login, with acr phr', async () => {
    const done = await provePasskey(app, await begin(), user.passkey);
    expect(done.status).toBe(200);
    const { data } = await app.send<object>('GET', '/api/v1/auth/session', { token: done.data.accessToken });
    expect(data).toMatchObject({ acr: 'phr', amr: ['pwd', 'hwk', 'mfa'] });
  });

  it('counts possession alone, also when a key that was registered without a PIN claims to have verified one', async () => {
    const done = await provePasskey(app, await begin(), user.passkey, { flags: deviceBound });
    const { data } = await app.send<object>('GET', '/api/v1/auth/session', { token: done.data.accessToken });
    expect(data).toMatchObject({ acr: 'phr', amr: ['pwd', 'hwk', 'mfa'] });
  });

  it('has options that name the passkeys of the user', async () => {
    const { passkey } = await addPasskey(app, { token: user.accessToken }, { flags: deviceBound });
    const options = await secondFactorOptions(app, await begin());
    const ids = [user.passkey, passkey].map(({ credential }) => credential.credentialId.toString('base64url'));
    expect(options.allowCredentials.map(({ id }) => id)).toEqual(ids);
    expect([options.rpId, options.userVerification]).toEqual(['localhost', 'preferred']);
  });

  it('has no options without a usable ticket, or without a passkey', async () => {
    for (const ticket of ['x', `lk_lt_${'A'.repeat(49)}`, user.refreshToken]) {
      const refused = await app.send('POST', `${path}/options`, { json: { ticket } });
      expect(refused).toMatchObject({ status: 401, code: 'invalid_ticket' });
    }
    const ticket = await begin((await addTotpUser(app)).email);
    const refused = await app.send('POST', `${path}/options`, { json: { ticket } });
    expect(refused).toMatchObject({ status: 404, code: 'passkey_not_found' });
  });

  it('401 for the challenge of another ticket, of this user or of another one', async () => {
    const [mine, other] = [await begin(), await begin()];
    const signed = signChallenge(app, user.passkey, await secondFactorOptions(app, other));
    expect(await prove(mine, signed)).toMatchObject({ status: 401, code: 'invalid_passkey' });
    expect((await prove(other, signed)).status).toBe(200);
  });

  it('401 for the passkey of another user, and uses up nothing', async () => {
    const attacker = await addPasskeyUser(app, { kind: 'security_key', flags: withoutPin, signCount: 1 });
    const ticket = await begin();
    const refused = await provePasskey(app, ticket, attacker.passkey);
    expect(refused).toMatchObject({ status: 401, code: 'unknown_passkey' });
    expect(await auditActionsOf(app, user.email)).toContain('login.failed');
    expect((await provePasskey(app, await begin(attacker.email), attacker.passkey)).status).toBe(200);
    expect((await provePasskey(app, ticket, user.passkey)).status).toBe(200);
  });

  it('401 for a wrong signature and a stuck counter, which leave the ticket usable', async () => {
    const ticket = await begin();
    const origin = 'https://evil.example';
    expect(await provePasskey(app, ticket, user.passkey, { origin })).toMatchObject({ code: 'invalid_passkey' });
    expect(await provePasskey(app, ticket, user.passkey, { signCount: 1 })).toMatchObject({ code: 'invalid_passkey' });
    expect(await mailsTo(app, user.email)).toContain('passkey_counter_stuck');
    expect((await provePasskey(app, ticket, user.passkey)).status).toBe(200);
  });

  it('is used once, by twenty requests at once and later', async () => {
    const ticket = await begin();
    const signed = signChallenge(app, user.passkey, await secondFactorOptions(app, ticket));
    const responses = await Promise.all(Array.from({ length: 20 }, () => prove(ticket, signed)));
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await prove(ticket, signed)).toMatchObject({ status: 401, code: 'invalid_ticket' });
  });

  it('is not counted as a guess, and works while codes are delayed', async () => {
    const totp = await addTotpUser(app);
    const { passkey } = await addPasskey(app, { token: totp.accessToken });
    const ticket = await begin(totp.email);
    for (let guess = 0; guess < 4; guess += 1) await proveSecondFactor(app, ticket, { code: '000000' });
    const delayed = await proveSecondFactor(app, ticket, { code: codeNow(app, totp.secret, 1) });
    expect(delayed.code).toBe('too_many_requests');
    expect((await provePasskey(app, ticket, passkey)).status).toBe(200);
  });

  it('does not begin a login, and takes no ticket of another step', async () => {
    const plain = await addPasskeyUser(app);
    await app.send('DELETE', '/api/v1/users/me', {
      token: plain.accessToken,
      json: { currentPassword: 'correct horse battery' },
    });
    const ticket = await begin(plain.email);
    expect(await provePasskey(app, ticket, plain.passkey)).toMatchObject({ status: 403, code: 'login_incomplete' });
    const signed = signChallenge(app, plain.passkey, await secondFactorOptions(app, ticket));
    const unknown = `lk_lt_${'A'.repeat(49)}`;
    expect(await prove(unknown, signed)).toMatchObject({ status: 401, code: 'invalid_ticket' });
  });

  it('is no second factor once it is removed, and its ticket ends', async () => {
    const ticket = await begin();
    const signed = signChallenge(app, user.passkey, await secondFactorOptions(app, ticket));
    await app.send('DELETE', `${passkeysPath}/${user.passkeyId}`, { token: user.accessToken });
    expect(await prove(ticket, signed)).toMatchObject({ status: 401, code: 'invalid_ticket' });
  });

  it('422 beside another proof', async () => {
    const ticket = await begin();
    const passkey = signChallenge(app, user.passkey, await secondFactorOptions(app, ticket));
    for (const more of [{ code: '123456' }, { recoveryCode: 'x' }]) {
      expect((await app.send('POST', path, { json: { ticket, passkey, ...more } })).status).toBe(422);
    }
  });

  it('leaves users without one as they are', async () => {
    expect((await login(app, await addVerifiedUser(app))).data.step).toBeUndefined();
  });
});

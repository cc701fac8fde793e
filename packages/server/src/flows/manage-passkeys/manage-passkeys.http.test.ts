import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import {
  addPasskey,
  addPasskeyUser,
  creationOptionsFor,
  loginByPasskey,
  passkeyLoginPath,
  passkeyOptionsPath,
  passkeysPath,
  provePasskey,
  type Signal,
  sendRegistration,
  withoutPin,
} from '#test/support/passkeys.ts';
import { addTotpUser, beginTotp, confirmTotp } from '#test/support/second-factors.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import {
  addCookieSession,
  addLoggedInUser,
  isAccepted,
  login,
  mailsTo,
  sameOrigin,
  type Tokens,
} from '#test/support/user-actions.ts';
import { type ClientCeremony, createCredential } from '#test/webauthn/authenticator.ts';

interface Listed {
  readonly passkeys: readonly { readonly id: string; readonly name: string; readonly suspended: boolean }[];
  readonly signal?: Signal;
}

describe.each(databasesOfFlows)('a passkey (%s)', (databaseKind) => {
  let app: Application;
  let user: Tokens & { readonly email: string };
  let token: string;

  beforeAll(async () => {
    app = await Application.open({ databaseKind });
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    user = await addLoggedInUser(app);
    token = user.accessToken;
  });

  const list = async (credentials = { token }) => (await app.send<Listed>('GET', passkeysPath, credentials)).data;
  const change = (id: string, json: unknown) => app.send<Listed>('PATCH', `${passkeysPath}/${id}`, { token, json });
  const remove = (id: string) => app.send<Tokens & { signal?: Signal }>('DELETE', `${passkeysPath}/${id}`, { token });

  it('is added without any effect on sessions or on the password, and mails the user', async () => {
    const other = (await login(app, user.email)).data;
    const { data } = await addPasskey(app, { token }, { name: 'Phone' });
    expect(data).toMatchObject({ passkey: { name: 'Phone', firstFactor: true } });
    expect([data.accessToken, data.recoveryCodes]).toEqual([undefined, undefined]);
    expect([await isAccepted(app, token), await isAccepted(app, other.accessToken)]).toEqual([true, true]);
    expect((await login(app, user.email)).data.step).toBeUndefined();
    expect(await mailsTo(app, user.email)).toContain('passkey_added');
    expect(await auditActionsOf(app, user.email)).toContain('passkey.added');
  });

  it('is added by a cookie session, and is named after its browser', async () => {
    const { cookie } = await addCookieSession(app);
    const headers = {
      ...sameOrigin,
      'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    };
    const { data } = await addPasskey(app, { cookie, headers });
    expect(data.passkey.name).toBe('Firefox on Linux');
  });

  it('has options with a random handle that all passkeys of the user share, and excludes those', async () => {
    const first = await creationOptionsFor(app, { token });
    const { passkey } = await addPasskey(app, { token });
    const second = await creationOptionsFor(app, { token });
    expect([first.user.name, second.user.id]).toEqual([user.email, first.user.id]);
    expect(Buffer.from(first.user.id, 'base64url')).toHaveLength(32);
    expect(first.excludeCredentials).toEqual([]);
    const id = passkey.credential.credentialId.toString('base64url');
    expect(second.excludeCredentials).toEqual([{ type: 'public-key', id, transports: ['internal', 'hybrid'] }]);
    const { accessToken } = await addLoggedInUser(app);
    expect((await creationOptionsFor(app, { token: accessToken })).user.id).not.toBe(first.user.id);
  });

  it('has one handle for two first registrations that overlap', async () => {
    const [one, two] = [await creationOptionsFor(app, { token }), await creationOptionsFor(app, { token })];
    for (const options of [one, two]) {
      const { response, passkey } = await sendRegistration(app, { token }, options);
      expect(response.status).toBe(201);
      expect((await loginByPasskey(app, passkey)).status).toBe(200);
    }
  });

  it.each<readonly [string, Partial<ClientCeremony>]>([
    ['another type', { clientData: { type: 'webauthn.get' } }],
    ['a challenge that is not ours', { challenge: Buffer.alloc(38, 7).toString('base64url') }],
    ['another origin', { origin: 'https://evil.example' }],
    ['a frame of another site', { clientData: { crossOrigin: true } }],
    ['another RP ID', { rpId: 'evil.example' }],
    ['no user presence', { flags: 0x04 }],
    ['no user verification', { flags: withoutPin }],
    ['a backup of a key that cannot have one', { flags: 0x15 }],
  ])('is refused with %s', async (_, ceremony) => {
    const options = await creationOptionsFor(app, { token });
    const { response } = await sendRegistration(app, { token }, options, { ceremony });
    expect(response).toMatchObject({ status: 401, code: 'invalid_passkey' });
    expect((await list()).passkeys).toEqual([]);
  });

  it('is refused with the challenge of another session, and of a login', async () => {
    const other = (await login(app, user.email)).data;
    const options = await creationOptionsFor(app, { token });
    const elsewhere = await sendRegistration(app, { token: other.accessToken }, options);
    expect(elsewhere.response).toMatchObject({ code: 'invalid_passkey' });
    const forLogin = await app.send<{ publicKey: { challenge: string } }>('POST', `${passkeyLoginPath}/options`, {
      json: {},
    });
    const { challenge } = forLogin.data.publicKey;
    const foreign = await sendRegistration(app, { token }, { ...options, challenge });
    expect(foreign.response).toMatchObject({ code: 'invalid_passkey' });
  });

  it('is stored once of twenty uses of one registration at once', async () => {
    const options = await creationOptionsFor(app, { token });
    const credential = createCredential(-7);
    const sent = await Promise.all(
      Array.from({ length: 20 }, () => sendRegistration(app, { token }, options, { credential })),
    );
    const outcomes = sent.map(({ response }) => response.code ?? response.status);
    expect(outcomes.filter((outcome) => outcome === 201)).toHaveLength(1);
    expect(new Set(outcomes)).toEqual(new Set([201, 'invalid_passkey']));
    expect((await list()).passkeys).toHaveLength(1);
  });

  it('is refused when it is registered already, by this user or another one', async () => {
    const { passkey } = await addPasskey(app, { token });
    const other = await addLoggedInUser(app);
    for (const accessToken of [token, other.accessToken]) {
      const options = await creationOptionsFor(app, { token: accessToken });
      const { response } = await sendRegistration(app, { token: accessToken }, options, passkey);
      expect(response).toMatchObject({ status: 409, code: 'passkey_exists' });
    }
    expect((await loginByPasskey(app, passkey)).data.userId).toBe(user.userId);
  });

  it('is one of twenty at most, also when several are added at once', async () => {
    for (let count = 0; count < 15; count += 1) await addPasskey(app, { token });
    const options = await Promise.all(Array.from({ length: 20 }, () => creationOptionsFor(app, { token })));
    const added = await Promise.all(options.map((each) => sendRegistration(app, { token }, each)));
    const codes = added.map(({ response }) => response.code ?? response.status);
    expect(codes.filter((code) => code === 201)).toHaveLength(5);
    expect(codes.filter((code) => code === 'too_many_passkeys')).toHaveLength(15);
    expect((await list()).passkeys).toHaveLength(20);
    const refused = await app.send('POST', passkeyOptionsPath, { token, json: {} });
    expect(refused).toMatchObject({ status: 409, code: 'too_many_passkeys' });
  });

  it('is listed with a signal for the authenticator, which follows each change', async () => {
    expect(await list()).toEqual({ passkeys: [] });
    const { passkey, data } = await addPasskey(app, { token }, { name: 'Phone' });
    const id = passkey.credential.credentialId.toString('base64url');
    const userId = passkey.userHandle.toString('base64url');
    const signal = { rpId: 'localhost', userId, allAcceptedCredentialIds: [id] };
    expect(data.signal).toEqual(signal);
    expect(await list()).toMatchObject({ passkeys: [{ name: 'Phone', credentialId: id, backedUp: true }], signal });
    const renamed = await change(data.passkey.id, { name: 'Old phone' });
    expect(renamed.data).toMatchObject({ passkey: { name: 'Old phone' }, signal });
    expect(await auditActionsOf(app, user.email)).toContain('passkey.renamed');
    const removed = await remove(data.passkey.id);
    expect(removed.data.signal).toEqual({ ...signal, allAcceptedCredentialIds: [] });
    const factors = await app.send<Listed>('GET', '/api/v1/users/me/factors', { token: removed.data.accessToken });
    expect(factors.data).toEqual({ totp: null, recoveryCodes: null, passkeys: [] });
  });

  it('of another user is unknown to a change and a removal', async () => {
    const { passkeyId } = await addPasskeyUser(app);
    const absent = '0197a2b4-7c1d-7000-8000-0000000000a1';
    for (const id of [passkeyId, absent]) {
      expect(await change(id, { name: 'x' })).toMatchObject({ status: 404, code: 'passkey_not_found' });
      expect(await remove(id)).toMatchObject({ status: 404, code: 'passkey_not_found' });
    }
    expect((await change('no-id', { name: 'x' })).code).toBe('not_found');
    expect((await remove('no-id')).code).toBe('not_found');
    expect(await isAccepted(app, token)).toBe(true);
  });

  it('422 for a change of nothing, and for a suspension', async () => {
    const { data } = await addPasskey(app, { token });
    for (const json of [{}, { suspended: true }, { name: '' }]) {
      expect((await change(data.passkey.id, json)).status).toBe(422);
    }
  });

  it('that is removed ends the other sessions and its own use; the acting session goes on', async () => {
    const { passkey, data } = await addPasskey(app, { token });
    const other = (await loginByPasskey(app, passkey)).data;
    const removed = await remove(data.passkey.id);
    expect(removed.status).toBe(200);
    expect([await isAccepted(app, other.accessToken), await isAccepted(app, token)]).toEqual([false, false]);
    expect(await isAccepted(app, removed.data.accessToken)).toBe(true);
    expect(await loginByPasskey(app, passkey)).toMatchObject({ code: 'unknown_passkey' });
    expect(await mailsTo(app, user.email)).toContain('passkey_removed');
    const again = await app.send('DELETE', `${passkeysPath}/${data.passkey.id}`, { token: removed.data.accessToken });
    expect(again).toMatchObject({ code: 'passkey_not_found' });
  });

  it('is removed once of twenty requests at once', async () => {
    const { data } = await addPasskey(app, { token });
    const responses = await Promise.all(Array.from({ length: 20 }, () => remove(data.passkey.id)));
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});

describe('a security key', () => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open();
  });
  afterAll(() => app.close());

  it('turns two-step sign-in on, with recovery codes, and ends the other sessions', async () => {
    const user = await addLoggedInUser(app);
    const other = (await login(app, user.email)).data;
    const { data } = await addPasskey(app, { token: user.accessToken }, { kind: 'security_key', flags: withoutPin });
    expect(data.recoveryCodes).toHaveLength(10);
    const accepted = [user.accessToken, other.accessToken, data.accessToken ?? ''].map((each) => isAccepted(app, each));
    expect(await Promise.all(accepted)).toEqual([false, false, true]);
    const session = await app.send<object>('GET', '/api/v1/auth/session', { token: data.accessToken ?? '' });
    expect(session.data).toMatchObject({ acr: 'phr', amr: ['pwd', 'hwk', 'mfa'] });
    expect((await login(app, user.email)).data).toMatchObject({
      step: 'second_factor',
      factors: ['passkey', 'recovery_code'],
    });
    expect(await mailsTo(app, user.email)).toContain('security_key_added');
  });

  it('beside an authenticator app ends nothing, and takes its place when that is removed', async () => {
    const user = await addTotpUser(app);
    const { passkey, data } = await addPasskey(app, { token: user.accessToken }, { kind: 'security_key' });
    expect([data.accessToken, data.recoveryCodes]).toEqual([undefined, undefined]);
    const removed = await app.send<Tokens>('DELETE', '/api/v1/users/me/totp', { token: user.accessToken });
    expect(removed.status).toBe(200);
    expect(await mailsTo(app, user.email)).toContain('authenticator_removed');
    const { ticket, ...next } = (await login(app, user.email)).data;
    expect(next).toMatchObject({ step: 'second_factor', factors: ['passkey', 'recovery_code'] });
    expect((await provePasskey(app, ticket, passkey)).status).toBe(200);
  });

  it('that is removed as the last second factor turns two-step sign-in off and ends the recovery codes', async () => {
    const user = await addPasskeyUser(app, { kind: 'security_key' });
    const sent = { token: user.accessToken };
    const removed = await app.send<Tokens>('DELETE', `${passkeysPath}/${user.passkeyId}`, sent);
    expect((await login(app, user.email)).data.step).toBeUndefined();
    expect(await mailsTo(app, user.email)).toContain('second_factor_removed');
    const { data } = await app.send<object>('GET', '/api/v1/users/me/factors', { token: removed.data.accessToken });
    expect(data).toMatchObject({ recoveryCodes: null, passkeys: [] });
  });

  it('leaves two-step sign-in on when an app remains', async () => {
    const user = await addPasskeyUser(app, { kind: 'security_key' });
    const { data: confirmed } = await confirmTotp(
      app,
      { token: user.accessToken },
      await beginTotp(app, { token: user.accessToken }),
    );
    await app.send('DELETE', `${passkeysPath}/${user.passkeyId}`, { token: confirmed.accessToken });
    expect((await login(app, user.email)).data).toMatchObject({
      step: 'second_factor',
      factors: ['totp', 'recovery_code'],
    });
  });

  it('keeps the recovery codes replaceable', async () => {
    const user = await addPasskeyUser(app, { kind: 'security_key' });
    const made = await app.send('POST', '/api/v1/users/me/recovery-codes', { token: user.accessToken, json: {} });
    expect(made.status).toBe(200);
    const plain = await addPasskeyUser(app);
    const refused = await app.send('POST', '/api/v1/users/me/recovery-codes', { token: plain.accessToken, json: {} });
    expect(refused).toMatchObject({ status: 409, code: 'no_second_factor' });
  });
});

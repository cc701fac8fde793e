import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { disableUser } from '#flows/admin-users/index.ts';
import { statement } from '#platform/database/index.ts';
import type { RequestOptionsJson } from '#protocol/webauthn/index.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import { operator } from '#test/support/operator.ts';
import {
  addPasskeyUser,
  deviceBound,
  type LoginOptions,
  loginByPasskey,
  type PasskeyUser,
  passkeyLoginOptions,
  passkeyLoginPath,
  passkeyOptionsPath,
  passkeysPath,
  secondFactorOptions,
  signChallenge,
  synced,
  withoutPin,
} from '#test/support/passkeys.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { cookieHeader, login, mailsTo, sameOrigin, type Tokens, validPassword } from '#test/support/user-actions.ts';
import { userIdOf } from '#test/support/user-status.ts';
import { type ClientCeremony, createCredential, flagBits } from '#test/webauthn/authenticator.ts';

const countRows = statement('login_by_passkey_test.count', {
  lane: 'pool',
  sql: `select (select count(*) from sessions where user_id = :userId)::int4 as sessions,
    (select count(*) from used_nonces)::int4 as nonces`,
  params: { userId: 'uuid' },
  columns: { sessions: 'int4?', nonces: 'int4?' },
});

const { up, uv, be, bs } = flagBits;

describe.each(databasesOfFlows)('a login by passkey (%s)', (databaseKind) => {
  let app: Application;
  let user: PasskeyUser;

  beforeAll(async () => {
    app = await Application.open({ databaseKind });
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    user = await addPasskeyUser(app, { flags: synced, signCount: 5 });
  });

  const send = (json: unknown) => app.send<Tokens>('POST', passkeyLoginPath, { json });
  const sessionOf = async (token: string) =>
    (await app.send<{ acr: string; amr: string[] }>('GET', '/api/v1/auth/session', { token })).data;
  const countsOf = async () => app.services.database.row(countRows, { userId: await userIdOf(app, user.email) });

  it('200 without a password, with two factors', async () => {
    const done = await loginByPasskey(app, user.passkey);
    expect(done.status).toBe(200);
    expect(await sessionOf(done.data.accessToken)).toMatchObject({ acr: 'phr', amr: ['swk', 'user', 'mfa'] });
    expect(await auditActionsOf(app, user.email)).toContain('login.succeeded');
  });

  it('200 for a key that stays on one device, which is hardware', async () => {
    const other = await addPasskeyUser(app, { flags: deviceBound });
    const done = await loginByPasskey(app, other.passkey);
    expect(await sessionOf(done.data.accessToken)).toMatchObject({ acr: 'phr', amr: ['hwk', 'user', 'mfa'] });
  });

  it('200 from a listed origin and with a known device', async () => {
    const { deviceToken } = user;
    const done = await loginByPasskey(app, user.passkey, { origin: 'https://app.people.example' }, { deviceToken });
    expect([done.status, done.data.deviceToken]).toEqual([200, deviceToken]);
  });

  it('200 by cookie, in the browser that asked for the options', async () => {
    const json = { transport: 'cookie' };
    const options = await app.send<LoginOptions>('POST', `${passkeyLoginPath}/options`, { json, headers: sameOrigin });
    expect(options.data.browserToken).toBeUndefined();
    const credential = signChallenge(app, user.passkey, options.data.publicKey);
    const sent = { json: { credential, transport: 'cookie' }, headers: sameOrigin };
    expect(await app.send('POST', passkeyLoginPath, sent)).toMatchObject({ status: 401, code: 'invalid_passkey' });
    const cookie = cookieHeader(options.cookies);
    const done = await app.send<Tokens>('POST', passkeyLoginPath, { ...sent, cookie });
    expect([done.status, done.data.accessToken]).toEqual([200, undefined]);
    expect(done.cookies.join()).toContain('latchkey_session=');
  });

  it('keeps the secret of a browser that asks again', async () => {
    const first = await passkeyLoginOptions(app);
    const again = await app.send<LoginOptions>('POST', `${passkeyLoginPath}/options`, {
      json: { browserToken: first.browserToken },
    });
    expect(again.data.browserToken).toBe(first.browserToken);
    expect(again.data.publicKey.challenge).not.toBe(first.publicKey.challenge);
    const credential = signChallenge(app, user.passkey, first.publicKey);
    expect((await send({ credential, browserToken: first.browserToken })).status).toBe(200);
  });

  type Broken = readonly [string, Partial<ClientCeremony>];

  it.each<Broken>([
    ['another type', { clientData: { type: 'webauthn.create' } }],
    ['a challenge that is not ours', { challenge: Buffer.alloc(38, 7).toString('base64url') }],
    ['another origin', { origin: 'https://evil.example' }],
    ['an origin below ours', { origin: 'http://app.localhost:5625' }],
    ['a frame of another site', { clientData: { crossOrigin: true } }],
    ['a top origin', { clientData: { topOrigin: 'https://evil.example' } }],
    ['another RP ID', { rpId: 'evil.example' }],
    ['no user presence', { flags: uv | be | bs }],
    ['no user verification', { flags: up | be | bs }],
    ['another backup eligibility', { flags: up | uv }],
    ['a counter that went back', { signCount: 4 }],
    ['a counter that stands still', { signCount: 5 }],
    ['a counter that is gone', { signCount: 0 }],
  ])('401 for %s, and no session', async (_, changed) => {
    const before = await countsOf();
    expect(await loginByPasskey(app, user.passkey, changed)).toMatchObject({ status: 401, code: 'invalid_passkey' });
    expect(await countsOf()).toEqual(before);
    expect((await loginByPasskey(app, user.passkey)).status).toBe(200);
  });

  it('401 for a backup of a key that cannot have one', async () => {
    const other = await addPasskeyUser(app, { flags: deviceBound });
    const refused = await loginByPasskey(app, other.passkey, { flags: up | uv | bs });
    expect(refused).toMatchObject({ status: 401, code: 'invalid_passkey' });
  });

  it('401 for the challenge of another browser, and without one', async () => {
    const [mine, theirs] = [await passkeyLoginOptions(app), await passkeyLoginOptions(app)];
    const credential = signChallenge(app, user.passkey, mine.publicKey);
    for (const browserToken of [theirs.browserToken, 'lk_lb_x', undefined]) {
      expect(await send({ credential, browserToken })).toMatchObject({ status: 401, code: 'invalid_passkey' });
    }
    expect((await send({ credential, browserToken: mine.browserToken })).status).toBe(200);
  });

  it('401 for the challenge of a step-up, a second factor or a registration', async () => {
    const { accessToken: token } = user;
    const { browserToken } = await passkeyLoginOptions(app);
    const stepUp = await app.send<{ publicKey: RequestOptionsJson }>('POST', '/api/v1/auth/step-up/options', {
      token,
      json: {},
    });
    const registration = await app.send<{ publicKey: RequestOptionsJson }>('POST', passkeyOptionsPath, {
      token,
      json: {},
    });
    const key = await addPasskeyUser(app, { kind: 'security_key', flags: deviceBound });
    const { ticket } = (await login(app, key.email)).data;
    const secondFactor = await secondFactorOptions(app, ticket);
    for (const { challenge } of [stepUp.data.publicKey, registration.data.publicKey, secondFactor]) {
      const options = { challenge, rpId: 'localhost', allowCredentials: [] };
      const credential = signChallenge(app, user.passkey, options);
      expect(await send({ credential, browserToken })).toMatchObject({ status: 401, code: 'invalid_passkey' });
    }
  });

  it('401 for a challenge of more than ten minutes ago', async () => {
    const { publicKey, browserToken } = await passkeyLoginOptions(app);
    const credential = signChallenge(app, user.passkey, publicKey);
    app.clock.advance(600_000);
    expect(await send({ credential, browserToken })).toMatchObject({ status: 401, code: 'invalid_passkey' });
  });

  it('401 for another user handle, and for none', async () => {
    const other = await addPasskeyUser(app);
    for (const userHandle of [other.passkey.userHandle, undefined]) {
      const { publicKey, browserToken } = await passkeyLoginOptions(app);
      const signed = signChallenge(app, { ...user.passkey, userHandle: Buffer.from(userHandle ?? '') }, publicKey);
      const { userHandle: sent, ...response } = signed.response;
      const credential = userHandle === undefined ? { ...signed, response } : signed;
      expect(sent === undefined).toBe(false);
      expect(await send({ credential, browserToken })).toMatchObject({ status: 401, code: 'invalid_passkey' });
    }
  });

  it('401 for a signature of another key', async () => {
    const credential = { ...createCredential(-7), credentialId: user.passkey.credential.credentialId };
    const refused = await loginByPasskey(app, { ...user.passkey, credential });
    expect(refused).toMatchObject({ status: 401, code: 'invalid_passkey' });
    expect(await auditActionsOf(app, user.email)).toContain('login.failed');
  });

  it('401 unknown_passkey for a passkey that does not exist or was removed', async () => {
    const stranger = { ...user.passkey, credential: createCredential(-7) };
    expect(await loginByPasskey(app, stranger)).toMatchObject({ status: 401, code: 'unknown_passkey' });
    await app.send('DELETE', `${passkeysPath}/${user.passkeyId}`, { token: user.accessToken });
    expect(await loginByPasskey(app, user.passkey)).toMatchObject({ status: 401, code: 'unknown_passkey' });
  });

  it('yields one session for twenty uses of an assertion at once, and none later', async () => {
    const { publicKey, browserToken } = await passkeyLoginOptions(app);
    const credential = signChallenge(app, user.passkey, publicKey);
    const use = () => send({ credential, browserToken });
    const responses = await Promise.all(Array.from({ length: 20 }, use));
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(new Set(responses.map(({ code }) => code))).toEqual(new Set([undefined, 'invalid_passkey']));
    expect(await use()).toMatchObject({ status: 401, code: 'invalid_passkey' });
    expect(await mailsTo(app, user.email)).not.toContain('passkey_counter_stuck');
  });

  it('reports a counter that does not grow, once for each attempt, and keeps the passkey', async () => {
    expect((await loginByPasskey(app, user.passkey, { signCount: 5 })).code).toBe('invalid_passkey');
    expect(await mailsTo(app, user.email)).toContain('passkey_counter_stuck');
    expect(await auditActionsOf(app, user.email)).toContain('passkey.counter_stuck');
    expect((await loginByPasskey(app, user.passkey, { signCount: 6 })).status).toBe(200);
  });

  it('never counts verification by a key that was registered without it: its finder can set a PIN', async () => {
    const other = await addPasskeyUser(app, { kind: 'security_key', flags: withoutPin });
    const refused = await loginByPasskey(app, other.passkey, { flags: up | uv });
    expect(refused).toMatchObject({ status: 401, code: 'invalid_passkey' });
  });

  it('refuses a disabled user, and asks for the deletion of one who is leaving', async () => {
    await app.send('DELETE', '/api/v1/users/me', {
      token: user.accessToken,
      json: { currentPassword: validPassword },
    });
    const leaving = await loginByPasskey(app, user.passkey);
    expect(leaving).toMatchObject({ status: 200, data: { step: 'cancel_deletion' } });
    expect(leaving.data.accessToken).toBeUndefined();
    await disableUser(app.services, operator, await userIdOf(app, user.email));
    expect(await loginByPasskey(app, user.passkey)).toMatchObject({ status: 403, code: 'account_disabled' });
  });
});

describe('the options of a login by passkey', () => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open({ manual: true });
  });
  afterAll(() => app.close());

  it('are the same for everyone, and use no database', async () => {
    const refuse = () => Promise.reject(new Error('the database was asked'));
    const { row, rows, run, transaction } = app.services.database;
    Object.assign(app.services.database, { row: refuse, rows: refuse, run: refuse, transaction: refuse });
    const { publicKey } = await passkeyLoginOptions(app);
    Object.assign(app.services.database, { row, rows, run, transaction });
    expect(publicKey).toEqual({
      challenge: expect.stringMatching(/^[\w-]{51}$/),
      timeout: 600_000,
      rpId: 'localhost',
      allowCredentials: [],
      userVerification: 'required',
    });
  });

  it.each([
    ['a public URL with an IP address', { LATCHKEY_PUBLIC_URL: 'http://127.0.0.1:5625' }],
    ['passkeys that are off', { LATCHKEY_PASSKEYS: 'off' }],
  ])('409 for %s', async (_, env) => {
    const other = await Application.open({ env });
    const refused: AppResponse = await other.send('POST', `${passkeyLoginPath}/options`, { json: {} });
    expect(refused).toMatchObject({ status: 409, code: 'passkeys_unavailable' });
    await other.close();
  });
});

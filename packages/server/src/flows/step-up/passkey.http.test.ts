import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestOptionsJson } from '#protocol/webauthn/index.ts';
import { Application } from '#test/support/application.ts';
import {
  addPasskeyUser,
  loginByPasskey,
  passkeysPath,
  signChallenge,
  stepUpByPasskey,
  synced,
  withoutPin,
} from '#test/support/passkeys.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addLoggedInUser, isAccepted, login, mailsTo, type Tokens, validPassword } from '#test/support/user-actions.ts';

const path = '/api/v1/auth/step-up';

describe('a step-up by passkey', () => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open();
  });
  afterAll(() => app.close());

  const acceptedBy = async (token: string) =>
    (await app.send<{ factors: string[] }>('GET', path, { token })).data.factors;
  const optionsOf = async (token: string) =>
    (await app.send<{ publicKey: RequestOptionsJson }>('POST', `${path}/options`, { token, json: {} })).data.publicKey;

  it('200 renews the session with two factors, and the old one ends', async () => {
    const user = await addPasskeyUser(app, { flags: synced });
    const stepped = await stepUpByPasskey(app, { token: user.accessToken }, user.passkey);
    expect(stepped.status).toBe(200);
    expect(await isAccepted(app, user.accessToken)).toBe(false);
    const session = await app.send<object>('GET', '/api/v1/auth/session', { token: stepped.data.accessToken });
    expect(session.data).toMatchObject({ acr: 'phr', amr: ['pwd', 'swk', 'user', 'mfa'] });
    expect(await auditActionsOf(app, user.email)).toContain('session.stepped_up');
  });

  it('keeps what an earlier passkey of the session proved', async () => {
    const user = await addPasskeyUser(app, { flags: synced });
    const { accessToken: token } = (await loginByPasskey(app, user.passkey)).data;
    const { data } = await app.send<Tokens>('POST', path, { token, json: { password: validPassword } });
    const session = await app.send<object>('GET', '/api/v1/auth/session', { token: data.accessToken });
    expect(session.data).toMatchObject({ acr: 'phr', amr: ['swk', 'pwd', 'user', 'mfa'] });
  });

  it('accepts the password too while two-step sign-in is off, and nothing less than a second factor when it is on', async () => {
    const plain = await addPasskeyUser(app);
    expect(await acceptedBy(plain.accessToken)).toEqual(['passkey', 'password']);
    const strong = await addPasskeyUser(app, { kind: 'security_key', flags: withoutPin });
    expect(await acceptedBy(strong.accessToken)).toEqual(['passkey', 'recovery_code']);
    const sent = { token: strong.accessToken, json: { password: validPassword } };
    expect(await app.send('POST', path, sent)).toMatchObject({ status: 403, code: 'login_incomplete' });
    expect((await stepUpByPasskey(app, { token: strong.accessToken }, strong.passkey)).status).toBe(200);
  });

  it('404 without a passkey', async () => {
    const { accessToken: token } = await addLoggedInUser(app);
    const refused = await app.send('POST', `${path}/options`, { token, json: {} });
    expect(refused).toMatchObject({ status: 404, code: 'passkey_not_found' });
  });

  it('401 for the passkey of another user, which is not used up', async () => {
    const [user, attacker] = [await addPasskeyUser(app), await addPasskeyUser(app)];
    const signed = signChallenge(app, attacker.passkey, await optionsOf(user.accessToken));
    const refused = await app.send('POST', path, { token: user.accessToken, json: { passkey: signed } });
    expect(refused).toMatchObject({ status: 401, code: 'unknown_passkey' });
    expect(await auditActionsOf(app, user.email)).toContain('session.step_up_refused');
    expect((await stepUpByPasskey(app, { token: attacker.accessToken }, attacker.passkey)).status).toBe(200);
  });

  it('401 for the challenge of another session, and for one that was used', async () => {
    const user = await addPasskeyUser(app);
    const other = (await login(app, user.email)).data;
    const signed = signChallenge(app, user.passkey, await optionsOf(other.accessToken));
    const send = (token: string) => app.send<Tokens>('POST', path, { token, json: { passkey: signed } });
    expect(await send(user.accessToken)).toMatchObject({ status: 401, code: 'invalid_passkey' });
    const responses = await Promise.all(Array.from({ length: 20 }, () => send(other.accessToken)));
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('401 for a counter that does not grow, and tells the user', async () => {
    const user = await addPasskeyUser(app, { signCount: 9 });
    const signed = signChallenge(app, user.passkey, await optionsOf(user.accessToken), { signCount: 9 });
    const refused = await app.send('POST', path, { token: user.accessToken, json: { passkey: signed } });
    expect(refused).toMatchObject({ status: 401, code: 'invalid_passkey' });
    expect(await mailsTo(app, user.email)).toContain('passkey_counter_stuck');
    expect((await stepUpByPasskey(app, { token: user.accessToken }, user.passkey)).status).toBe(200);
  });

  it('422 beside another proof', async () => {
    const user = await addPasskeyUser(app);
    const passkey = signChallenge(app, user.passkey, await optionsOf(user.accessToken));
    const json = { passkey, password: validPassword };
    expect((await app.send('POST', path, { token: user.accessToken, json })).status).toBe(422);
  });

  it('opens the operations that need a recent proof', async () => {
    const user = await addPasskeyUser(app);
    const { accessToken: token } = (await login(app, user.email)).data;
    app.clock.advance(301_000);
    const remove = (credentials: { token: string }) =>
      app.send('DELETE', `${passkeysPath}/${user.passkeyId}`, credentials);
    expect(await remove({ token })).toMatchObject({ code: 'step_up_required' });
    const stepped = (await stepUpByPasskey(app, { token }, user.passkey)).data;
    expect((await remove({ token: stepped.accessToken })).status).toBe(200);
  });
});

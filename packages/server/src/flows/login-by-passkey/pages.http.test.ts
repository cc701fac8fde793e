import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { grantRole } from '#flows/admin-users/index.ts';
import type { RequestOptionsJson } from '#protocol/webauthn/index.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import { operator } from '#test/support/operator.ts';
import {
  addPasskey,
  addPasskeyUser,
  creationOptionsFor,
  deviceBound,
  type LoginOptions,
  type PasskeyUser,
  passkeyLoginPath,
  passkeyOptionsIn,
  passkeysPath,
  signChallenge,
  withoutPin,
} from '#test/support/passkeys.ts';
import { renderedForm } from '#test/support/rendered-form.ts';
import { addTotpUser } from '#test/support/second-factors.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addCookieSession, cookieHeader, login, sameOrigin } from '#test/support/user-actions.ts';
import { userIdOf } from '#test/support/user-status.ts';
import { createCredential, register } from '#test/webauthn/authenticator.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
});
afterAll(() => app.close());

const submit = (path: string, form: Record<string, string>, cookie?: string) =>
  app.send('POST', path, { form, headers: sameOrigin, ...(cookie !== undefined && { cookie }) });

/** A GET of the browser that `submit` is. */
const show = (path: string, cookie = '') =>
  app.send('GET', path, { headers: { cookie: [cookie, renderedForm.cookie].filter(Boolean).join('; ') } });

const optionsIn = ({ text }: AppResponse) => JSON.parse(passkeyOptionsIn(text)) as RequestOptionsJson;

const attributesIn = ({ text }: AppResponse, name: string) =>
  [...text.matchAll(new RegExp(`data-passkey-${name}="([^"]+)"`, 'g'))].map(([, value = '']) =>
    value.replaceAll('&quot;', '"'),
  );

/** The options that the script of the sign-in page requests, and the cookie of its browser. */
async function pageOptions() {
  const json = { transport: 'cookie' };
  const sent = { json, headers: sameOrigin };
  const options = await app.send<LoginOptions>('POST', `${passkeyLoginPath}/options`, sent);
  return { publicKey: options.data.publicKey, cookie: cookieHeader(options.cookies) };
}

describe('the sign-in page', () => {
  it('offers passkeys in its email and by a button, under a policy that lets our script call the API', async () => {
    const page = await app.send('GET', '/login?continue=%2Faccount');
    expect(page.text).toContain('autocomplete="username webauthn"');
    expect(page.text).toMatch(/<button type="button" hidden data-passkey="autofill"/);
    expect(attributesIn(page, 'body')).toEqual(['{"transport":"cookie"}']);
    expect(page.headers.get('content-security-policy')).toContain("connect-src 'self'");
    const other = await app.send('GET', '/docs');
    expect(other.headers.get('content-security-policy')).not.toContain('connect-src');
  });

  it('offers none where they are off', async () => {
    const off = await Application.open({ env: { LATCHKEY_PASSKEYS: 'off' } });
    const { text } = await off.send('GET', '/login');
    expect(text).not.toContain('passkey');
    await off.close();
  });

  it('has a script of less than 4 kB without its comments, which names no other host', async () => {
    const { text, headers } = await app.send('GET', '/assets/passkey.js');
    expect(headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    const code = text.replaceAll(/\/\*\*[\s\S]*?\*\/\n?|^\s*\/\/.*\n/gm, '');
    expect(code.length).toBeLessThan(4096);
    expect(text).not.toMatch(/https?:|eval|innerHTML/);
  });
});

describe('POST /login/passkey', () => {
  let user: PasskeyUser;

  beforeEach(async () => {
    user = await addPasskeyUser(app);
  });

  it('signs the browser in, and leads to the page that was asked for', async () => {
    const { publicKey, cookie } = await pageOptions();
    const credential = JSON.stringify(signChallenge(app, user.passkey, publicKey));
    const done = await submit('/login/passkey', { credential, continue: '/account/security' }, cookie);
    expect([done.status, done.headers.get('location')]).toEqual([303, '/account/security']);
    const session = cookieHeader(done.cookies);
    expect((await app.send('GET', '/account', { cookie: session })).text).toContain(user.email);
    expect(await submit('/login/passkey', { credential }, cookie)).toMatchObject({ status: 401 });
  });

  it.each(['//evil.example', '/\\evil.example', 'https://evil.example', '/api/v1/users/me'])(
    'does not lead to %s, and signs nobody in',
    async (continueTo) => {
      const { publicKey, cookie } = await pageOptions();
      const credential = JSON.stringify(signChallenge(app, user.passkey, publicKey));
      const done = await submit('/login/passkey', { credential, continue: continueTo }, cookie);
      expect([done.status, done.cookies]).toEqual([400, []]);
    },
  );

  it('refuses the response to another browser, and one that is none', async () => {
    const [mine, theirs] = [await pageOptions(), await pageOptions()];
    const credential = JSON.stringify(signChallenge(app, user.passkey, theirs.publicKey));
    for (const sent of [credential, '', '{', 'null', '{"id":1}']) {
      const refused = await submit('/login/passkey', { credential: sent }, mine.cookie);
      expect([refused.status, refused.cookies]).toEqual([401, []]);
      expect(refused.text).toContain('This passkey was not accepted.');
      expect(refused.text).toContain('action="/login"');
    }
  });

  it('names a passkey that is not known to the authenticator, and no other', async () => {
    const { publicKey, cookie } = await pageOptions();
    const stranger = { ...user.passkey, credential: createCredential(-7) };
    const signed = signChallenge(app, stranger, publicKey);
    const refused = await submit('/login/passkey', { credential: JSON.stringify(signed) }, cookie);
    const signal = ['signalUnknownCredential', { rpId: 'localhost', credentialId: signed.id }];
    expect(attributesIn(refused, 'signal').map((text) => JSON.parse(text) as unknown)).toEqual([signal]);
    const wrong = signChallenge(app, user.passkey, (await pageOptions()).publicKey);
    expect(attributesIn(await submit('/login/passkey', { credential: JSON.stringify(wrong) }), 'signal')).toEqual([]);
  });

  it('leads from GET to the sign-in page, with its return address', async () => {
    expect((await app.send('GET', '/login/passkey')).headers.get('location')).toBe('/login');
    const { headers } = await app.send('GET', '/login/passkey?continue=%2Faccount');
    expect(headers.get('location')).toBe('/login?continue=%2Faccount');
  });
});

describe('the page of a passkey as second factor', () => {
  async function begin(email: string) {
    const form = { email, password: 'correct horse battery' };
    const first = await submit('/login', form);
    return { location: first.headers.get('location') ?? '', cookie: cookieHeader(first.cookies) };
  }

  it('is the first choice without an app, and signs in', async () => {
    const user = await addPasskeyUser(app, { kind: 'security_key', flags: withoutPin });
    const { location, cookie } = await begin(user.email);
    expect(location).toBe('/login/second-factor/passkey');
    const page = await show(location, cookie);
    expect(page.text).toContain('/login/recovery-code');
    const loginId = /name="login" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const credential = JSON.stringify(signChallenge(app, user.passkey, optionsIn(page)));
    const wrong = await submit(location, { login: loginId, credential: '{}' }, cookie);
    expect([wrong.status, wrong.text.includes('was not accepted')]).toEqual([401, true]);
    const done = await submit(location, { login: loginId, credential }, cookie);
    expect([done.status, done.headers.get('location')]).toEqual([303, '/account']);
    expect(await auditActionsOf(app, user.email)).toContain('login.succeeded');
  });

  it('refuses the passkey of another user and the response for another ticket', async () => {
    const [user, attacker] = [
      await addPasskeyUser(app, { kind: 'security_key' }),
      await addPasskeyUser(app, { kind: 'security_key' }),
    ];
    const [mine, other] = [await begin(user.email), await begin(user.email)];
    const page = await show(mine.location, mine.cookie);
    const loginId = /name="login" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const foreign = signChallenge(app, attacker.passkey, optionsIn(page));
    const late = signChallenge(app, user.passkey, optionsIn(await show(other.location, other.cookie)));
    for (const response of [foreign, late]) {
      const form = { login: loginId, credential: JSON.stringify(response) };
      const refused = await submit(mine.location, form, mine.cookie);
      expect([refused.status, refused.cookies.join().includes('latchkey_session=')]).toEqual([401, false]);
    }
  });

  it('is a link beside the code of an app, and has no button without a passkey', async () => {
    const totp = await addTotpUser(app);
    const without = await begin(totp.email);
    expect(without.location).toBe('/login/second-factor');
    expect((await show(without.location, without.cookie)).text).not.toContain('second-factor/passkey');
    const empty = await show('/login/second-factor/passkey', without.cookie);
    expect([empty.status, empty.text.includes('data-passkey=')]).toEqual([200, false]);
    await addPasskey(app, { token: totp.accessToken });
    const both = await begin(totp.email);
    expect(both.location).toBe('/login/second-factor');
    expect((await show(both.location, both.cookie)).text).toContain('/login/second-factor/passkey');
  });
});

describe('the pages of the account', () => {
  const security = '/account/security';

  async function signedIn() {
    const { email, cookie } = await addCookieSession(app);
    return { email, cookie, credentials: { cookie, headers: sameOrigin } };
  }

  async function response(
    credentials: { cookie: string; headers: typeof sameOrigin },
    kind: 'passkey' | 'security_key',
  ) {
    const { challenge, rp } = await creationOptionsFor(app, credentials, kind);
    const ceremony = { challenge, rpId: rp.id, origin: 'http://localhost:5625', flags: deviceBound, signCount: 0 };
    const rest = { clientData: {}, extensions: Buffer.alloc(0) };
    return JSON.stringify(register(createCredential(-7), { ...ceremony, ...rest }));
  }

  it('add a passkey under its name, list it with a signal, and remove it', async () => {
    const { cookie, credentials } = await signedIn();
    const credential = await response(credentials, 'passkey');
    const form = { kind: 'passkey', credential, name: '<b>Phone</b>' };
    const added = await submit(`${security}/add-passkey`, form, cookie);
    expect([added.status, added.headers.get('location')]).toEqual([303, `${security}?done=passkey_added`]);
    const page = await app.send('GET', security, { cookie });
    expect(page.text).toContain('&lt;b&gt;Phone&lt;/b&gt;');
    const [signal = '[]'] = attributesIn(page, 'signal');
    const { id: credentialId } = JSON.parse(credential) as { id: string };
    expect(JSON.parse(signal)).toMatchObject([
      'signalAllAcceptedCredentials',
      { rpId: 'localhost', allAcceptedCredentialIds: [credentialId] },
    ]);
    const id = /remove-passkey\?id=([\w-]+)/.exec(page.text)?.[1] ?? '';
    expect((await app.send('GET', `${security}/remove-passkey?id=${id}`, { cookie })).text).toContain('Phone');
    const removed = await submit(`${security}/remove-passkey`, { id }, cookie);
    expect(removed.headers.get('location')).toBe(`${security}?done=passkey_removed`);
    const after = await app.send('GET', security, { cookie: cookieHeader(removed.cookies) });
    expect(JSON.parse(attributesIn(after, 'signal')[0] ?? '')).toMatchObject([
      'signalAllAcceptedCredentials',
      { allAcceptedCredentialIds: [] },
    ]);
    const again = await submit(`${security}/remove-passkey`, { id }, cookieHeader(removed.cookies));
    expect(again.headers.get('location')).toBe(security);
  });

  it('show the recovery codes once when a security key turns two-step sign-in on', async () => {
    const { email, cookie, credentials } = await signedIn();
    const form = { kind: 'security_key', credential: await response(credentials, 'security_key') };
    const added = await submit(`${security}/add-passkey`, form, cookie);
    expect(added.text.match(/<li><code/g)).toHaveLength(10);
    expect(added.cookies.join()).toContain('latchkey_session=');
    expect((await login(app, email)).data.step).toBe('second_factor');
    expect((await app.send('GET', security, { cookie: cookieHeader(added.cookies) })).text).toContain(
      '10 recovery codes',
    );
  });

  it('say why a passkey was not added', async () => {
    const { cookie, credentials } = await signedIn();
    const credential = await response(credentials, 'passkey');
    const form = { kind: 'passkey', credential };
    expect((await submit(`${security}/add-passkey`, form, cookie)).status).toBe(303);
    const again = await submit(`${security}/add-passkey`, form, cookie);
    expect([again.status, again.text.includes('That didn’t work')]).toEqual([401, true]);
    const none = await submit(`${security}/add-passkey`, { kind: 'passkey', credential: '' }, cookie);
    expect(none.status).toBe(401);
  });

  it('remove no passkey of another user', async () => {
    const { cookie } = await signedIn();
    const other = await addPasskeyUser(app);
    const question = await app.send('GET', `${security}/remove-passkey?id=${other.passkeyId}`, { cookie });
    expect(question.headers.get('location')).toBe(security);
    const removed = await submit(`${security}/remove-passkey`, { id: other.passkeyId }, cookie);
    expect(removed.headers.get('location')).toBe(security);
    const { data } = await app.send<{ passkeys: unknown[] }>('GET', passkeysPath, { token: other.accessToken });
    expect(data.passkeys).toHaveLength(1);
  });

  it('keep the last second factor of a user whose role requires one, and offer no removal', async () => {
    const user = await addPasskeyUser(app);
    await grantRole(app.services, operator, await userIdOf(app, user.email), 'owner');
    const { publicKey, cookie } = await pageOptions();
    const credential = JSON.stringify(signChallenge(app, user.passkey, publicKey));
    const session = cookieHeader((await submit('/login/passkey', { credential }, cookie)).cookies);
    const shown = async () =>
      (await app.send('GET', security, { cookie: session })).text.split('remove-passkey?id=').length - 1;
    const form = { id: user.passkeyId };
    expect((await app.send('GET', security, { cookie: session })).status).toBe(200);
    expect(await shown()).toBe(0);
    expect((await submit(`${security}/remove-passkey`, form, session)).headers.get('location')).toBe(security);
    await addPasskey(app, { cookie: session, headers: sameOrigin });
    expect(await shown()).toBe(2);
    const removed = await submit(`${security}/remove-passkey`, form, session);
    expect(removed.headers.get('location')).toBe(`${security}?done=passkey_removed`);
  });

  it('step up by the button, and by nothing less than the passkey or a recovery code', async () => {
    const { cookie, credentials } = await signedIn();
    const key = createCredential(-7);
    const { challenge, rp, user } = await creationOptionsFor(app, credentials, 'security_key');
    const fixed = { rpId: rp.id, origin: 'http://localhost:5625', flags: deviceBound, signCount: 0 };
    const rest = { clientData: {}, extensions: Buffer.alloc(0) };
    const credential = JSON.stringify(register(key, { challenge, ...fixed, ...rest }));
    const added = await submit(`${security}/add-passkey`, { kind: 'security_key', credential }, cookie);
    const session = cookieHeader(added.cookies);
    app.clock.advance(301_000);
    const page = await app.send('GET', '/step-up?continue=%2Faccount%2Fsecurity', { cookie: session });
    expect(attributesIn(page, 'url')).toEqual(['/api/v1/auth/step-up/options']);
    expect(page.text).toContain('with=recovery_code');
    expect(page.text).not.toContain('name="password"');
    const options = await app.send<{ publicKey: RequestOptionsJson }>('POST', '/api/v1/auth/step-up/options', {
      cookie: session,
      headers: sameOrigin,
    });
    const userHandle = Buffer.from(user.id, 'base64url');
    const passkey = { credential: key, userHandle, flags: deviceBound, signCount: 0 };
    const signed = JSON.stringify(signChallenge(app, passkey, options.data.publicKey));
    const refused = await submit('/step-up', { credential: '{}' }, session);
    expect(refused.status).toBe(422);
    const done = await submit('/step-up', { credential: signed, continue: security }, session);
    expect([done.status, done.headers.get('location')]).toEqual([303, security]);
  });
});

it('shows the sign-in page again for a form that is too old, with its return address', async () => {
  const form = { formToken: 'old', credential: 'x', continue: '/account/security' };
  const { status, text } = await app.send('POST', '/login/passkey', { form, headers: sameOrigin });
  expect([status, text.includes('name="email"')]).toEqual([403, true]);
  expect(text).toContain('name="continue" value="/account/security"');
});

import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { json, startReceiver } from '#test/support/http-receiver.ts';
import { addFakeProvider, enableProvider, type KnownProvider, newPerson } from '#test/support/provider-logins.ts';
import { hookSettings } from '#test/support/registration-hook.ts';
import {
  loginByIdToken,
  nativeClientId,
  nativeToken,
  sharedProvider,
  stopSharedProvider,
} from '#test/support/shared-provider.ts';
import {
  addVerifiedUser,
  mailedToken,
  mailsTo,
  type Tokens,
  uniqueEmail,
  validPassword,
} from '#test/support/user-actions.ts';

let app: Application;
let provider: KnownProvider;

beforeAll(async () => {
  app = await Application.open();
  provider = await sharedProvider(app);
  return async () => {
    await stopSharedProvider(app);
    await app.close();
  };
});

const tokenOf = (person = newPerson(), claims = {}) => nativeToken(app, provider, person, claims);
const sessionOf = async (token: string) => (await app.send<object>('GET', '/api/v1/auth/session', { token })).data;

describe('POST /api/v1/auth/login/id-token', () => {
  it('200 creates the account of a proven email, and logs in again to the same one, without cookies', async () => {
    const person = newPerson();
    const first = await loginByIdToken(app, await tokenOf(person));
    expect([first.status, first.cookies]).toEqual([200, []]);
    expect(await sessionOf(first.data.accessToken)).toMatchObject({ email: person.email, amr: ['fed'], acr: '1' });
    const again = await loginByIdToken(app, await tokenOf(person));
    expect(again.data.userId).toBe(first.data.userId);
  });

  it('200 with a ticket for an email that the provider does not prove; its mailbox decides', async () => {
    const person = newPerson({ email_verified: false });
    const email = person.email ?? '';
    const begun = await loginByIdToken(app, await tokenOf(person));
    expect([begun.status, begun.data.step, begun.data.accessToken]).toEqual([200, 'verify_email', undefined]);
    const json = { token: await mailedToken(app, email), ticket: begun.data.ticket };
    const done = await app.send<Tokens>('POST', '/api/v1/auth/verify-email', { json });
    expect(await sessionOf(done.data.accessToken)).toMatchObject({ email, amr: ['fed', 'otp'] });
    expect((await loginByIdToken(app, await tokenOf(person))).data.userId).toBe(done.data.userId);
  });

  it('422 without an email, until the application sends one', async () => {
    const token = await tokenOf({ sub: newPerson().sub });
    expect(await loginByIdToken(app, token)).toMatchObject({ status: 422, code: 'email_required' });
    const email = uniqueEmail();
    expect((await loginByIdToken(app, { ...token, email })).data.step).toBe('verify_email');
    expect(await mailsTo(app, email)).toEqual(['verify_email']);
    expect((await loginByIdToken(app, { ...token, email })).code).toBe('invalid_provider_login');
  });

  it('409 for the proven email of another account, which is not linked', async () => {
    const person = newPerson({ email: await addVerifiedUser(app) });
    expect(await loginByIdToken(app, await tokenOf(person))).toMatchObject({ status: 409, code: 'account_exists' });
    expect(await loginByIdToken(app, await tokenOf(person))).toMatchObject({ status: 409, code: 'account_exists' });
  });

  it('200 once of twenty times at once, and 401 later', async () => {
    const person = newPerson();
    await loginByIdToken(app, await tokenOf(person));
    const token = await tokenOf(person);
    const responses = await Promise.all(Array.from({ length: 20 }, () => loginByIdToken(app, token)));
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(new Set(responses.map(({ code }) => code))).toEqual(new Set([undefined, 'invalid_provider_login']));
    expect((await loginByIdToken(app, token)).code).toBe('invalid_provider_login');
  });

  it.each<[string, Record<string, unknown>]>([
    ['another audience', { aud: 'another-app' }],
    ['another issuer', { iss: 'https://evil.example' }],
    ['another nonce', { nonce: 'A'.repeat(72) }],
    ['no nonce', { nonce: undefined }],
    ['an end in the past', { exp: 1_000_000_000 }],
    ['an issue more than ten minutes ago', { iat: 1_000_000_000 }],
  ])('401 for a token with %s', async (_, claims) => {
    const refused = await loginByIdToken(app, await tokenOf(newPerson(), claims));
    expect(refused).toMatchObject({ status: 401, code: 'invalid_provider_login' });
  });

  it('401 for a nonce that is not ours, was changed, or is older than ten minutes', async () => {
    const token = await tokenOf();
    const changed = `${token.nonce.slice(0, -1)}${token.nonce.endsWith('A') ? 'B' : 'A'}`;
    for (const nonce of ['x', 'A'.repeat(72), changed]) {
      expect((await loginByIdToken(app, { ...token, nonce })).code).toBe('invalid_provider_login');
    }
    app.clock.advance(600_000);
    expect((await loginByIdToken(app, token)).code).toBe('invalid_provider_login');
  });

  it('403 for an identity that a recovery by mail has suspended', async () => {
    const person = newPerson();
    const email = person.email ?? '';
    await loginByIdToken(app, await tokenOf(person));
    await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
    const json = { token: await mailedToken(app, email), password: validPassword };
    await app.send('POST', '/api/v1/auth/reset-password', { json });
    const token = await tokenOf(person);
    expect(await loginByIdToken(app, token)).toMatchObject({ status: 403, code: 'identity_suspended' });
  });

  it('404 for a provider that is unknown, disabled, or takes no native tokens', async () => {
    const token = await tokenOf();
    const web = await addFakeProvider(app);
    for (const other of ['none', web.id]) {
      expect(await loginByIdToken(app, { ...token, provider: other })).toMatchObject({
        status: 404,
        code: 'not_enabled',
      });
    }
    await enableProvider(app, provider, false);
    expect((await loginByIdToken(app, token)).code).toBe('not_enabled');
    await enableProvider(app, provider, true);
    expect((await loginByIdToken(app, token)).status).toBe(200);
    await web.fake.stop();
    expect(nativeClientId).not.toBe(provider.fake.clientId);
  });

  it('403 where strangers get no account: by mode, by domain, and by the registration hook', async () => {
    const receiver = await startReceiver();
    receiver.react(json({ allow: false, reason: 'not_today' }));
    const settings = {
      registration_closed: { LATCHKEY_REGISTRATION: 'closed' },
      email_domain_not_allowed: { LATCHKEY_EMAIL_DOMAINS_DENY: 'people.example' },
      registration_refused: hookSettings(receiver.port),
    };
    const known = newPerson();
    expect((await loginByIdToken(app, await tokenOf(known))).status).toBe(200);
    for (const [code, env] of Object.entries(settings)) {
      const node = await Application.open({ deploymentOf: app, env });
      for (const email_verified of [true, false]) {
        const refused = await loginByIdToken(node, await tokenOf(newPerson({ email_verified })));
        expect(refused).toMatchObject({ status: 403, code });
      }
      expect((await loginByIdToken(node, await tokenOf(known))).status).toBe(200);
      await node.close();
    }
    expect(receiver.received.map(({ body }) => (JSON.parse(body) as { via: string }).via)).toEqual([
      'provider',
      'provider',
    ]);
    await receiver.stop();
  });
});

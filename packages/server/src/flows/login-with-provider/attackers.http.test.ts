/** Accounts that an attacker prepared before their owner came (invariant 18). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Application, type AppResponse } from '#test/support/application.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import {
  addFakeProvider,
  addFederatedUser,
  callbackAfter,
  type KnownProvider,
  newPerson,
  signInWith,
} from '#test/support/provider-logins.ts';
import { mailedToken, register, validPassword } from '#test/support/user-actions.ts';

const stale = 'This sign-in did not work';
const locationOf = ({ headers }: AppResponse) => headers.get('location');

describe.each(['postgres', 'embedded'] as const)('a provider (%s)', (databaseKind) => {
  let app: Application;
  let provider: KnownProvider;

  beforeAll(async () => {
    app = await Application.open({ databaseKind });
    provider = await addFakeProvider(app);
  });
  afterAll(async () => {
    await provider.fake.stop();
    await app.close();
  });

  const sessionOf = async (browser: PageBrowser) =>
    (await app.send<{ email: string; amr: string[] }>('GET', '/api/v1/auth/session', { cookie: browser.cookie })).data;

  describe('after an attacker', () => {
    it('registered the address with a password: the account is the owner’s, and the password is gone', async () => {
      const person = newPerson();
      const email = person.email ?? '';
      await register(app, email, { password: 'of the attacker' });
      const link = await mailedToken(app, email);
      const { browser } = await addFederatedUser(app, provider, person);
      expect(await sessionOf(browser)).toMatchObject({ email });
      const attempt = await signIn(new PageBrowser(app), email, 'of the attacker');
      expect(attempt.status).toBe(401);
      expect((await app.send('POST', '/api/v1/auth/verify-email', { json: { token: link } })).code).toBe(
        'invalid_token',
      );
    });

    it('came by a provider with the unproven address: the owner’s registration has no identity of the attacker', async () => {
      const attacker = newPerson({ email_verified: false });
      const email = attacker.email ?? '';
      const theirs = new PageBrowser(app);
      await signInWith(theirs, provider, attacker);
      await register(app, email);
      const token = await mailedToken(app, email, 2);
      expect((await app.send('POST', '/api/v1/auth/verify-email', { json: { token } })).status).toBe(200);
      // The attacker's ticket and identity open nothing: the address is taken by now.
      await theirs.open('/check-mail');
      expect(locationOf(await signInWith(theirs, provider, attacker))).toBe('/check-mail');
      expect(await sessionOf(theirs)).toBeUndefined();
      expect((await signIn(new PageBrowser(app), email, validPassword)).status).toBe(303);
    });

    it('registered with a password first: the owner who comes by a provider has no password', async () => {
      const person = newPerson({ email_verified: false });
      const email = person.email ?? '';
      await register(app, email, { password: 'of the attacker' });
      const browser = new PageBrowser(app);
      await signInWith(browser, provider, person);
      await browser.open(`/verify-email?token=${await mailedToken(app, email, 2)}`);
      expect(locationOf(await browser.submit('/verify-email', { choice: 'verify' }))).toBe('/account');
      expect((await signIn(new PageBrowser(app), email, 'of the attacker')).status).toBe(401);
    });

    it('came by a provider first: the owner who resets the password has no identity', async () => {
      const attacker = newPerson({ email_verified: false });
      const email = attacker.email ?? '';
      await signInWith(new PageBrowser(app), provider, attacker);
      await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
      const token = await mailedToken(app, email, 2);
      const reset = { token, password: validPassword };
      expect((await app.send('POST', '/api/v1/auth/reset-password', { json: reset })).status).toBe(200);
      expect(locationOf(await signInWith(new PageBrowser(app), provider, attacker))).toBe('/check-mail');
      expect((await signIn(new PageBrowser(app), email, validPassword)).status).toBe(303);
    });

    it('linked an identity: a recovery by mail suspends it until the owner connects it again', async () => {
      const { person, email } = await addFederatedUser(app, provider);
      await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
      const reset = { token: await mailedToken(app, email), password: validPassword };
      expect((await app.send('POST', '/api/v1/auth/reset-password', { json: reset })).status).toBe(200);
      const refused = await signInWith(new PageBrowser(app), provider, person);
      expect([refused.status, refused.text.includes(stale)]).toEqual([401, true]);
      const owner = new PageBrowser(app);
      await signIn(owner, email, validPassword);
      await owner.open('/account/connections');
      const left = await owner.submit('/account/connections/connect', { provider: provider.id });
      const linked = await owner.open(callbackAfter(provider, left));
      expect(locationOf(linked)).toBe('/account/connections?done=connected');
      expect(locationOf(await signInWith(new PageBrowser(app), provider, person))).toBe('/account');
    });
  });
});

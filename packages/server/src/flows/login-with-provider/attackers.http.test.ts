/** Accounts that an attacker prepared before their owner came (invariant 18). */
import { beforeAll, describe, expect, it } from 'vitest';
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import type { FakePerson } from '#test/support/fake-provider.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { locationOf, openProviderApplication, type ProviderApplication } from '#test/support/provider-application.ts';
import { addFederatedUser, callbackAfter, newPerson, signInWith } from '#test/support/provider-logins.ts';
import { storedLinkToken } from '#test/support/stored-links.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import {
  addVerifiedUser,
  login,
  mailedToken,
  newestMailedToken,
  register,
  uniqueEmail,
  validPassword,
  verifyEmail,
} from '#test/support/user-actions.ts';
import { userIdOf } from '#test/support/user-status.ts';

const graceMs = 7 * 24 * 60 * 60 * 1000;
const paused = 'This way to sign in is paused';

describe.each(databasesOfFlows)('a provider (%s)', (databaseKind) => {
  let app: ProviderApplication['app'];
  let provider: ProviderApplication['provider'];
  let sessionOf: ProviderApplication['sessionOf'];

  beforeAll(async () => {
    const opened = await openProviderApplication({ databaseKind });
    ({ app, provider, sessionOf } = opened);
    return () => opened.close();
  });

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
      expect([refused.status, refused.text.includes(paused)]).toEqual([403, true]);
      expect(refused.text).toContain('href="/login?continue=%2Faccount%2Fconnections"');
      expect(await auditActionsOf(app, email)).toEqual(expect.arrayContaining(['identity.suspended', 'login.refused']));
      const owner = new PageBrowser(app);
      await signIn(owner, email, validPassword);
      await connect(owner, person);
      expect(locationOf(await signInWith(new PageBrowser(app), provider, person))).toBe('/account');
    });

    it('changed the email and linked an identity: undoing the change unlinks it', async () => {
      const email = await addVerifiedUser(app);
      const { accessToken: token } = (await login(app, email)).data;
      const change = { newEmail: uniqueEmail(), currentPassword: validPassword };
      await app.send('POST', '/api/v1/users/me/email', { token, json: change });
      const confirm = { token: await newestMailedToken(app, change.newEmail, '/confirm-email-change') };
      expect((await app.send('POST', '/api/v1/auth/confirm-email-change', { json: confirm })).status).toBe(200);
      const attacker = newPerson({ email_verified: false });
      await connect(await signedIn(change.newEmail), attacker);
      const undo = { token: await newestMailedToken(app, email, '/undo-email-change'), password: 'of the owner again' };
      expect((await app.send('POST', '/api/v1/auth/undo-email-change', { json: undo })).status).toBe(200);
      await expectStranger(attacker);
    });

    it('linked an identity to an account that was deleted: a new account of its owner has none', async () => {
      const email = await addVerifiedUser(app);
      const [unproven, proven] = [newPerson({ email, email_verified: false }), newPerson({ email })];
      const browser = await signedIn(email);
      await connect(browser, unproven);
      await connect(browser, proven);
      const { accessToken: token } = (await login(app, email)).data;
      const deletion = { token, json: { currentPassword: validPassword } };
      expect((await app.send('DELETE', '/api/v1/users/me', deletion)).status).toBe(200);
      app.clock.advance(graceMs);
      await eraseDueAccounts(app.services);
      await register(app, email);
      const verified = await verifyEmail(app, await storedLinkToken(app, await userIdOf(app, email), 'verify_email'));
      expect(verified.status).toBe(200);
      await expectStranger(unproven);
      const refused = new PageBrowser(app);
      expect((await signInWith(refused, provider, proven)).text).toContain('You already have an account');
      expect(await sessionOf(refused)).toBeUndefined();
    });
  });

  async function signedIn(email: string): Promise<PageBrowser> {
    const browser = new PageBrowser(app);
    await signIn(browser, email, validPassword);
    return browser;
  }

  async function connect(browser: PageBrowser, person: FakePerson): Promise<void> {
    provider.fake.person = person;
    await browser.open('/account/connections');
    const left = await browser.submit('/account/connections/connect', { provider: provider.id });
    const linked = await browser.open(callbackAfter(provider, left));
    expect(locationOf(linked)).toBe('/account/connections?done=connected');
  }

  /** The provider identifies the person, who has no account here. */
  async function expectStranger(person: FakePerson): Promise<void> {
    const browser = new PageBrowser(app);
    expect(locationOf(await signInWith(browser, provider, person))).toBe('/check-mail');
    expect(await sessionOf(browser)).toBeUndefined();
  }
});

import { beforeAll, describe, expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { Application } from '#test/support/application.ts';
import { invite } from '#test/support/invitations.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { locationOf, openProviderApplication, type ProviderApplication } from '#test/support/provider-application.ts';
import {
  addFakeProvider,
  addFederatedUser,
  callbackAfter,
  enableProvider,
  leaveFor,
  newPerson,
  signInWith,
} from '#test/support/provider-logins.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { register, uniqueEmail } from '#test/support/user-actions.ts';
import { eventually } from '#test/support/wait.ts';

const count = statement('registration_rules_test.count', {
  lane: 'pool',
  sql: 'select (select count(*) from users)::int4 as users',
  params: {},
  columns: { users: 'int4?' },
});

describe('two nodes of different rules of registration', () => {
  let opened: ProviderApplication;
  let invites: Application;

  beforeAll(async () => {
    opened = await openProviderApplication();
    invites = await Application.open({ deploymentOf: opened.app, env: { LATCHKEY_REGISTRATION: 'invite' } });
    return async () => {
      await invites.close();
      await opened.close();
    };
  });

  const counts = () => opened.app.services.database.row(count, {});

  it('apply them to new accounts of a provider: mode and domains', async () => {
    const { app, provider } = opened;
    const lists = await Application.open({ deploymentOf: app, env: { LATCHKEY_EMAIL_DOMAINS_DENY: 'people.example' } });
    const before = await counts();
    for (const node of [invites, lists]) {
      for (const email_verified of [true, false]) {
        const response = await signInWith(new PageBrowser(node), provider, newPerson({ email_verified }));
        expect(response.status).toBe(403);
      }
    }
    expect((await counts())?.users).toBe(before?.users);
    // An open node creates one.
    await addFederatedUser(app, provider);
    await lists.close();
  });

  it('begin and end a sign-in on a node that has not read the provider yet', async () => {
    const { app, provider } = opened;
    const added = await addFakeProvider(app);
    await addFederatedUser(app, added);
    const browser = new PageBrowser(invites);
    const { text } = await browser.open('/login');
    // The page of the other node has this button.
    const shown = text.replaceAll(provider.id, added.id);
    const path = callbackAfter(added, await browser.submitFrom(shown, `/login/with/${added.id}`));
    expect(locationOf(await browser.open(path))).toBe('/account');
    await added.fake.stop();
  });

  it('write nothing for a provider that the other node disables while it is asked', async () => {
    const { app } = opened;
    const own = await addFakeProvider(app);
    await addFederatedUser(app, own);
    const before = await counts();
    for (const email_verified of [true, false]) {
      const browser = new PageBrowser(app);
      own.fake.person = newPerson({ email_verified });
      const path = await leaveFor(browser, own);
      own.fake.tampering = { delayMs: 300 };
      const asked = browser.open(path);
      const redeemed = own.fake.requestsTo('/token').length;
      await eventually(async () => own.fake.requestsTo('/token').length > redeemed, { what: 'the provider is asked' });
      await enableProvider(invites, own, false);
      expect((await asked).status).toBe(401);
      own.fake.tampering = {};
      await enableProvider(invites, own, true);
    }
    expect((await counts())?.users).toBe(before?.users);
    await own.fake.stop();
  });

  describe('let an invitation be accepted with a provider', () => {
    /** Presses the provider's button on the page of the invitation; returns the path of the callback. */
    async function leaveInvited(browser: PageBrowser, token: string): Promise<string> {
      const { provider } = opened;
      await browser.open(`/accept-invitation?token=${token}`);
      return callbackAfter(provider, await browser.submit(`/login/with/${provider.id}`));
    }

    it('whatever email the provider gives: the account has the invited one', async () => {
      const { app, provider, sessionOf } = opened;
      for (const person of [newPerson(), newPerson({ email_verified: false }), { sub: newPerson().sub }]) {
        const email = uniqueEmail('invited');
        const browser = new PageBrowser(invites);
        const token = await invite(app, email);
        provider.fake.person = person;
        expect(locationOf(await browser.open(await leaveInvited(browser, token)))).toBe('/account');
        expect(await sessionOf(browser)).toMatchObject({ email, amr: ['fed'] });
        expect(await auditActionsOf(app, email)).toEqual(['invitation.accepted', 'login.succeeded']);
        expect((await new PageBrowser(invites).open(`/accept-invitation?token=${token}`)).text).toContain(
          'Invitation accepted',
        );
        expect(locationOf(await signInWith(new PageBrowser(invites), provider, person))).toBe('/account');
      }
    });

    it('and an unproven registration of the invited address ends', async () => {
      const { app, provider } = opened;
      const email = uniqueEmail('invited');
      await register(app, email, { password: 'of the attacker' });
      const browser = new PageBrowser(invites);
      provider.fake.person = newPerson();
      const path = await leaveInvited(browser, await invite(app, email));
      expect(locationOf(await browser.open(path))).toBe('/account');
      expect((await signIn(new PageBrowser(app), email, 'of the attacker')).status).toBe(401);
    });

    it('once, also by five browsers at once that have its link', async () => {
      const { app, provider } = opened;
      const token = await invite(app, uniqueEmail('invited'));
      const before = await counts();
      const paths: { readonly browser: PageBrowser; readonly path: string }[] = [];
      for (let index = 0; index < 5; index += 1) {
        const browser = new PageBrowser(invites);
        paths.push({ browser, path: await leaveInvited(browser, token) });
      }
      provider.fake.person = newPerson();
      const first = Promise.all(paths.map(({ browser, path }) => browser.open(path)));
      const results = (await first).map((response) => locationOf(response) ?? response.status);
      expect(results.filter((result) => result === '/account').length).toBeGreaterThan(0);
      expect((await counts())?.users).toBe((before?.users ?? 0) + 1);
      provider.fake.person = newPerson();
      const late = new PageBrowser(invites);
      await late.open('/login');
      expect((await late.submit(`/login/with/${provider.id}`, { invitation: token })).status).toBe(400);
    });

    it('and nothing else is written when it was revoked meanwhile, or sign-up is closed', async () => {
      const { app, provider } = opened;
      const email = uniqueEmail('invited');
      const browser = new PageBrowser(invites);
      const token = await invite(app, email);
      provider.fake.person = newPerson();
      const path = await leaveInvited(browser, token);
      const before = await counts();
      await invite(app, email);
      const refused = await browser.open(path);
      expect([refused.status, refused.text.includes('no longer valid')]).toEqual([400, true]);
      const closed = await Application.open({ deploymentOf: app, env: { LATCHKEY_REGISTRATION: 'closed' } });
      const outside = new PageBrowser(closed);
      await outside.open('/login');
      const submitted = await outside.submit(`/login/with/${provider.id}`, { invitation: await invite(app, email) });
      expect([submitted.status, submitted.text.includes('No new accounts')]).toEqual([403, true]);
      await closed.close();
      expect((await counts())?.users).toBe(before?.users);
    });

    it('and a person who has an account signs in to it, which leaves the invitation', async () => {
      const { app, provider, sessionOf } = opened;
      const { person, email } = await addFederatedUser(app, provider);
      const token = await invite(app, uniqueEmail('invited'));
      const browser = new PageBrowser(invites);
      provider.fake.person = person;
      expect(locationOf(await browser.open(await leaveInvited(browser, token)))).toBe('/account');
      expect(await sessionOf(browser)).toMatchObject({ email });
      expect((await browser.open(`/accept-invitation?token=${token}`)).status).toBe(200);
    });
  });
});

import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { disableUser } from '#flows/admin-users/index.ts';
import { statement } from '#platform/database/index.ts';
import type { AppResponse } from '#test/support/application.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import { operator } from '#test/support/operator.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { locationOf, openProviderApplication, type ProviderApplication } from '#test/support/provider-application.ts';
import {
  addFakeProvider,
  addFederatedUser,
  enableProvider,
  leaveFor,
  newPerson,
  refreshOf,
  signInWith,
} from '#test/support/provider-logins.ts';
import { beginTotp, confirmTotp } from '#test/support/second-factors.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addVerifiedUser, mailedToken, mailsTo, sameOrigin, validPassword } from '#test/support/user-actions.ts';
import { userIdOf } from '#test/support/user-status.ts';

const count = statement('login_with_provider_test.count', {
  lane: 'pool',
  sql: `select (select count(*) from sessions)::int4 as sessions, (select count(*) from users)::int4 as users,
    (select count(*) from federated_identities)::int4 as identities,
    (select count(*) from provider_logins)::int4 as logins, (select count(*) from pending_identities)::int4 as pending`,
  params: {},
  columns: { sessions: 'int4?', users: 'int4?', identities: 'int4?', logins: 'int4?', pending: 'int4?' },
});

const titles = {
  stale: 'This sign-in did not work',
  denied: 'Sign-in canceled',
  unavailable: 'The provider can’t be reached',
  connect: 'You already have an account',
} as const;

describe.each(databasesOfFlows)('signing in with a provider (%s)', (databaseKind) => {
  let app: ProviderApplication['app'];
  let provider: ProviderApplication['provider'];
  let sessionOf: ProviderApplication['sessionOf'];

  beforeAll(async () => {
    const opened = await openProviderApplication({ databaseKind });
    ({ app, provider, sessionOf } = opened);
    return () => opened.close();
  });
  beforeEach(() => {
    provider.fake.tampering = {};
  });

  const counts = () => app.services.database.row(count, {});

  it('leads there by a page, with PKCE, state and nonce, and without the address of anyone', async () => {
    const browser = new PageBrowser(app);
    await browser.open('/login');
    expect(browser.text).toContain('Continue with Fake');
    const left = await browser.submit(`/login/with/${provider.id}`);
    expect([left.status, locationOf(left)]).toEqual([200, null]);
    const url = refreshOf(left);
    expect(url.origin).toBe(provider.fake.issuer);
    const { code_challenge_method, redirect_uri, state, nonce, login_hint } = Object.fromEntries(url.searchParams);
    expect(code_challenge_method).toBe('S256');
    expect(redirect_uri).toBe(`http://localhost:5625/login/with/${provider.id}/callback`);
    expect([state?.length, nonce?.length, login_hint]).toEqual([43, 43, undefined]);
  });

  describe('with an address that the provider proves', () => {
    it('creates the account, signs in, and signs in again to the same one', async () => {
      const { browser, person, email } = await addFederatedUser(app, provider);
      expect(await sessionOf(browser)).toMatchObject({ email, amr: ['fed'] });
      expect(await auditActionsOf(app, email)).toEqual(['user.registered', 'login.succeeded']);
      expect(await mailsTo(app, email)).toEqual([]);
      const again = new PageBrowser(app);
      expect(locationOf(await signInWith(again, provider, { ...person, email: 'moved@people.example' }))).toBe(
        '/account',
      );
      expect(await sessionOf(again)).toMatchObject({ email });
    });

    it('goes on to the page that the sign-in was for', async () => {
      const { person } = await addFederatedUser(app, provider);
      const query = '?continue=%2Faccount%2Fsecurity';
      expect(locationOf(await signInWith(new PageBrowser(app), provider, person, query))).toBe('/account/security');
    });

    it('never connects to the account that has it, and connects after an ordinary sign-in that asks for it', async () => {
      const email = await addVerifiedUser(app);
      const person = newPerson({ email });
      const browser = new PageBrowser(app);
      const page = await signInWith(browser, provider, person);
      expect([page.status, page.text.includes(titles.connect)]).toEqual([200, true]);
      expect(await sessionOf(browser)).toBeUndefined();
      const [, signInPath = ''] = /href="(\/login\?continue=[^"]*)"/.exec(page.text) ?? [];
      await browser.open(signInPath);
      const question = await browser.follow(await browser.submit('/login', { email, password: validPassword }));
      expect(question.text).toContain(`Connect Fake`);
      expect(await auditActionsOf(app, email)).not.toContain('identity.linked');
      const linked = await browser.submit('/login/link');
      expect(locationOf(linked)).toBe('/account/connections?done=connected');
      expect(await auditActionsOf(app, email)).toContain('identity.linked');
      expect(await mailsTo(app, email)).toContain('identity_linked');
      const again = new PageBrowser(app);
      await signInWith(again, provider, person);
      expect(await sessionOf(again)).toMatchObject({ email, amr: ['fed'] });
      expect((await browser.open('/login/link')).status).toBe(400);
    });

    it('shows the identity that waits to no other browser', async () => {
      const email = await addVerifiedUser(app);
      await signInWith(new PageBrowser(app), provider, newPerson({ email }));
      const other = new PageBrowser(app);
      await signIn(other, email, validPassword);
      expect((await other.open('/login/link')).text).toContain(titles.stale);
    });

    it('creates one account for five callbacks at once, and signs all of them in', async () => {
      const person = newPerson();
      const browsers = Array.from({ length: 5 }, () => new PageBrowser(app));
      const paths: string[] = [];
      for (const browser of browsers) {
        provider.fake.person = person;
        paths.push(await leaveFor(browser, provider));
      }
      const before = await counts();
      const done = await Promise.all(browsers.map((browser, index) => browser.open(paths[index] ?? '')));
      expect(done.map(locationOf)).toEqual(browsers.map(() => '/account'));
      expect(await counts()).toMatchObject({
        users: (before?.users ?? 0) + 1,
        identities: (before?.identities ?? 0) + 1,
      });
    });
  });

  describe('with an address that the provider does not prove', () => {
    const unproven = (email?: string) => newPerson({ email_verified: false, ...(email && { email }) });

    it('mails the address, and signs in once its link is pressed in this browser', async () => {
      const person = unproven();
      const email = person.email ?? '';
      const browser = new PageBrowser(app);
      expect(locationOf(await signInWith(browser, provider, person))).toBe('/check-mail');
      expect(await sessionOf(browser)).toBeUndefined();
      const token = await mailedToken(app, email);
      const shown = await browser.open(`/verify-email?token=${token}`);
      expect(shown.text).toContain('Signs in with');
      expect(shown.text).toMatch(/Fake \d+: Ada/);
      expect(locationOf(await browser.submit('/verify-email', { choice: 'verify' }))).toBe('/account');
      expect(await sessionOf(browser)).toMatchObject({ email, amr: ['fed', 'otp'] });
      const again = new PageBrowser(app);
      expect(locationOf(await signInWith(again, provider, person))).toBe('/account');
    });

    it('has the same page for a free, an unproven and a taken address', async () => {
      const taken = await addVerifiedUser(app);
      const pages: string[] = [];
      for (const person of [unproven(), unproven(taken)]) {
        const browser = new PageBrowser(app);
        const response = await signInWith(browser, provider, person);
        const { text } = await browser.follow(response);
        pages.push(text.replaceAll(person.email ?? '', 'x').replaceAll(/value="[^"]*"|\d+/g, ''));
      }
      expect(pages[1]).toBe(pages[0]);
      expect(await mailsTo(app, taken)).toEqual(['verify_email', 'already_registered']);
    });

    it.each([false, undefined, 'yes', 0])('counts email_verified %j as not proven', async (email_verified) => {
      const response = await signInWith(new PageBrowser(app), provider, newPerson({ email_verified }));
      expect(locationOf(response)).toBe('/check-mail');
    });

    it('counts a domain that the provider is not the authority for as not proven', async () => {
      const person = newPerson({ email: `${newPerson().sub}@elsewhere.example` });
      expect(locationOf(await signInWith(new PageBrowser(app), provider, person))).toBe('/check-mail');
    });
  });

  describe('without an address', () => {
    it('asks for one, and mails it', async () => {
      const email = newPerson().email ?? '';
      const browser = new PageBrowser(app);
      const path = `/login/with/${provider.id}/email`;
      expect(locationOf(await signInWith(browser, provider, { sub: newPerson().sub }))).toBe(path);
      await browser.open(path);
      expect((await browser.submit(path, { email: 'no address' })).status).toBe(422);
      expect(locationOf(await browser.submit(path, { email }))).toBe('/check-mail');
      await browser.open(`/verify-email?token=${await mailedToken(app, email)}`);
      await browser.submit('/verify-email', { choice: 'verify' });
      expect(await sessionOf(browser)).toMatchObject({ email });
      expect((await browser.open(path)).text).toContain(titles.stale);
    });
  });

  describe('is refused with one page, and changes nothing, when the callback', () => {
    async function expectRefused(response: AppResponse, title: string, status: number): Promise<void> {
      expect([response.status, response.text.includes(title)]).toEqual([status, true]);
      expect(response.text).not.toMatch(/[?;&](?:code|state)=/);
    }

    it('comes from another browser', async () => {
      provider.fake.person = newPerson();
      const path = await leaveFor(new PageBrowser(app), provider);
      const other = new PageBrowser(app);
      await leaveFor(other, provider);
      await expectRefused(await other.open(path), titles.stale, 400);
      await expectRefused(await new PageBrowser(app).open(path), titles.stale, 400);
    });

    it('is sent to the address of another provider', async () => {
      const second = await addFakeProvider(app);
      const browser = new PageBrowser(app);
      provider.fake.person = newPerson();
      const path = await leaveFor(browser, provider);
      await expectRefused(await browser.open(path.replace(provider.id, second.id)), titles.stale, 400);
      expect(second.fake.requestsTo('/token')).toHaveLength(0);
      expect(locationOf(await browser.open(path))).toBe('/account');
      await second.fake.stop();
    });

    it('is repeated, one after another and twenty at once', async () => {
      const browser = new PageBrowser(app);
      provider.fake.person = newPerson();
      const path = await leaveFor(browser, provider);
      const before = provider.fake.requestsTo('/token').length;
      const cookie = browser.cookie;
      const responses = await Promise.all(Array.from({ length: 20 }, () => app.send('GET', path, { cookie })));
      expect(responses.filter(({ status }) => status === 303)).toHaveLength(1);
      expect(responses.filter(({ text }) => text.includes(titles.stale))).toHaveLength(19);
      expect(provider.fake.requestsTo('/token')).toHaveLength(before + 1);
      await expectRefused(await browser.open(path), titles.stale, 400);
    });

    it('comes after ten minutes', async () => {
      const browser = new PageBrowser(app);
      provider.fake.person = newPerson();
      const path = await leaveFor(browser, provider);
      app.clock.advance(600_000);
      await expectRefused(await browser.open(path), titles.stale, 400);
    });

    it('has no state, an unknown one, or was denied', async () => {
      const browser = new PageBrowser(app);
      const path = await leaveFor(browser, provider);
      const base = `/login/with/${provider.id}/callback`;
      await expectRefused(await browser.open(`${base}?code=x`), titles.stale, 400);
      await expectRefused(await browser.open(`${base}?code=x&state=${'A'.repeat(43)}`), titles.stale, 400);
      const state = new URL(path, 'http://localhost').searchParams.get('state');
      const iss = encodeURIComponent(provider.fake.issuer);
      const denied = await browser.open(`${base}?error=access_denied&state=${state}&iss=${iss}`);
      await expectRefused(denied, titles.denied, 400);
    });

    it('meets a disabled provider, also one that is disabled while it is asked', async () => {
      const own = await addFakeProvider(app);
      const browser = new PageBrowser(app);
      own.fake.person = newPerson();
      const path = await leaveFor(browser, own);
      const before = await counts();
      await enableProvider(app, own, false);
      await expectRefused(await browser.open(path), titles.stale, 400);
      await enableProvider(app, own, true);
      const midway = await leaveFor(browser, own);
      own.fake.tampering = { delayMs: 300 };
      const asked = browser.open(midway);
      await enableProvider(app, own, false);
      await expectRefused(await asked, titles.stale, 400);
      expect((await counts())?.users).toBe(before?.users);
      expect((await app.send('GET', '/login')).text).not.toContain(`/login/with/${own.id}"`);
      await own.fake.stop();
    });

    it('meets a provider that answers nothing usable', async () => {
      const browser = new PageBrowser(app);
      provider.fake.person = newPerson();
      const path = await leaveFor(browser, provider);
      const before = await counts();
      provider.fake.tampering = { idToken: (token: string) => `${token.slice(0, -4)}AAAA` };
      const response = await browser.open(path);
      expect(response.status).toBe(400);
      const { users, identities, sessions } = (await counts()) ?? {};
      expect([users, identities, sessions]).toEqual([before?.users, before?.identities, before?.sessions]);
    });
  });

  it('writes nothing when the provider cannot be reached, and says so', async () => {
    const own = await addFakeProvider(app);
    await own.fake.stop();
    const before = await counts();
    const browser = new PageBrowser(app);
    await browser.open('/login');
    const response = await browser.submit(`/login/with/${own.id}`);
    expect([response.status, response.text.includes(titles.unavailable)]).toEqual([503, true]);
    expect(await counts()).toEqual(before);
    await enableProvider(app, own, false);
  });

  it('takes the form of a provider on another site, and leads to the GET, with which the cookies are sent', async () => {
    const browser = new PageBrowser(app);
    provider.fake.person = newPerson();
    const path = await leaveFor(browser, provider);
    const [base = '', query = ''] = path.split('?');
    const before = await counts();
    const headers = { 'sec-fetch-site': 'cross-site', origin: provider.fake.issuer, cookie: '' };
    const form = { ...Object.fromEntries(new URLSearchParams(query)), user: '{"name":{}}', id_token: 'ignored' };
    const posted = await app.send('POST', base, { form, headers });
    expect(posted.status).toBe(303);
    expect(await counts()).toEqual(before);
    const location = locationOf(posted) ?? '';
    expect(location.startsWith(`${base}?`)).toBe(true);
    expect(location).not.toContain('id_token');
    expect(locationOf(await browser.open(location))).toBe('/account');
  });

  describe('for a known identity', () => {
    it('asks for the second factor that the user has', async () => {
      const { browser, person } = await addFederatedUser(app, provider);
      const session = { cookie: browser.cookie, headers: sameOrigin };
      await confirmTotp(app, session, await beginTotp(app, session));
      const again = new PageBrowser(app);
      expect(locationOf(await signInWith(again, provider, person))).toBe('/login/second-factor');
      expect(await sessionOf(again)).toBeUndefined();
    });

    it('refuses a disabled user', async () => {
      const { person, email } = await addFederatedUser(app, provider);
      await disableUser(app.services, operator, await userIdOf(app, email));
      const response = await signInWith(new PageBrowser(app), provider, person);
      expect([response.status, response.text.includes('This account is disabled')]).toEqual([403, true]);
    });
  });

  it('404 for a provider that is unknown, and no sign-in by a link', async () => {
    const response = await app.send('POST', '/login/with/none', { form: {}, headers: sameOrigin });
    expect(response.status).toBe(404);
    const link = await app.send('GET', `/login/with/${provider.id}`);
    expect([link.status, locationOf(link)]).toEqual([303, '/login']);
  });

  it('403 for the form of another site', async () => {
    const headers = { 'sec-fetch-site': 'cross-site' };
    expect((await app.send('POST', `/login/with/${provider.id}`, { form: {}, headers })).status).toBe(403);
  });
});

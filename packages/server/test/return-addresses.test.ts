/**
 * Return addresses, by every way that they travel: a query, a hidden field, a ticket's row, a mailed link, a passkey. None
 * leads to an origin that no client lists, and an application is reached by a page alone.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { sealReturnAddress } from '#domain/one-time-tokens/index.ts';
import { changeOrigins } from '#flows/admin-clients/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { Application, type AppResponse } from './support/application.ts';
import { allowedAddresses, hostileAddresses, listedOrigin } from './support/hostile-addresses.ts';
import { loginMethodsEnabled } from './support/login-by-mail.ts';
import { awaitMailRequests } from './support/mail-requests.ts';
import { operator } from './support/operator.ts';
import { PageBrowser, signIn } from './support/page-browser.ts';
import { addTotpUser, codeNow } from './support/second-factors.ts';
import { addVerifiedUser, newestMailedToken, uniqueEmail, validPassword } from './support/user-actions.ts';
import { userIdOf } from './support/user-status.ts';
import { eventually } from './support/wait.ts';

const address = `${listedOrigin}/notes/7?sort=new&page=2#top`;
const withAddress = `?continue=${encodeURIComponent(address)}`;

const writeTickets = statement('return_addresses_test.write_tickets', {
  lane: 'pool',
  sql: 'update logins set continue_to = :continueTo where user_id = :userId',
  params: { userId: 'uuid', continueTo: 'text' },
  columns: {},
});

const writeLinks = statement('return_addresses_test.write_links', {
  lane: 'pool',
  sql: 'update one_time_tokens set sealed_payload = :payload where id = :id',
  params: { id: 'uuid', payload: 'bytea' },
  columns: {},
});

const findLinks = statement('return_addresses_test.find_links', {
  lane: 'pool',
  sql: `select id from one_time_tokens where user_id = :userId and purpose = 'magic_link' and consumed_at is null`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid' },
});

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env: { ...loginMethodsEnabled, LATCHKEY_LIMIT_PAGES: '100000/1m' } });
  await changeOrigins(app.services, operator, 'default', [listedOrigin]);
  return () => app.close();
});

/** The targets of a response: a redirect, or the refresh and the links of its page. */
function targetsOf({ headers, text }: Pick<AppResponse, 'headers' | 'text'>): string[] {
  const location = headers.get('location');
  const refresh = /<meta http-equiv="refresh" content="0;url=([^"]*)">/.exec(text)?.[1];
  const links = [...text.matchAll(/(?:href|action)="([^"]*)"/g)].map(([, target = '']) => target);
  return [...(location === null ? [] : [location]), ...(refresh === undefined ? [] : [refresh]), ...links];
}

/** The targets of a response that leave our origin, without the inbox of the operator's listener. */
function foreignTargetsOf(response: Pick<AppResponse, 'headers' | 'text'>): string[] {
  const { publicUrl } = app.services.config.http;
  return targetsOf(response).filter((target) => {
    const { origin, pathname } = new URL(target, publicUrl);
    return origin !== new URL(publicUrl).origin && pathname !== '/dev/inbox';
  });
}

/** 422: no field of a form may have a control character. */
function isRefused(response: AppResponse): boolean {
  return [400, 422].includes(response.status) && foreignTargetsOf(response).length === 0;
}

function expectApplication(response: AppResponse): void {
  const escaped = address.replaceAll('&', '&amp;');
  expect([response.status, response.headers.get('location')]).toEqual([200, null]);
  expect(response.text).toContain(`<meta http-equiv="refresh" content="0;url=${escaped}">`);
  expect(response.text).toContain(`<a class="button" href="${escaped}">Continue to app.example</a>`);
}

describe('the page of an application', () => {
  it('is reached by a password', async () => {
    const browser = new PageBrowser(app);
    const done = await signIn(browser, await addVerifiedUser(app), validPassword, withAddress);
    expectApplication(done);
    expect(browser.cookieNames).toContain('latchkey_session');
  });

  it('is reached after a second factor, whatever its form sends', async () => {
    const user = await addTotpUser(app);
    app.clock.advance(30_000);
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, user.email, validPassword, withAddress));
    expectApplication(await browser.submit('/login/second-factor', { code: codeNow(app, user.secret) }));
  });

  it('is reached by a mailed link', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    await browser.open(`/login${withAddress}`);
    await browser.submit('/login', { email, password: '', act: 'magic_link' });
    const token = await newestMailedToken(app, email, '/login/magic-link');
    await browser.open(`/login/magic-link?token=${token}`);
    expectApplication(await browser.submit('/login/magic-link'));
  });

  it('is reached by the link of a mail that was sent again', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    await browser.open(`/login${withAddress}`);
    await browser.submit('/login', { email, password: '', act: 'magic_link' });
    const first = await newestMailedToken(app, email, '/login/magic-link');
    await browser.submit('/login');
    const token = await eventually(
      async () => {
        const newest = await newestMailedToken(app, email, '/login/magic-link');
        return newest === first ? undefined : newest;
      },
      { what: 'a second link was mailed' },
    );
    await browser.open(`/login/magic-link?token=${token}`);
    expectApplication(await browser.submit('/login/magic-link'));
  });

  it('is named where a person signs in, is signed in, and has signed out', async () => {
    const browser = new PageBrowser(app);
    expect((await browser.open(`/login${withAddress}`)).text).toContain('to continue to app.example');
    await browser.submit('/login', { email: await addVerifiedUser(app), password: validPassword });
    const asked = await browser.follow(await browser.open(`/login${withAddress}`));
    expect(asked.text).toContain('Continue to app.example');
    expect(foreignTargetsOf(asked)).toEqual([address.replaceAll('&', '&amp;')]);
    await browser.open(`/logout${withAddress}`);
    const out = await browser.follow(await browser.submit('/logout'));
    expect(out.text).toContain('Back to app.example');
    expect((await browser.open(out.text.match(/href="(\/login[^"]*)"/)?.[1] ?? '')).text).toContain('app.example');
  });

  it.each(allowedAddresses)('is whole, with quotes and separators: %s', async (text) => {
    const browser = new PageBrowser(app);
    const { email } = await userWithPassword();
    const done = await signIn(browser, email, validPassword, `?continue=${encodeURIComponent(text)}`);
    expect(done.status).toBe(200);
    const unescaped = foreignTargetsOf(done).map((target) =>
      target.replaceAll('&amp;', '&').replaceAll('&#39;', "'").replaceAll('&quot;', '"').replaceAll('&gt;', '>'),
    );
    expect(new Set(unescaped)).toEqual(new Set([new URL(text).href]));
  });
});

/** One user for all cases: what they sign in to differs. */
let shared: Promise<string> | undefined;
async function userWithPassword(): Promise<{ readonly email: string }> {
  shared ??= addVerifiedUser(app);
  return { email: await shared };
}

describe('a hostile return address', () => {
  it.each(['/login', '/logout', '/login/choose', '/signed-out', '/login/email-code'])(
    'is refused in the query of %s, by a page that leads nowhere else',
    async (path) => {
      const wrong: string[] = [];
      for (const text of hostileAddresses) {
        const response = await app.send('GET', `${path}?continue=${encodeURIComponent(text)}`);
        if (!isRefused(response)) wrong.push(text);
      }
      expect(wrong).toEqual([]);
    },
  );

  it('is refused in a hidden field, and nobody is signed in or out and no mail is sent', async () => {
    const { email } = await userWithPassword();
    const [visitor, user] = [new PageBrowser(app), new PageBrowser(app)];
    await signIn(user, email, validPassword);
    const login = (await visitor.open('/login')).text;
    const code = (await visitor.open('/login/email-code')).text;
    const logout = (await user.open('/logout')).text;
    const wrong: string[] = [];
    for (const text of hostileAddresses) {
      const responses = [
        await visitor.submitFrom(login, '/login', { email, password: validPassword, continue: text }),
        await visitor.submitFrom(login, '/login', { email, password: '', act: 'magic_link', continue: text }),
        await visitor.submitFrom(login, '/login/passkey', { credential: '{}', continue: text }),
        await visitor.submitFrom(code, '/login/email-code', { email, continue: text }),
        await user.submitFrom(logout, '/logout', { act: 'switch', continue: text }),
      ];
      if (!responses.every((one) => isRefused(one) && one.cookies.length === 0)) wrong.push(text);
    }
    expect(wrong).toEqual([]);
    expect((await user.open('/account')).status).toBe(200);
  });

  it('in the row of a ticket leads to the account', async () => {
    const userOfTickets = await addTotpUser(app);
    const userId = await userIdOf(app, userOfTickets.email);
    for (const continueTo of hostileAddresses.filter((text) => !text.includes('\u0000'))) {
      const browser = new PageBrowser(app);
      await browser.follow(await signIn(browser, userOfTickets.email, validPassword));
      await app.services.database.run(writeTickets, { userId, continueTo });
      app.clock.advance(30_000);
      const done = await browser.submit('/login/second-factor', { code: codeNow(app, userOfTickets.secret) });
      expect([done.status, done.headers.get('location')], continueTo).toEqual([303, '/account']);
    }
  }, 120_000);

  it('in the row of a mailed link leads to the account', async () => {
    const { database, users } = app.services;
    for (const continueTo of hostileAddresses.filter((_, index) => index % 10 === 0)) {
      const email = await addVerifiedUser(app);
      const userId = await userIdOf(app, email);
      const browser = new PageBrowser(app);
      await browser.open('/login');
      await browser.submit('/login', { email, password: '', act: 'magic_link' });
      const token = await newestMailedToken(app, email, '/login/magic-link');
      const { id } = present(await database.row(findLinks, { userId }), 'the link');
      const userKey = present(await users.key(userId), 'the key of the user');
      await database.run(writeLinks, { id, payload: sealReturnAddress(userKey, id, continueTo) });
      await browser.open(`/login/magic-link?token=${token}`);
      const done = await browser.submit('/login/magic-link');
      expect([done.status, done.headers.get('location')], continueTo).toEqual([303, '/account']);
    }
  }, 60_000);

  it('is no field of the API', async () => {
    for (const path of ['/api/v1/auth/login', '/api/v1/auth/login/magic-link', '/api/v1/auth/login/email-code']) {
      const json = { email: uniqueEmail(), password: validPassword, continue: address };
      expect((await app.send('POST', path, { json })).code).toBe('validation_failed');
    }
  });
});

describe('an address that is no longer listed', () => {
  it('leads to the account, also for tickets and links that began before', async () => {
    const user = await addTotpUser(app);
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, user.email, validPassword, withAddress));
    await changeOrigins(app.services, operator, 'default', []);
    app.clock.advance(30_000);
    const done = await browser.submit('/login/second-factor', { code: codeNow(app, user.secret) });
    expect([done.status, done.headers.get('location')]).toEqual([303, '/account']);
    const refused = await new PageBrowser(app).open(`/login${withAddress}`);
    expect(refused.status).toBe(400);
    expect(refused.text).toContain('latchkey client set-origins --origin https://app.example');
    await changeOrigins(app.services, operator, 'default', [listedOrigin]);
  });
});

describe('the headers of a proxy', () => {
  it('change no link of a page and none of a mail', async () => {
    const { email } = await userWithPassword();
    const forged = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': '8080',
      'x-forwarded-prefix': '/evil',
      'x-original-url': '/evil',
      'x-rewrite-url': '/evil',
      forwarded: 'host=evil.example;proto=http',
    };
    const browser = new PageBrowser(app, forged);
    for (const path of ['/', '/login', '/login/email-code', '/signed-out', `/login${withAddress}`]) {
      const shown = await browser.open(path);
      expect(shown.text + (shown.headers.get('location') ?? ''), path).not.toMatch(/evil\.example|\/evil/);
    }
    await browser.open('/login');
    await browser.submit('/login', { email, password: '', act: 'magic_link' });
    await awaitMailRequests(app);
    await newestMailedToken(app, email, '/login/magic-link');
    const mail = app.inbox.list().find(({ to }) => to === email);
    expect(`${mail?.text}${mail?.html}`).not.toMatch(/evil\.example|\/evil/);
  });
});

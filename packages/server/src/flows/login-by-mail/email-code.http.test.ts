import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import {
  addUserWithCode,
  loginByCode,
  loginMethodsEnabled,
  mailedCodes,
  requestCode,
  wrongCode,
} from '#test/support/login-by-mail.ts';
import { auditActionsOf, failedAttemptsOf, sessionEndReasons } from '#test/support/stored-login.ts';
import {
  addLoggedInUser,
  addVerifiedUser,
  cookieHeader,
  isAccepted,
  login,
  mailsTo,
  newestMailedToken,
  uniqueEmail,
  validPassword,
} from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  return () => app.close();
});

/** Wrong codes one after another, as fast as the answers allow. */
async function guess(of: { email: string; code: string; browserToken: string }, times: number) {
  const codes: (string | undefined)[] = [];
  for (let by = 1; by <= times; by += 1) {
    const { browserToken } = of;
    codes.push((await loginByCode(app, of.email, wrongCode(of.code, by), { browserToken })).code);
  }
  return codes;
}

describe('POST /api/v1/auth/login/email-code', () => {
  it('202 answers the secret of whoever asked, and mails six digits without a link', async () => {
    const email = await addVerifiedUser(app);
    const { status, data } = await requestCode(app, email);
    expect([status, data.status, data.expiresIn]).toEqual([202, 'code_sent', 600]);
    expect((await mailedCodes(app, email))[0]).toMatch(/^\d{6}$/);
    const message = app.inbox.list().find(({ to, subject }) => to === email && subject.includes('code'));
    expect(message?.links).toEqual([]);
  });
});

describe('POST /api/v1/auth/login/email-code/verify', () => {
  it('200 logs in like a password does, in any spelling of the address', async () => {
    const { email, code, browserToken } = await addUserWithCode(app);
    const { status, data } = await loginByCode(app, email.toUpperCase(), code, { browserToken });
    expect([status, await isAccepted(app, data.accessToken)]).toEqual([200, true]);
    expect((await auditActionsOf(app, email)).slice(-2)).toEqual(['login.code_requested', 'login.succeeded']);
    expect((await loginByCode(app, email, code, { browserToken })).code).toBe('invalid_code');
  });

  it('200 by cookie: asked and proven in one browser, which then forgets that it asked', async () => {
    const email = await addVerifiedUser(app);
    const asked = await requestCode(app, email, { transport: 'cookie' });
    const [code = ''] = await mailedCodes(app, email);
    const json = { email, code, transport: 'cookie' };
    const cookie = cookieHeader(asked.cookies);
    const { status, cookies } = await app.send('POST', '/api/v1/auth/login/email-code/verify', { json, cookie });
    expect([status, cookies.length]).toEqual([200, 3]);
    expect(cookies[2]).toMatch(/^latchkey_login=;/);
  });

  it('200 for exactly one of twenty at once, with one session', async () => {
    const { email, code, browserToken } = await addUserWithCode(app);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => loginByCode(app, email, code, { browserToken })),
    );
    expect(answers.filter(({ status }) => status === 200).length).toBe(1);
    expect(await sessionEndReasons(app, email)).toEqual([null]);
    const refused = new Set(answers.flatMap((answer) => answer.code ?? []));
    expect([...refused].filter((one) => one !== 'invalid_code' && one !== 'too_many_requests')).toEqual([]);
  });

  it('401 in another browser, and in none', async () => {
    const { email, code, browserToken } = await addUserWithCode(app);
    const other = (await requestCode(app, email)).data.browserToken;
    for (const shown of [{}, { browserToken: other }, { browserToken: `${browserToken}x` }]) {
      expect(await loginByCode(app, email, code, shown)).toMatchObject({ status: 401, code: 'invalid_code' });
    }
    expect((await loginByCode(app, email, code, { browserToken })).status).toBe(200);
  });

  it('401 with the address of somebody else', async () => {
    const { code, browserToken } = await addUserWithCode(app);
    expect((await loginByCode(app, await addVerifiedUser(app), code, { browserToken })).code).toBe('invalid_code');
  });

  it('401 after ten minutes, and after the epoch that it was made in', async () => {
    const late = await addUserWithCode(app);
    app.clock.advance(600_000);
    expect((await loginByCode(app, late.email, late.code, { browserToken: late.browserToken })).code).toBe(
      'invalid_code',
    );
    const ended = await addUserWithCode(app);
    const { accessToken } = (await login(app, ended.email)).data;
    await app.send('POST', '/api/v1/auth/logout-all', { token: accessToken });
    const { browserToken } = ended;
    expect((await loginByCode(app, ended.email, ended.code, { browserToken })).code).toBe('invalid_code');
  });

  it('401 for the older code of a browser that asked twice', async () => {
    const { email, code, browserToken } = await addUserWithCode(app);
    const cookie = `latchkey_login=${browserToken}`;
    app.clock.advance(1_000);
    await requestCode(app, email, { transport: 'cookie' }, cookie);
    const [newest = ''] = (await mailedCodes(app, email, 2)).filter((other) => other !== code);
    expect((await loginByCode(app, email, code, { browserToken })).code).toBe('invalid_code');
    expect((await loginByCode(app, email, newest, { browserToken })).status).toBe(200);
  });

  it('200 of a closing account has a step and a ticket', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    await app.send('DELETE', '/api/v1/users/me', { token: accessToken, json: { currentPassword: validPassword } });
    const { browserToken } = (await requestCode(app, email)).data;
    const [code = ''] = await mailedCodes(app, email);
    const { data } = await loginByCode(app, email, code, { browserToken });
    expect([data.step, data.sessionId]).toEqual(['cancel_deletion', undefined]);
  });

  it('422 for what is no code of six ASCII digits', async () => {
    const { email, browserToken } = await addUserWithCode(app);
    for (const code of ['12345', '1234567', '12345a', '１２３４５６', ' 123456', '-12345']) {
      expect((await loginByCode(app, email, code, { browserToken })).status).toBe(422);
    }
  });

  it('404 where codes are not enabled', async () => {
    const closed = await Application.open({ deploymentOf: app, env: { LATCHKEY_MAGIC_LINK: '1' } });
    const email = uniqueEmail();
    const codes = [(await requestCode(closed, email)).code, (await loginByCode(closed, email, '000000')).code];
    expect(codes).toEqual(['not_enabled', 'not_enabled']);
    await closed.close();
  });
});

describe('guessing a code', () => {
  it('kills it with the fifth wrong one, also for the right one afterwards', async () => {
    const asking = await addUserWithCode(app);
    expect(await guess(asking, 5)).toEqual(Array.from({ length: 5 }, () => 'invalid_code'));
    app.clock.advance(60_000);
    const { email, code, browserToken } = asking;
    expect((await loginByCode(app, email, code, { browserToken })).code).toBe('invalid_code');
  });

  it('is not cheaper at once: twenty wrong ones leave nothing to the right one, and five were looked at', async () => {
    const { email, code, browserToken } = await addUserWithCode(app);
    const wrong = Array.from({ length: 20 }, (_, index) => wrongCode(code, index + 1));
    const answers = await Promise.all(wrong.map((one) => loginByCode(app, email, one, { browserToken })));
    const count = (what: string) => answers.filter((answer) => answer.code === what).length;
    expect([count('invalid_code'), count('too_many_requests')]).toEqual([5, 15]);
  });

  it('leaves the fifth try to the right code', async () => {
    const asking = await addUserWithCode(app);
    await guess(asking, 4);
    const { email, code, browserToken } = asking;
    expect((await loginByCode(app, email, code, { browserToken })).status).toBe(200);
  });

  it.each(['a user', 'nobody'])('of %s is slowed down over all codes, with the same answers', async (who) => {
    const email = who === 'nobody' ? uniqueEmail() : await addVerifiedUser(app);
    const seen: (string | null)[] = [];
    for (let round = 0; round < 3; round += 1) {
      const { browserToken } = (await requestCode(app, email)).data;
      const again = async () => {
        const { code, headers } = await loginByCode(app, email, '000000', { browserToken });
        seen.push(code === 'too_many_requests' ? headers.get('retry-after') : 'checked');
      };
      for (let time = 0; time < 3; time += 1) await again();
      app.clock.advance(2_000);
    }
    const after = ['checked', 'checked', '1', 'checked', '2', '2'];
    expect(seen).toEqual(['checked', 'checked', 'checked', ...after]);
  });

  it('stops at a hundred for good, until the mailbox is proven in another way', async () => {
    const { email, code, browserToken } = await addUserWithCode(app);
    for (let guesses = 0; guesses < 100; guesses += 1) {
      expect((await loginByCode(app, email, wrongCode(code), { browserToken })).status).toBe(401);
      app.clock.advance(15 * 60_000);
    }
    app.clock.advance(365 * 24 * 3600_000);
    const fresh = (await requestCode(app, email)).data.browserToken;
    const [newest = ''] = (await mailedCodes(app, email, 2)).filter((other) => other !== code);
    const shown = { browserToken: fresh };
    const stopped = await loginByCode(app, email, newest, shown);
    expect([stopped.status, stopped.headers.get('retry-after')]).toEqual([429, '86400']);
    await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
    const reset = { token: await newestMailedToken(app, email, '/reset-password'), password: validPassword };
    expect((await app.send('POST', '/api/v1/auth/reset-password', { json: reset })).status).toBe(200);
    const { browserToken: last } = (await requestCode(app, email)).data;
    const [good = ''] = (await mailedCodes(app, email, 3)).filter((other) => other !== code && other !== newest);
    expect((await loginByCode(app, email, good, { browserToken: last })).status).toBe(200);
  });

  it('counts apart from passwords, in both directions', async () => {
    const asking = await addUserWithCode(app);
    await guess(asking, 4);
    expect(await failedAttemptsOf(app, asking.email)).toBe(0);
    await login(app, asking.email, { password: 'not the right password' });
    const { email, code, browserToken } = asking;
    expect((await loginByCode(app, email, code, { browserToken })).status).toBe(200);
    expect(await failedAttemptsOf(app, email)).toBe(1);
    expect(await mailsTo(app, email)).toContain('email_code');
  });
});

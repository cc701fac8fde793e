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

/** Sends wrong codes one after another. */
async function guess(of: { email: string; code: string; browserToken: string }, times: number) {
  const codes: (string | undefined)[] = [];
  for (let by = 1; by <= times; by += 1) {
    const { browserToken } = of;
    codes.push((await loginByCode(app, of.email, wrongCode(of.code, by), { browserToken })).code);
  }
  return codes;
}

describe('POST /api/v1/auth/login/email-code', () => {
  it('202 returns the browser secret, and mails six digits without a link', async () => {
    const email = await addVerifiedUser(app);
    const { status, data } = await requestCode(app, email);
    expect([status, data.status, data.expiresIn]).toEqual([202, 'code_sent', 600]);
    const [code] = await mailedCodes(app, email);
    expect(code).toMatch(/^\d{6}$/);
    const message = app.inbox.list().find(({ to, text }) => to === email && text.includes(code ?? ''));
    expect(message?.links).toEqual([]);
  });
});

describe('POST /api/v1/auth/login/email-code/verify', () => {
  it('200 issues the same as a password, in any spelling of the address', async () => {
    const { email, code, browserToken } = await addUserWithCode(app);
    const { status, data } = await loginByCode(app, email.toUpperCase(), code, { browserToken });
    expect([status, await isAccepted(app, data.accessToken)]).toEqual([200, true]);
    expect((await auditActionsOf(app, email)).slice(-2)).toEqual(['login.code_requested', 'login.succeeded']);
    expect((await loginByCode(app, email, code, { browserToken })).code).toBe('invalid_code');
  });

  it('200 by cookie in the browser that requested the code, and keeps its login cookie', async () => {
    const email = await addVerifiedUser(app);
    const requested = await requestCode(app, email, { transport: 'cookie' });
    const [code = ''] = await mailedCodes(app, email);
    const json = { email, code, transport: 'cookie' };
    const cookie = cookieHeader(requested.cookies);
    const { status, cookies } = await app.send('POST', '/api/v1/auth/login/email-code/verify', { json, cookie });
    expect([status, cookies.length]).toEqual([200, 2]);
    expect(cookies.join()).not.toContain('latchkey_login');
  });

  it('200 for exactly one of twenty concurrent requests, with one session', async () => {
    const { email, code, browserToken } = await addUserWithCode(app);
    const responses = await Promise.all(
      Array.from({ length: 20 }, () => loginByCode(app, email, code, { browserToken })),
    );
    expect(responses.filter(({ status }) => status === 200).length).toBe(1);
    expect(await sessionEndReasons(app, email)).toEqual([null]);
    const refused = new Set(responses.flatMap((response) => response.code ?? []));
    expect([...refused].filter((one) => one !== 'invalid_code' && one !== 'too_many_requests')).toEqual([]);
  });

  it('401 in another browser, and without a browser secret', async () => {
    const { email, code, browserToken } = await addUserWithCode(app);
    const other = (await requestCode(app, email)).data.browserToken;
    for (const fields of [{}, { browserToken: other }, { browserToken: `${browserToken}x` }]) {
      expect(await loginByCode(app, email, code, fields)).toMatchObject({ status: 401, code: 'invalid_code' });
    }
    expect((await loginByCode(app, email, code, { browserToken })).status).toBe(200);
  });

  it('401 with the address of another user', async () => {
    const { code, browserToken } = await addUserWithCode(app);
    expect((await loginByCode(app, await addVerifiedUser(app), code, { browserToken })).code).toBe('invalid_code');
  });

  it('401 after ten minutes, and in a later epoch', async () => {
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

  it('401 for the older code of a browser that requested two', async () => {
    const { email, code, browserToken } = await addUserWithCode(app);
    const cookie = `latchkey_login=${browserToken}`;
    app.clock.advance(1_000);
    await requestCode(app, email, { transport: 'cookie' }, cookie);
    const [newest = ''] = (await mailedCodes(app, email, 2)).filter((other) => other !== code);
    expect((await loginByCode(app, email, code, { browserToken })).code).toBe('invalid_code');
    expect((await loginByCode(app, email, newest, { browserToken })).status).toBe(200);
  });

  it('200 of a user pending deletion has a step and a ticket', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    await app.send('DELETE', '/api/v1/users/me', { token: accessToken, json: { currentPassword: validPassword } });
    const { browserToken } = (await requestCode(app, email)).data;
    const [code = ''] = await mailedCodes(app, email);
    const { data } = await loginByCode(app, email, code, { browserToken });
    expect([data.step, data.sessionId]).toEqual(['cancel_deletion', undefined]);
  });

  it('422 for anything but six ASCII digits', async () => {
    const { email, browserToken } = await addUserWithCode(app);
    for (const code of ['12345', '1234567', '12345a', '１２３４５６', ' 123456', '-12345']) {
      expect((await loginByCode(app, email, code, { browserToken })).status).toBe(422);
    }
  });

  it('404 where codes are not enabled', async () => {
    const disabled = await Application.open({ deploymentOf: app, env: { LATCHKEY_MAGIC_LINK: '1' } });
    const email = uniqueEmail();
    const codes = [(await requestCode(disabled, email)).code, (await loginByCode(disabled, email, '000000')).code];
    expect(codes).toEqual(['not_enabled', 'not_enabled']);
    await disabled.close();
  });
});

describe('guessing a code', () => {
  it('invalidates it with the fifth wrong try', async () => {
    const holder = await addUserWithCode(app);
    expect(await guess(holder, 5)).toEqual(Array.from({ length: 5 }, () => 'invalid_code'));
    app.clock.advance(60_000);
    const { email, code, browserToken } = holder;
    expect((await loginByCode(app, email, code, { browserToken })).code).toBe('invalid_code');
  });

  it('verifies five of twenty concurrent wrong codes, and the right one is then invalid', async () => {
    const { email, code, browserToken } = await addUserWithCode(app);
    const wrong = Array.from({ length: 20 }, (_, index) => wrongCode(code, index + 1));
    const responses = await Promise.all(wrong.map((one) => loginByCode(app, email, one, { browserToken })));
    const count = (what: string) => responses.filter((response) => response.code === what).length;
    expect([count('invalid_code'), count('too_many_requests')]).toEqual([5, 15]);
  });

  it('accepts the right code at the fifth try', async () => {
    const holder = await addUserWithCode(app);
    await guess(holder, 4);
    const { email, code, browserToken } = holder;
    expect((await loginByCode(app, email, code, { browserToken })).status).toBe(200);
  });

  it.each(['a user', 'an unknown address'])(
    'of %s is delayed across all codes, with the same responses',
    async (of) => {
      const email = of === 'an unknown address' ? uniqueEmail() : await addVerifiedUser(app);
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
    },
  );

  it('ends after a hundred, until the mailbox is verified in another way', async () => {
    const { email, code, browserToken } = await addUserWithCode(app);
    for (let guesses = 0; guesses < 100; guesses += 1) {
      expect((await loginByCode(app, email, wrongCode(code), { browserToken })).status).toBe(401);
      app.clock.advance(15 * 60_000);
    }
    app.clock.advance(365 * 24 * 3600_000);
    const fresh = (await requestCode(app, email)).data.browserToken;
    const [newest = ''] = (await mailedCodes(app, email, 2)).filter((other) => other !== code);
    const fields = { browserToken: fresh };
    const stopped = await loginByCode(app, email, newest, fields);
    expect([stopped.status, stopped.headers.get('retry-after')]).toEqual([429, '86400']);
    await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
    const reset = { token: await newestMailedToken(app, email, '/reset-password'), password: validPassword };
    expect((await app.send('POST', '/api/v1/auth/reset-password', { json: reset })).status).toBe(200);
    const { browserToken: last } = (await requestCode(app, email)).data;
    const [good = ''] = (await mailedCodes(app, email, 3)).filter((other) => other !== code && other !== newest);
    expect((await loginByCode(app, email, good, { browserToken: last })).status).toBe(200);
  });

  it('has a counter apart from the password’s, in both directions', async () => {
    const holder = await addUserWithCode(app);
    await guess(holder, 4);
    expect(await failedAttemptsOf(app, holder.email)).toBe(0);
    await login(app, holder.email, { password: 'not the right password' });
    const { email, code, browserToken } = holder;
    expect((await loginByCode(app, email, code, { browserToken })).status).toBe(200);
    expect(await failedAttemptsOf(app, email)).toBe(1);
    expect(await mailsTo(app, email)).toContain('email_code');
  });
});

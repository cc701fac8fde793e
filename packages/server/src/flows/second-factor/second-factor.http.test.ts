import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { Application } from '#test/support/application.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import { addTotpUser, codeNow, proveSecondFactor, type TotpUser } from '#test/support/second-factors.ts';
import { auditActionsOf, failedAttemptsOf } from '#test/support/stored-login.ts';
import { addVerifiedUser, login, mailsTo, type Tokens } from '#test/support/user-actions.ts';

const stepMs = 30_000;

// No flow does this without a new epoch; the gate reads the fact again at every step.
const unverifyEmail = statement('second_factor_test.unverify_email', {
  lane: 'pool',
  sql: `update identifiers set verified_at = null where canonical = :email`,
  params: { email: 'text' },
  columns: {},
});

describe.each(databasesOfFlows)('POST /api/v1/auth/login/second-factor (%s)', (databaseKind) => {
  let app: Application;
  let user: TotpUser;

  beforeAll(async () => {
    app = await Application.open({ databaseKind });
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    user = await addTotpUser(app);
    app.clock.advance(stepMs);
  });

  const begin = async (more = {}) => present((await login(app, user.email, more)).data.ticket, 'a ticket');

  it('200 logs in with the password and the code of the app, with acr 2', async () => {
    const first = await login(app, user.email);
    expect(first).toMatchObject({ status: 200, data: { step: 'second_factor', factors: ['totp', 'recovery_code'] } });
    expect(first.data.accessToken).toBeUndefined();
    const done = await proveSecondFactor(app, first.data.ticket, { code: codeNow(app, user.secret) });
    expect(done.status).toBe(200);
    const { data } = await app.send<{ acr: string; amr: string[] }>('GET', '/api/v1/auth/session', {
      token: done.data.accessToken,
    });
    expect(data).toMatchObject({ acr: '2', amr: ['pwd', 'otp', 'mfa'] });
  });

  it('200 sets cookies for a login by cookie', async () => {
    const ticket = await begin({ transport: 'cookie' });
    const done = await proveSecondFactor(app, ticket, { code: codeNow(app, user.secret) });
    expect(done.data.accessToken).toBeUndefined();
    expect(done.cookies.join()).toContain('latchkey_session=');
  });

  it('accepts the code before and after the current one, for clocks that are off', async () => {
    app.clock.advance(3 * stepMs);
    for (const steps of [-1, 1]) {
      const done = await proveSecondFactor(app, await begin(), { code: codeNow(app, user.secret, steps) });
      expect(done.status).toBe(200);
    }
    for (const steps of [-3, 4]) {
      const done = await proveSecondFactor(app, await begin(), { code: codeNow(app, user.secret, steps) });
      expect(done).toMatchObject({ status: 401, code: 'invalid_code' });
    }
  });

  it('accepts a code once, and no earlier one after it', async () => {
    const code = codeNow(app, user.secret);
    const [one, two] = [await begin(), await begin()];
    expect((await proveSecondFactor(app, one, { code })).status).toBe(200);
    expect(await proveSecondFactor(app, two, { code })).toMatchObject({ status: 401, code: 'invalid_code' });
    expect(await proveSecondFactor(app, two, { code: codeNow(app, user.secret, -1) })).toMatchObject({
      code: 'invalid_code',
    });
  });

  it('counts only wrong codes in the rate limit of the client, and tickets that nobody has', async () => {
    const remaining = (response: { readonly headers: Headers }) =>
      Number(/r=(\d+)/.exec(response.headers.get('ratelimit') ?? '')?.[1]);
    const right = await proveSecondFactor(app, await begin(), { code: codeNow(app, user.secret) });
    const wrong = await proveSecondFactor(app, await begin(), { code: '000000' });
    // The response of a success was counted when it was written, and gives its use back.
    expect(remaining(wrong)).toBe(remaining(right));
    for (const [place, ticket] of ['lk_lt_unknown', 'x', await begin()].entries()) {
      const refused = await proveSecondFactor(app, ticket, { code: '000000' });
      expect([refused.status, remaining(refused)]).toEqual([401, remaining(wrong) - 1 - place]);
    }
  });

  it('completes the logins of many users of one client at once, beside wrong codes', async () => {
    const users = await Promise.all(Array.from({ length: 8 }, () => addTotpUser(app)));
    app.clock.advance(stepMs);
    const tickets = await Promise.all(
      users.map(async ({ email, secret }) => ({
        secret,
        wrong: (await login(app, email)).data.ticket,
        right: (await login(app, email)).data.ticket,
      })),
    );
    const statuses = await Promise.all(
      tickets.flatMap(({ secret, wrong, right }) => [
        proveSecondFactor(app, wrong, { code: '000000' }).then(({ status }) => status),
        proveSecondFactor(app, right, { code: codeNow(app, secret) }).then(({ status }) => status),
      ]),
    );
    expect(statuses).toEqual(users.flatMap(() => [401, 200]));
  });

  it('leaves the ticket usable after a wrong code, and consumes it with a right one', async () => {
    const ticket = await begin();
    expect(await proveSecondFactor(app, ticket, { code: '000000' })).toMatchObject({ code: 'invalid_code' });
    expect((await proveSecondFactor(app, ticket, { code: codeNow(app, user.secret) })).status).toBe(200);
    app.clock.advance(stepMs);
    expect(await proveSecondFactor(app, ticket, { code: codeNow(app, user.secret) })).toMatchObject({
      status: 401,
      code: 'invalid_ticket',
    });
  });

  it('accepts each recovery code once, however it is typed, and tells the user', async () => {
    const [first = '', second = ''] = user.recoveryCodes;
    expect((await proveSecondFactor(app, await begin(), { recoveryCode: first })).status).toBe(200);
    expect(await proveSecondFactor(app, await begin(), { recoveryCode: first })).toMatchObject({
      code: 'invalid_code',
    });
    const typed = second.toLowerCase().replaceAll('-', ' ');
    expect((await proveSecondFactor(app, await begin(), { recoveryCode: typed })).status).toBe(200);
    expect((await mailsTo(app, user.email)).filter((name) => name === 'recovery_code_used')).toHaveLength(2);
    expect(await auditActionsOf(app, user.email)).toContain('recovery_code.used');
  });

  it('422 for both kinds of code, and for none', async () => {
    const ticket = await begin();
    const both = { code: '123456', recoveryCode: 'x' };
    for (const proof of [both, {}]) expect((await proveSecondFactor(app, ticket, proof)).status).toBe(422);
  });

  it.each([
    ['an app', (other: TotpUser) => ({ code: codeNow(app, other.secret) })],
    ['a recovery code', (other: TotpUser) => ({ recoveryCode: other.recoveryCodes[0] ?? '' })],
  ])('refuses %s of another user, and uses up nothing', async (_, proofOf) => {
    const other = await addTotpUser(app);
    app.clock.advance(stepMs);
    const proof = proofOf(other);
    expect(await proveSecondFactor(app, await begin(), proof)).toMatchObject({ status: 401, code: 'invalid_code' });
    const ticket = present((await login(app, other.email)).data.ticket, 'a ticket');
    expect((await proveSecondFactor(app, ticket, proof)).status).toBe(200);
  });

  it('does not begin a login, and takes no ticket of another step or of nobody', async () => {
    const code = codeNow(app, user.secret);
    const unknown = `lk_lt_${'A'.repeat(49)}`;
    for (const ticket of ['x', unknown, user.refreshToken]) {
      expect(await proveSecondFactor(app, ticket, { code })).toMatchObject({ status: 401, code: 'invalid_ticket' });
    }
    const plain = await addVerifiedUser(app);
    const { accessToken: token } = (await login(app, plain)).data;
    await app.send('DELETE', '/api/v1/users/me', { token, json: { currentPassword: 'correct horse battery' } });
    const ticket = present((await login(app, plain)).data.ticket, 'a ticket');
    expect(await proveSecondFactor(app, ticket, { code })).toMatchObject({ status: 401, code: 'invalid_code' });
  });

  it('asks a user with both for the deletion after the second factor', async () => {
    const json = { currentPassword: 'correct horse battery' };
    await app.send('DELETE', '/api/v1/users/me', { token: user.accessToken, json });
    const next = await proveSecondFactor(app, await begin(), { code: codeNow(app, user.secret) });
    expect(next).toMatchObject({ status: 200, data: { step: 'cancel_deletion' } });
    expect(next.data.accessToken).toBeUndefined();
  });

  it('403 for a user whose email is not verified any more, and no session', async () => {
    const ticket = await begin();
    await app.services.database.run(unverifyEmail, { email: user.email });
    expect(await proveSecondFactor(app, ticket, { code: codeNow(app, user.secret) })).toMatchObject({
      status: 403,
      code: 'email_not_verified',
    });
  });

  it('ends the login half an hour after its first factor, however many steps it has', async () => {
    const ticket = await begin();
    app.clock.advance(10 * 60_000);
    expect(await proveSecondFactor(app, ticket, { code: codeNow(app, user.secret) })).toMatchObject({
      code: 'invalid_ticket',
    });
  });
});

describe('guessing a second factor', () => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open();
  });
  afterAll(() => app.close());

  it('admits eight guesses in fifteen minutes over all logins of a user, and never counts as a wrong password', async () => {
    const user = await addTotpUser(app);
    const began = app.clock.now().getTime();
    let looked = 0;
    while (app.clock.now().getTime() - began < 15 * 60_000) {
      const { ticket } = (await login(app, user.email)).data;
      const refused = await Promise.all(
        Array.from({ length: 5 }, () => proveSecondFactor(app, ticket, { code: '000000' })),
      );
      looked += refused.filter(({ code }) => code === 'invalid_code').length;
      expect(refused.every(({ code }) => code === 'invalid_code' || code === 'too_many_requests')).toBe(true);
      app.clock.advance(15_000);
    }
    expect(looked).toBe(8);
    expect(await failedAttemptsOf(app, user.email)).toBe(0);
    expect((await mailsTo(app, user.email)).filter((name) => name === 'second_factor_failed')).toHaveLength(1);
  });

  it('never keeps the user’s own device out, nor by wrong codes of others', async () => {
    const user = await addTotpUser(app);
    for (let guess = 0; guess < 4; guess += 1) {
      const { ticket } = (await login(app, user.email)).data;
      await proveSecondFactor(app, ticket, { code: '000000' });
    }
    app.clock.advance(stepMs);
    const { deviceToken } = user;
    const { ticket } = (await login(app, user.email, { deviceToken })).data;
    const done = await proveSecondFactor(app, ticket, { code: codeNow(app, user.secret), deviceToken });
    expect(done.status).toBe(200);
    expect(done.data.deviceToken).toBe(deviceToken);
  });

  it('resets the counter with a right code', async () => {
    const user = await addTotpUser(app);
    app.clock.advance(stepMs);
    const { ticket } = (await login(app, user.email)).data;
    for (let guess = 0; guess < 2; guess += 1) await proveSecondFactor(app, ticket, { code: '000000' });
    expect((await proveSecondFactor(app, ticket, { code: codeNow(app, user.secret) })).status).toBe(200);
    const again = (await login(app, user.email)).data as Tokens;
    for (let guess = 0; guess < 3; guess += 1) {
      expect(await proveSecondFactor(app, again.ticket, { code: '000000' })).toMatchObject({ code: 'invalid_code' });
    }
    expect(await proveSecondFactor(app, again.ticket, { code: '000000' })).toMatchObject({ code: 'too_many_requests' });
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { disableUser, endSessions } from '#flows/admin-users/index.ts';
import { Application } from '#test/support/application.ts';
import { addActiveUser } from '#test/support/daily-traffic.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import {
  addOwner,
  addSetupLink,
  beginEnrollment,
  confirmEnrollment,
  type StepResponse,
} from '#test/support/login-steps.ts';
import { operator } from '#test/support/operator.ts';
import { PageBrowser } from '#test/support/page-browser.ts';
import { codeNow } from '#test/support/second-factors.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { isAccepted, login, mailsTo, validPassword } from '#test/support/user-actions.ts';
import { userIdOf } from '#test/support/user-status.ts';
import { makeRecoveryLink, makeSetupLink } from './index.ts';

const path = '/api/v1/auth/setup';
const newPassword = 'another horse, another battery';

describe.each(databasesOfFlows)('setting an owner up (%s)', (databaseKind) => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open({ databaseKind, manual: true });
  });
  afterAll(() => app.close());

  const setUp = (token: string, more: object = {}) =>
    app.send<StepResponse>('POST', path, { json: { token, name: 'Grace Hopper', password: newPassword, ...more } });
  const rolesOf = async (token: string) =>
    (await app.send<{ roles: string[] }>('GET', '/api/v1/auth/session', { token })).data.roles;

  async function recoveryToken(userId: string): Promise<string> {
    const link = await makeRecoveryLink(app.services, operator, userId);
    if (link.kind !== 'made') throw new Error(link.reason);
    return link.token;
  }

  it('leads from the link to the second factor at once, and to a session with the role', async () => {
    const { email, token } = await addSetupLink(app);
    expect((await login(app, email, { password: newPassword })).code).toBe('invalid_credentials');
    const begun = await setUp(token);
    expect(begun.data).toMatchObject({ step: 'enroll_second_factor', factors: ['passkey', 'totp'] });
    const ticket = begun.data.ticket ?? '';
    const secret = await beginEnrollment(app, ticket);
    const { data } = await confirmEnrollment(app, ticket, codeNow(app, secret));
    expect(data.recoveryCodes).toHaveLength(10);
    expect(await rolesOf(data.accessToken)).toEqual(['owner']);
    expect(await auditActionsOf(app, email)).toEqual(
      expect.arrayContaining(['owner.setup_link_made', 'owner.set_up', 'factor.enrolled', 'login.succeeded']),
    );
    const profile = await app.send('GET', '/api/v1/users/me', { token: data.accessToken });
    expect(profile.data).toMatchObject({ name: 'Grace Hopper', email, emailVerified: true });
  });

  it('gives the role by the use of the link only, and to nobody before', async () => {
    const { userId, token } = await addSetupLink(app);
    const { users } = app.services;
    expect((await users.profile(userId))?.status).toBe('active');
    await endSessions(app.services, operator, userId);
    expect((await setUp(token)).code).toBe('invalid_token');
  });

  it('works once: of 20 concurrent uses one gets the ticket', async () => {
    const { token } = await addSetupLink(app);
    const all = await Promise.all(Array.from({ length: 20 }, () => setUp(token)));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(new Set(all.flatMap(({ code }) => code ?? []))).toEqual(new Set(['invalid_token']));
  });

  it('keeps the link after a password that the rules reject', async () => {
    const { token } = await addSetupLink(app);
    expect((await setUp(token, { password: 'short' })).code).toBe('validation_failed');
    expect((await setUp(token)).status).toBe(200);
  });

  it('is refused after 24 hours, by a later link, for a disabled user, and for a link of another purpose', async () => {
    const expired = await addSetupLink(app);
    const replaced = await addSetupLink(app);
    await makeSetupLink(app.services, operator, replaced.userId);
    const disabled = await addSetupLink(app);
    await disableUser(app.services, operator, disabled.userId);
    expect((await setUp(replaced.token)).code).toBe('invalid_token');
    expect((await setUp(disabled.token)).code).toBe('invalid_token');
    app.clock.advance(24 * 3_600_000);
    expect((await setUp(expired.token)).code).toBe('invalid_token');
    expect((await setUp(`lk_ot_${'A'.repeat(49)}`)).code).toBe('invalid_token');
  });

  it('is not offered for a user with a password, nor again for an owner', async () => {
    const userId = await userIdOf(app, await addActiveUser(app));
    expect(await makeSetupLink(app.services, operator, userId)).toEqual({ kind: 'refused', reason: 'has_password' });
    expect(await makeRecoveryLink(app.services, operator, userId)).toEqual({ kind: 'refused', reason: 'no_owner' });
    const owner = await addOwner(app);
    expect(await makeSetupLink(app.services, operator, owner.userId)).toEqual({ kind: 'refused', reason: 'owner' });
  });

  it('again for an owner who lost everything: new password and factor, every session ends, all owners are told', async () => {
    const [owner, other] = [await addOwner(app), await addOwner(app)];
    const token = await recoveryToken(owner.userId);
    for (const { email } of [owner, other]) expect(await mailsTo(app, email)).toContain('owner_recovery');
    expect(await isAccepted(app, owner.accessToken)).toBe(true);
    const begun = await setUp(token);
    expect(begun.data.step).toBe('enroll_second_factor');
    expect(await isAccepted(app, owner.accessToken)).toBe(false);
    expect((await login(app, owner.email, { password: validPassword })).code).toBe('invalid_credentials');
    expect((await login(app, owner.email, { password: newPassword })).data.step).toBe('confirm_mailbox');
    expect(await mailsTo(app, owner.email)).toContain('password_changed');
    expect(await auditActionsOf(app, owner.email)).toContain('owner.recovery_link_made');
    expect((await login(app, other.email)).data.step).toBe('second_factor');
  });

  it('on the page leads through the app to the account', async () => {
    const { email, token } = await addSetupLink(app);
    const browser = new PageBrowser(app);
    await browser.open(`/setup?token=${token}`);
    expect(browser.text).toContain(email);
    const wrong = await browser.submit('/setup', { name: 'Grace', password: 'short' });
    expect([wrong.status, wrong.text.includes('at least 12 characters')]).toEqual([422, true]);
    await browser.follow(await browser.submit('/setup', { name: 'Grace', password: newPassword }));
    await browser.submit('/login/enroll');
    const secret = (/<output id="key"[^>]*>([^<]+)</.exec(browser.text)?.[1] ?? '').replaceAll(' ', '');
    expect((await browser.submit('/login/enroll', { code: codeNow(app, secret) })).status).toBe(200);
    expect((await browser.open('/account')).status).toBe(200);
    expect((await browser.open(`/setup?token=${token}`)).status).toBe(400);
  });
});

it('needs no second factor where the setting requires none', async () => {
  const app = await Application.open({ manual: true, env: { LATCHKEY_SECOND_FACTOR_FOR: 'nobody' } });
  const { token } = await addSetupLink(app);
  const json = { token, name: 'Grace', password: newPassword };
  const { status, data } = await app.send<StepResponse>('POST', path, { json });
  expect([status, data.step, await isAccepted(app, data.accessToken)]).toEqual([200, undefined, true]);
  await app.close();
});

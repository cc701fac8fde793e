import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grantRole, resetFactors } from '#flows/admin-users/index.ts';
import { Application } from '#test/support/application.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import { addOwner } from '#test/support/login-steps.ts';
import { operator } from '#test/support/operator.ts';
import { addPasskey, passkeysPath } from '#test/support/passkeys.ts';
import { addTotpUser, beginTotp, codeNow, confirmTotp, proveSecondFactor } from '#test/support/second-factors.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addLoggedInUser, isAccepted, login, mailsTo, type Tokens } from '#test/support/user-actions.ts';

const path = '/api/v1/users/me/mfa';

describe.each(databasesOfFlows)('PUT /api/v1/users/me/mfa (%s)', (databaseKind) => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open({ databaseKind });
  });
  afterAll(() => app.close());

  const set = (token: string, enabled: boolean) =>
    app.send<Tokens & { enabled: boolean }>('PUT', path, { token, json: { enabled } });

  it('off: the password is enough, the app stays, every other session ends, and the user is told', async () => {
    const user = await addTotpUser(app);
    app.clock.advance(30_000);
    const ticket = (await login(app, user.email)).data.ticket;
    const other = (await proveSecondFactor(app, ticket, { code: codeNow(app, user.secret) })).data;
    const { status, data } = await set(user.accessToken, false);
    expect([status, data.enabled]).toEqual([200, false]);
    expect([await isAccepted(app, data.accessToken), await isAccepted(app, user.accessToken)]).toEqual([true, false]);
    expect(await isAccepted(app, other.accessToken)).toBe(false);
    expect((await login(app, user.email)).data.step).toBeUndefined();
    const factors = await app.send('GET', '/api/v1/users/me/factors', { token: data.accessToken });
    expect(factors.data).toMatchObject({ totp: expect.anything(), recoveryCodes: { unused: 10 } });
    expect(await mailsTo(app, user.email)).toContain('two_step_off');
    expect(await auditActionsOf(app, user.email)).toContain('mfa.turned_off');
  });

  it('on again: a login asks for the code', async () => {
    const user = await addTotpUser(app);
    const off = (await set(user.accessToken, false)).data;
    const { status, data } = await set(off.accessToken, true);
    expect([status, data.enabled, await isAccepted(app, data.accessToken)]).toEqual([200, true, true]);
    expect((await login(app, user.email)).data.step).toBe('second_factor');
    expect(await mailsTo(app, user.email)).toContain('two_step_on');
  });

  it('on, by a session of one factor, needs the factor first', async () => {
    const user = await addTotpUser(app);
    await set(user.accessToken, false);
    app.clock.advance(30_000);
    const { accessToken: token } = (await login(app, user.email)).data;
    expect(await set(token, true)).toMatchObject({ status: 401, code: 'step_up_required' });
    const json = { code: codeNow(app, user.secret) };
    const stepped = await app.send<Tokens>('POST', '/api/v1/auth/step-up', { token, json });
    expect((await set(stepped.data.accessToken, true)).status).toBe(200);
  });

  it('set to what it is changes nothing: the session goes on', async () => {
    const user = await addTotpUser(app);
    const { status, data } = await set(user.accessToken, true);
    expect([status, data]).toEqual([200, { enabled: true }]);
    expect(await isAccepted(app, user.accessToken)).toBe(true);
    const plain = await addLoggedInUser(app);
    expect((await set(plain.accessToken, false)).data).toEqual({ enabled: false });
    expect(await mailsTo(app, user.email)).not.toContain('two_step_on');
  });

  it('on without a second factor is refused', async () => {
    const { accessToken } = await addLoggedInUser(app);
    expect(await set(accessToken, true)).toMatchObject({ status: 409, code: 'no_second_factor' });
  });

  it('of 20 concurrent requests one changes it, and no other session remains', async () => {
    const user = await addTotpUser(app);
    const all = await Promise.all(Array.from({ length: 20 }, () => set(user.accessToken, false)));
    expect(all.filter(({ status, data }) => status === 200 && data.accessToken !== undefined)).toHaveLength(1);
    const refused = new Set(all.flatMap(({ code }) => code ?? []));
    refused.delete('not_authenticated');
    expect([...refused]).toEqual([]);
  });

  describe('of a user whose role requires a second factor', () => {
    it('neither turns it off nor removes the app', async () => {
      const owner = await addOwner(app);
      const refusal = { status: 409, code: 'second_factor_required' };
      expect(await set(owner.accessToken, false)).toMatchObject(refusal);
      expect(await app.send('DELETE', '/api/v1/users/me/totp', { token: owner.accessToken })).toMatchObject(refusal);
      expect(await isAccepted(app, owner.accessToken)).toBe(true);
      expect((await login(app, owner.email)).data.step).toBe('second_factor');
      expect(await mailsTo(app, owner.email)).not.toContain('second_factor_removed');
    });

    it('removes the app beside a passkey, and not the passkey that remains', async () => {
      const owner = await addOwner(app);
      const { data } = await addPasskey(app, { token: owner.accessToken }, { kind: 'security_key' });
      const appRemoved = await app.send<Tokens>('DELETE', '/api/v1/users/me/totp', { token: owner.accessToken });
      expect(appRemoved.status).toBe(200);
      const token = appRemoved.data.accessToken;
      expect(await app.send('DELETE', `${passkeysPath}/${data.passkey.id}`, { token })).toMatchObject({
        status: 409,
        code: 'second_factor_required',
      });
      expect((await login(app, owner.email)).data.step).toBe('second_factor');
    });

    it('replaces the app', async () => {
      const owner = await addOwner(app);
      const token = owner.accessToken;
      app.clock.advance(30_000);
      const secret = await beginTotp(app, { token });
      expect((await confirmTotp(app, { token }, secret)).status).toBe(200);
    });

    it('a role that is granted to a user who turned it off turns it on', async () => {
      const user = await addTotpUser(app);
      await set(user.accessToken, false);
      await grantRole(app.services, operator, user.userId, 'owner');
      expect((await login(app, user.email)).data.step).toBe('second_factor');
    });

    it('sets up another factor at the login after an operator ended the lost one', async () => {
      const owner = await addOwner(app);
      await resetFactors(app.services, operator, owner.userId);
      expect((await login(app, owner.email)).data.step).toBe('confirm_mailbox');
    });
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CreationOptionsJson, RegistrationResponseJson } from '#protocol/webauthn/index.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import {
  addUserWithRole,
  beginEnrollment,
  confirmEnrollment,
  enrollmentTicket,
  requestCodeFor,
  type StepResponse,
  ticketFor,
  verifyMailbox,
} from '#test/support/login-steps.ts';
import {
  creationOptionsFor,
  deviceBound,
  loginByPasskey,
  provePasskey,
  registerFor,
  synced,
  type TestPasskey,
  withoutPin,
} from '#test/support/passkeys.ts';
import { codeNow, proveSecondFactor } from '#test/support/second-factors.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addLoggedInUser, login, mailsTo } from '#test/support/user-actions.ts';

const path = '/api/v1/auth/login/enroll';

type Kind = 'passkey' | 'security_key';

describe.each(databasesOfFlows)('a passkey that a login sets up (%s)', (databaseKind) => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open({ databaseKind });
  });
  afterAll(() => app.close());

  async function optionsFor(ticket: string, kind: Kind = 'passkey'): Promise<CreationOptionsJson> {
    const { data, code } = await app.send<{ publicKey: CreationOptionsJson }>('POST', path, { json: { ticket, kind } });
    if (code !== undefined) throw new Error(`no options: ${code}`);
    return data.publicKey;
  }

  const confirm = (ticket: string, passkey: RegistrationResponseJson, kind: Kind = 'passkey') =>
    app.send<StepResponse>('POST', `${path}/confirm`, { json: { ticket, passkey, kind } });

  async function enrolling() {
    const user = await addUserWithRole(app);
    return { ...user, ticket: await enrollmentTicket(app, user) };
  }

  /** Sets the key up; returns it with the response. */
  async function enroll(
    ticket: string,
    kind: Kind = 'passkey',
    flags = deviceBound,
  ): Promise<{ readonly done: AppResponse<StepResponse>; readonly passkey: TestPasskey }> {
    const { response, passkey } = registerFor(app, await optionsFor(ticket, kind), { flags });
    return { done: await confirm(ticket, response, kind), passkey };
  }

  it('completes the login with two factors and recovery codes, and later signs in by itself', async () => {
    const { email, ticket } = await enrolling();
    const { done, passkey } = await enroll(ticket);
    expect([done.status, done.data.recoveryCodes?.length]).toEqual([200, 10]);
    const session = await app.send<object>('GET', '/api/v1/auth/session', { token: done.data.accessToken });
    expect(session.data).toMatchObject({ acr: 'phr', amr: ['pwd', 'otp', 'hwk', 'mfa'] });
    expect(await auditActionsOf(app, email)).toContain('factor.enrolled');
    expect(await mailsTo(app, email)).toContain('security_key_added');
    expect((await login(app, email)).data.step).toBe('second_factor');
    expect((await loginByPasskey(app, passkey)).status).toBe(200);
  });

  it('is offered beside the app, and a security key is the second factor alone', async () => {
    const { email, ticket } = await enrolling();
    const { done, passkey } = await enroll(ticket, 'security_key', withoutPin);
    expect(done.status).toBe(200);
    const next = await ticketFor(app, email, 'second_factor');
    expect((await provePasskey(app, next, passkey)).status).toBe(200);
    expect((await loginByPasskey(app, passkey)).code).toBe('invalid_passkey');
  });

  it('is set up once by twenty confirmations at once', async () => {
    const { ticket } = await enrolling();
    const { response } = registerFor(app, await optionsFor(ticket));
    const all = await Promise.all(Array.from({ length: 20 }, () => confirm(ticket, response)));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(new Set(all.flatMap(({ code }) => code ?? []))).toEqual(new Set(['invalid_ticket']));
  });

  it('and the app at once: one of them is set up, with one set of codes', async () => {
    const { email, ticket } = await enrolling();
    const secret = await beginEnrollment(app, ticket);
    const { response } = registerFor(app, await optionsFor(ticket));
    const both = await Promise.all([confirm(ticket, response), confirmEnrollment(app, ticket, codeNow(app, secret))]);
    const completed = both.filter(({ status }) => status === 200);
    expect([completed.length, completed[0]?.data.recoveryCodes?.length]).toEqual([1, 10]);
    const next = await ticketFor(app, email, 'second_factor');
    const byCode = { recoveryCode: completed[0]?.data.recoveryCodes?.[0] ?? '' };
    expect((await proveSecondFactor(app, next, byCode)).status).toBe(200);
  });

  it('is refused for the challenge of another ticket, of a session, and one that is too old; the ticket stays', async () => {
    const [mine, other] = [await enrolling(), await enrolling()];
    const { accessToken: token } = await addLoggedInUser(app);
    const foreign = registerFor(app, await optionsFor(other.ticket)).response;
    const ofSession = registerFor(app, await creationOptionsFor(app, { token })).response;
    for (const response of [foreign, ofSession]) {
      expect(await confirm(mine.ticket, response)).toMatchObject({ status: 401, code: 'invalid_passkey' });
    }
    expect((await enroll(mine.ticket)).done.status).toBe(200);
    expect((await confirm(other.ticket, foreign)).status).toBe(200);
  });

  it('is refused when it belongs to another user, or a passkey has no user verification', async () => {
    const first = await enrolling();
    const { passkey } = await enroll(first.ticket);
    const { ticket } = await enrolling();
    const taken = registerFor(app, await optionsFor(ticket), { credential: passkey.credential }).response;
    expect(await confirm(ticket, taken)).toMatchObject({ status: 409, code: 'passkey_exists' });
    const unverified = registerFor(app, await optionsFor(ticket), { flags: withoutPin }).response;
    expect((await confirm(ticket, unverified)).code).toBe('invalid_passkey');
    expect((await enroll(ticket)).done.status).toBe(200);
  });

  it('ends the other login in progress', async () => {
    const user = await addUserWithRole(app);
    const [first, second] = [await enrollmentTicket(app, user), await enrollmentTicket(app, user)];
    const { response } = registerFor(app, await optionsFor(second));
    expect((await enroll(first)).done.status).toBe(200);
    expect(await confirm(second, response)).toMatchObject({ status: 401, code: 'invalid_ticket' });
  });

  it('422 with both proofs, and with none', async () => {
    const { ticket } = await enrolling();
    const { response } = registerFor(app, await optionsFor(ticket));
    for (const json of [{ ticket }, { ticket, code: '123456', passkey: response }]) {
      expect((await app.send('POST', `${path}/confirm`, { json })).status).toBe(422);
    }
  });
});

describe('the setting LATCHKEY_PASSKEYS', () => {
  it('off: a login offers the app alone, and refuses a passkey', async () => {
    const before = await Application.open();
    const user = await addUserWithRole(before);
    const ticket = await enrollmentTicket(before, user);
    const json = { ticket, kind: 'passkey' };
    const options = await before.send<{ publicKey: CreationOptionsJson }>('POST', path, { json });
    const { response: passkey } = registerFor(before, options.data.publicKey);
    const after = await Application.open({ env: { LATCHKEY_PASSKEYS: 'off' }, deploymentOf: before });
    expect(await after.send('POST', path, { json })).toMatchObject({ code: 'passkeys_unavailable' });
    expect(await after.send('POST', `${path}/confirm`, { json: { ticket, passkey } })).toMatchObject({
      code: 'passkeys_unavailable',
    });
    const mailbox = await ticketFor(after, user.email, 'confirm_mailbox');
    const proven = await verifyMailbox(after, mailbox, await requestCodeFor(after, mailbox, user.userId));
    expect(proven.data).toMatchObject({ step: 'enroll_second_factor', factors: ['totp'] });
    await after.close();
    await before.close();
  });

  it('device_bound: a login refuses a passkey that can be synced', async () => {
    const app = await Application.open({ env: { LATCHKEY_PASSKEYS: 'device_bound' } });
    const ticket = await enrollmentTicket(app, await addUserWithRole(app));
    const { data } = await app.send<{ publicKey: CreationOptionsJson }>('POST', path, {
      json: { ticket, kind: 'passkey' },
    });
    const { response: passkey } = registerFor(app, data.publicKey, { flags: synced });
    expect(await app.send('POST', `${path}/confirm`, { json: { ticket, passkey } })).toMatchObject({
      status: 409,
      code: 'passkey_not_allowed',
    });
    await app.close();
  });
});

/** Every operation that declares a step-up: a stolen session that is not recent changes nothing (RFC 9470). */
import { beforeAll, describe, expect, it } from 'vitest';
import { present } from '#kernel/assert.ts';
import type { Endpoint } from '#platform/http/index.ts';
import { fieldsOf } from './login-gate/walk.ts';
import { Application, type AppResponse, type RequestOptions } from './support/application.ts';
import { addUserWithoutPassword } from './support/mailbox-codes.ts';
import { addTotpUser, codeNow } from './support/second-factors.ts';
import { changedTables, digestTables } from './support/table-digests.ts';
import {
  addCookieSession,
  addLoggedInUser,
  mailsTo,
  sameOrigin,
  type Tokens,
  uniqueEmail,
  validPassword,
} from './support/user-actions.ts';

let app: Application;
/** The operations of the API. */
let operations: readonly Endpoint[];
let pages: readonly Endpoint[];

beforeAll(async () => {
  app = await Application.open({ manual: true });
  await app.services.revocations.start();
  const declaring = app.endpoints.filter(({ auth }) => auth.stepUp !== undefined);
  operations = declaring.filter(({ kind }) => kind === 'api');
  pages = declaring.filter(({ kind }) => kind === 'page');
  return () => app.close();
});

/** Reviewed by hand: an operation that is delicate and missing here has lost its declaration. */
const delicate: readonly string[] = [
  'account.delete',
  'change_email.request',
  'factors.set_mfa',
  'identities.remove',
  'passkeys.add',
  'passkeys.change',
  'passkeys.options',
  'passkeys.remove',
  'password.change',
  'recovery_codes.make',
  'totp.begin',
  'totp.confirm',
  'totp.remove',
];

/** Reviewed by hand, like the operations. */
const delicatePages: readonly string[] = [
  'account.show_delete',
  'account.submit_delete',
  'change_email.show_request',
  'change_email.submit_request',
  'identities.show_connect',
  'identities.show_disconnect',
  'identities.show_link',
  'identities.submit_connect',
  'identities.submit_disconnect',
  'identities.submit_link',
  'passkeys.show_add',
  'passkeys.show_remove',
  'passkeys.show_rename',
  'passkeys.show_resume',
  'passkeys.submit_add',
  'passkeys.submit_remove',
  'passkeys.submit_rename',
  'passkeys.submit_resume',
  'password.show_change',
  'password.submit_change',
  'recovery_codes.show',
  'recovery_codes.submit',
  'totp.show',
  'totp.show_remove',
  'totp.submit',
  'totp.submit_remove',
];

/** Those whose successes need an authenticator or a provider: the tests of their flows have them. */
const ofPasskeys = (id: string) => /^(?:passkeys|identities)\./.test(id);

/** Those that change nothing that a user must be told about. */
const withoutMail: readonly string[] = ['totp.begin'];

/** The values that only a preparation provides. */
const preparations: Readonly<Record<string, (token: string) => Promise<Readonly<Record<string, unknown>>>>> = {
  'totp.confirm': async (token) => {
    const { data } = await app.send<{ secret: string }>('POST', '/api/v1/users/me/totp', { token, json: {} });
    return { code: codeNow(app, data.secret, 1) };
  },
};

function bodyOf(endpoint: Endpoint, given: Readonly<Record<string, unknown>> = {}): RequestOptions {
  const values: Readonly<Record<string, unknown>> = {
    newEmail: uniqueEmail('moved'),
    newPassword: 'another horse, another battery',
    code: '000000',
    enabled: false,
    ...given,
  };
  const names = fieldsOf(endpoint).filter((name) => values[name] !== undefined);
  const json = Object.fromEntries(names.map((name) => [name, values[name]]));
  return endpoint.method === 'DELETE' && names.length === 0 && fieldsOf(endpoint).length === 0 ? {} : { json };
}

function send(endpoint: Endpoint, token: string, given?: Readonly<Record<string, unknown>>): Promise<AppResponse> {
  const path = endpoint.path.replace('{id}', '01890000-0000-7000-8000-000000000000').replace('{provider}', 'none');
  return app.send(endpoint.method, path, { token, ...bodyOf(endpoint, given) });
}

const makeStale = () => app.clock.advance(301_000);

async function stepUp(token: string, json: object): Promise<Tokens> {
  const { status, data, code } = await app.send<Tokens>('POST', '/api/v1/auth/step-up', { token, json });
  if (status !== 200) throw new Error(`the step-up was rejected: ${code}`);
  return data;
}

async function expectNothing(request: () => Promise<AppResponse>, what: string): Promise<void> {
  const before = await digestTables(app);
  const { status, code, headers } = await request();
  expect([status, code], what).toEqual([401, 'step_up_required']);
  expect(headers.get('www-authenticate'), what).toContain('error="insufficient_user_authentication"');
  expect(headers.get('www-authenticate'), what).toContain('max_age="300"');
  const changed = changedTables(before, await digestTables(app));
  // A request with a body that proves something is a use of the rate limit; nothing else may change.
  expect(
    changed.filter((table) => !['rate_limit_counters', 'sessions'].includes(table)),
    what,
  ).toEqual([]);
}

it('the operations that declare a step-up are the reviewed ones', () => {
  expect(operations.map(({ id }) => id).toSorted()).toEqual([...delicate]);
  expect(pages.map(({ id }) => id).toSorted()).toEqual([...delicatePages]);
});

it('a page leads a session that is not recent to the step-up, and changes nothing', async () => {
  const { cookie } = await addCookieSession(app);
  app.clock.advance(21 * 60_000);
  const before = await digestTables(app);
  // A page that asks for the password as well asks for a step-up only of users with a second factor.
  for (const { id, method, path } of pages.filter(({ auth }) => auth.stepUp?.orPassword === undefined)) {
    const form = { act: 'confirm', code: '000000' };
    const response = await app.send(
      method,
      path,
      method === 'GET' ? { cookie } : { cookie, form, headers: sameOrigin },
    );
    expect([id, response.status, response.headers.get('location')]).toEqual([
      id,
      303,
      expect.stringMatching(/^\/step-up\?continue=/),
    ]);
  }
  const changed = changedTables(before, await digestTables(app));
  expect(changed.filter((table) => !['rate_limit_counters', 'sessions'].includes(table))).toEqual([]);
});

describe('a session that authenticated more than five minutes ago', () => {
  it('changes nothing without a password', async () => {
    const { accessToken } = await addLoggedInUser(app);
    makeStale();
    for (const endpoint of operations) await expectNothing(() => send(endpoint, accessToken), endpoint.id);
  });

  it('changes nothing with the password of a user with a second factor', async () => {
    const { accessToken } = await addTotpUser(app);
    makeStale();
    for (const endpoint of operations) {
      const given = { currentPassword: validPassword };
      await expectNothing(() => send(endpoint, accessToken, given), endpoint.id);
    }
  });

  it('changes nothing for a user without a password, whatever password is sent', async () => {
    const { accessToken } = await addUserWithoutPassword(app);
    makeStale();
    for (const endpoint of operations) {
      const given = { currentPassword: validPassword };
      await expectNothing(() => send(endpoint, accessToken, given), endpoint.id);
    }
  });

  it('with the current password of a user without a second factor is enough where the body takes it', async () => {
    for (const endpoint of operations.filter(({ auth }) => auth.stepUp?.orPassword === true)) {
      const { accessToken, email } = await addLoggedInUser(app);
      makeStale();
      const wrong = await send(endpoint, accessToken, { currentPassword: 'never the password' });
      expect([wrong.status, wrong.code], endpoint.id).toEqual([403, 'invalid_password']);
      expect((await send(endpoint, accessToken, { currentPassword: validPassword })).status, endpoint.id).toBeLessThan(
        300,
      );
      expect((await mailsTo(app, email)).length, endpoint.id).toBeGreaterThan(1);
    }
  });
});

describe('a session that has stepped up', () => {
  it.each(delicate.filter((id) => !ofPasskeys(id)))('%s succeeds, and mails the user', async (id) => {
    const endpoint = present(
      operations.find((operation) => operation.id === id),
      id,
    );
    const user = await addTotpUser(app);
    makeStale();
    const { accessToken } = await stepUp(user.accessToken, { code: codeNow(app, user.secret) });
    const before = (await mailsTo(app, user.email)).length;
    const given = { currentPassword: validPassword, ...(await preparations[id]?.(accessToken)) };
    const { status, code } = await send(endpoint, accessToken, given);
    expect([code, status < 300]).toEqual([undefined, true]);
    const mails = (await mailsTo(app, user.email)).length - before;
    expect(mails > 0).toBe(!withoutMail.includes(id));
  });

  it('changes the address and deletes the account without the password', async () => {
    for (const id of ['change_email.request', 'account.delete']) {
      const endpoint = present(
        operations.find((operation) => operation.id === id),
        id,
      );
      const { accessToken } = await addLoggedInUser(app);
      makeStale();
      const stepped = await stepUp(accessToken, { password: validPassword });
      expect((await send(endpoint, stepped.accessToken)).status, id).toBeLessThan(300);
    }
  });

  it('still needs the current password to change it, and a wrong one is refused', async () => {
    const endpoint = present(
      operations.find(({ id }) => id === 'password.change'),
      'the change of the password',
    );
    for (const add of [addLoggedInUser, addTotpUser]) {
      const { accessToken, email } = await add(app);
      const missing = await send(endpoint, accessToken);
      expect([missing.status, missing.code]).toEqual([422, 'validation_failed']);
      expect(missing.errors).toEqual([
        { path: '/currentPassword', code: 'required', message: 'Enter your current password.' },
      ]);
      expect((await send(endpoint, accessToken, { currentPassword: 'wrong' })).code).toBe('invalid_password');
      expect(await mailsTo(app, email)).not.toContain('password_changed');
    }
  });

  it('a second factor that is set up during the request ends it', async () => {
    const endpoint = present(
      operations.find(({ id }) => id === 'account.delete'),
      'the deletion',
    );
    const { accessToken: token, email } = await addLoggedInUser(app);
    const { database } = app.services;
    const transaction = database.transaction.bind(database);
    let isEnrolled = false;
    database.transaction = async (work) => {
      if (isEnrolled) return transaction(work);
      isEnrolled = true;
      const { data } = await app.send<{ secret: string }>('POST', '/api/v1/users/me/totp', { token, json: {} });
      const json = { code: codeNow(app, data.secret) };
      const { status } = await app.send('POST', '/api/v1/users/me/totp/confirm', { token, json });
      expect(status).toBe(200);
      return transaction(work);
    };
    const response = await send(endpoint, token, { currentPassword: validPassword });
    database.transaction = transaction;
    expect(response.code).toBe('not_authenticated');
    expect(await mailsTo(app, email)).not.toContain('account_deletion_scheduled');
  });
});

import { createHash } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { UnfinishedAttempts } from '#domain/attempts/index.ts';
import { DeviceTokens } from '#domain/devices/index.ts';
import { MailLedger } from '#domain/mail-ledger/index.ts';
import type { MailRequestDeps } from '#domain/mail-requests/index.ts';
import { OneTimeTokens, openReturnAddress } from '#domain/one-time-tokens/index.ts';
import { RefreshTokens } from '#domain/refresh-tokens/index.ts';
import { AccessTokens } from '#domain/session-issuance/index.ts';
import { SigningKeys } from '#domain/signing-keys/index.ts';
import { Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import { statement } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import { hashSecret } from '#protocol/secret-token/index.ts';
import { countRoundTrips, describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import { wrongCode } from '#test/support/login-by-mail.ts';
import { completeMailRequests } from '#test/support/mail-requests.ts';
import { type PressLink, pressLink } from './press-link.ts';
import { type LoginMethod, type RequestLogin, requestMailLogin } from './request.ts';
import { type TypeCode, typeCode } from './type-code.ts';

type LoginByMail = RequestLogin & PressLink & TypeCode;

const newest = statement('login_by_mail_test.newest', {
  lane: 'pool',
  sql: `select id, key_id, hash, browser_hash, tries, outcome, sealed_payload from one_time_tokens
    where user_id = :userId order by created_at desc, id desc limit 1`,
  params: { userId: 'uuid' },
  columns: {
    id: 'uuid',
    keyId: 'uuid',
    hash: 'bytea',
    browserHash: 'bytea?',
    tries: 'int4',
    outcome: 'text?',
    sealedPayload: 'bytea?',
  },
});
const after = statement('login_by_mail_test.after', {
  lane: 'pool',
  sql: `select
      (select count(*) from sessions s where s.user_id = :userId) as sessions,
      (select count(*) from audit_events a where a.user_id = :userId and a.action = 'login.succeeded') as events,
      coalesce((select sum(failures) from attempt_counters c
        where c.kind = 'email_code' and c.key = decode(replace(:userId::text, '-', ''), 'hex')), 0)::int4 as failures`,
  params: { userId: 'uuid' },
  columns: { sessions: 'int8?', events: 'int8?', failures: 'int4?' },
});

const caller: Caller = {
  address: '203.0.113.7',
  userAgent: 'test',
  acceptLanguage: undefined,
  requestId: 'r',
  deviceCookie: undefined,
};
const wanted = { transport: 'token', deviceToken: undefined } as const;

describeOnBothDatabases('login by mail', (database) => {
  let fixture: DomainFixture;
  let flow: LoginByMail & MailRequestDeps;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    flow = await flowOf(fixture);
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  async function requestFor(method: LoginMethod, continueTo?: string) {
    const asked = { canonical: user.email, transport: 'token', continueTo, caller } as const;
    const requested = await requestMailLogin(flow, method, asked);
    await completeMailRequests(flow);
    const row = present(await database().row(newest, { userId: user.id }), 'the token');
    const browserSecret = requested.browserToken;
    return { row, browserSecret, text: flow.tokens.secret(row.id, method, row.keyId) };
  }

  const type = (code: string, browserSecret: string | undefined) =>
    typeCode(flow, { ...wanted, canonical: user.email, code, browserSecret }, caller);
  const press = (text: string, browserSecret: string | undefined) =>
    pressLink(flow, { ...wanted, text, browserSecret }, caller);
  const countAfterwards = () => database().row(after, { userId: user.id });

  it('issues exactly one session for twenty concurrent uses of a link', async () => {
    const { text, browserSecret } = await requestFor('magic_link');
    const outcomes = await outcomesOf(() => press(text, browserSecret));
    expect(outcomes.filter((outcome) => outcome === 'done').length).toBe(1);
    expect(outcomes.filter((outcome) => outcome === 'invalid_token').length).toBe(19);
    expect(await countAfterwards()).toEqual({ sessions: 1, events: 1, failures: 0 });
  });

  it('issues exactly one session for twenty concurrent uses of a code', async () => {
    const { text, browserSecret } = await requestFor('email_code');
    const outcomes = await outcomesOf(() => type(text, browserSecret));
    expect(outcomes.filter((outcome) => outcome === 'done').length).toBe(1);
    expect(new Set(outcomes)).not.toContain('error');
    const { sessions, events } = present(await countAfterwards(), 'the counts');
    expect([sessions, events]).toEqual([1, 1]);
  });

  it('counts every attempt before it compares, and lets five of forty concurrent ones through', async () => {
    const { text, browserSecret } = await requestFor('email_code');
    let by = 0;
    const attempt = () => {
      by += 1;
      return type(wrongCode(text, by), browserSecret);
    };
    const outcomes = [...(await outcomesOf(attempt)), ...(await outcomesOf(attempt))];
    expect(outcomes.filter((outcome) => outcome === 'invalid_code').length).toBe(5);
    expect(outcomes.filter((outcome) => outcome === 'too_many_requests').length).toBe(35);
    expect([(await countAfterwards())?.failures, (await newestToken()).tries]).toEqual([5, 5]);
  });

  const newestToken = async () => present(await database().row(newest, { userId: user.id }), 'the token');

  it('neither consumes nor counts the code when a later write fails', async () => {
    const { text, browserSecret } = await requestFor('email_code');
    const failing: LoginByMail = {
      ...flow,
      audit: Object.assign(Object.create(flow.audit) as LoginByMail['audit'], {
        values: () => {
          throw new Error('the audit log is away');
        },
      }),
    };
    const typed = { ...wanted, canonical: user.email, code: text, browserSecret };
    await expect(typeCode(failing, typed, caller)).rejects.toThrow('the audit log is away');
    await flow.unfinishedAttempts.giveBack();
    expect(await countAfterwards()).toEqual({ sessions: 0, events: 0, failures: 0 });
    expect((await type(text, browserSecret)).kind).toBe('done');
  });

  it('leads the login of a link to the return address of its request', async () => {
    const { text, browserSecret } = await requestFor('magic_link', 'https://app.example/notes?id=7');
    expect(await press(text, browserSecret)).toMatchObject({
      kind: 'done',
      continueTo: 'https://app.example/notes?id=7',
    });
    const without = await requestFor('magic_link');
    expect(await press(without.text, without.browserSecret)).toMatchObject({ kind: 'done', continueTo: null });
  });

  describe('at rest', () => {
    it('encrypts the return address under the key of the user', async () => {
      const { row } = await requestFor('magic_link', 'https://app.example/notes?id=7');
      const sealed = present(row.sealedPayload, 'the payload');
      expect(sealed.toString('latin1')).not.toContain('app.example');
      const userKey = present(await flow.users.key(user.id), 'the key of the user');
      expect(openReturnAddress(userKey, row.id, sealed)).toBe('https://app.example/notes?id=7');
    });

    it('stores neither the code nor the browser secret: the code is keyed for the browser, and both are hashed', async () => {
      const { row, text, browserSecret } = await requestFor('email_code');
      const plain = createHash('sha256').update(text).digest();
      expect(row.hash.equals(plain)).toBe(false);
      expect(row.browserHash).toEqual(hashSecret(browserSecret ?? ''));
      const of = { id: row.id, keyId: row.keyId, browserHash: row.browserHash ?? Buffer.alloc(32) };
      expect(flow.tokens.codeHash(text, of)).toEqual(row.hash);
      for (const other of [
        flow.tokens.codeHash(wrongCode(text), of),
        flow.tokens.codeHash(text, { ...of, browserHash: hashSecret('another browser') }),
        flow.tokens.codeHash(text, { ...of, id: user.id }),
      ]) {
        expect(other.equals(row.hash)).toBe(false);
      }
    });
  });

  it('takes one round trip for a request and two for a wrong code, with or without a user', async () => {
    const roundTripsOfRequest = (method: LoginMethod, canonical: string) =>
      countRoundTrips(database(), () => requestMailLogin(flow, method, { canonical, transport: 'token', caller }));
    for (const method of ['magic_link', 'email_code'] as const) {
      expect(await roundTripsOfRequest(method, user.email)).toEqual(['jobs.enqueue']);
      expect(await roundTripsOfRequest(method, 'absent@people.example')).toEqual(['jobs.enqueue']);
    }
    const { text, browserSecret } = await requestFor('email_code');
    const attempt = (canonical: string) =>
      countRoundTrips(database(), async () => {
        const typed = { ...wanted, canonical, code: wrongCode(text), browserSecret };
        await expect(typeCode(flow, typed, caller)).rejects.toThrow('invalid_code');
      });
    const twice = ['login_by_mail.reserve_attempt', 'audit_events.record'];
    expect([await attempt(user.email), await attempt('absent@people.example')]).toEqual([twice, twice]);
  });
});

async function flowOf(fixture: DomainFixture): Promise<LoginByMail & MailRequestDeps> {
  const onReload = () => undefined;
  const signingKeys = await new SigningKeys({ ...fixture, algorithm: 'ES256', onReload }).open();
  return {
    ...fixture,
    users: new Users(fixture),
    unfinishedAttempts: new UnfinishedAttempts(fixture),
    tokens: new OneTimeTokens(fixture),
    mail: new MailLedger({ ...fixture, publicUrl: 'https://login.example' }),
    devices: new DeviceTokens(fixture.keys),
    limits: { takeMail: async () => true },
    secondFactorFor: 'admins',
    passkeys: { accepted: 'any', rpId: 'login.example', origins: ['https://login.example'], name: 'Login' },
    accessTokens: new AccessTokens({
      ...fixture,
      signingKeys,
      issuer: 'https://login.example',
    }),
    refreshTokens: new RefreshTokens(fixture),
    loginByMail: { magicLink: true, magicLinkSeconds: 600, emailCode: true, emailCodeSeconds: 600 },
  };
}

/** Twenty concurrent attempts: the kind of each result, the code of the problem, or `error` for anything else. */
function outcomesOf(attempt: () => Promise<{ readonly kind: string }>): Promise<string[]> {
  const one = () =>
    attempt().then(
      ({ kind }) => kind,
      (error: unknown) => (error instanceof Problem ? error.code : 'error'),
    );
  return Promise.all(Array.from({ length: 20 }, one));
}

import { beforeAll, beforeEach, expect, it } from 'vitest';
import { DeviceTokens } from '#domain/devices/index.ts';
import { MailLedger } from '#domain/mail-ledger/index.ts';
import type { MailRequestDeps } from '#domain/mail-requests/index.ts';
import { issueToken, OneTimeTokens, type Purpose } from '#domain/one-time-tokens/index.ts';
import { HashQueue, PasswordHashes, passwordAssociatedData } from '#domain/passwords/index.ts';
import { Users } from '#domain/users/index.ts';
import { statement } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import { countRoundTrips, describeOnBothDatabases } from '#test/support/databases.ts';
import {
  addSession,
  addUser,
  type DomainFixture,
  openDomainFixture,
  type TestUser,
} from '#test/support/domain-fixture.ts';
import { completeMailRequests } from '#test/support/mail-requests.ts';
import { offlineRules } from '#test/support/password-rules.ts';
import { type ForgotPassword, forgotPassword } from './forgot-password.ts';
import { type ResetPassword, resetPassword } from './reset-password.ts';

const links = statement('recover_test.links', {
  lane: 'pool',
  sql: `select id, purpose, key_id, outcome from one_time_tokens where user_id = :userId order by id`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', purpose: 'text', keyId: 'uuid', outcome: 'text?' },
});
const state = statement('recover_test.state', {
  lane: 'pool',
  sql: `select u.auth_epoch, p.sealed_phc,
      (select count(*) from sessions s where s.user_id = u.id and s.ended_at is null) as active_sessions,
      (select count(*) from refresh_families f where f.user_id = u.id and f.ended_at is null) as active_families,
      (select count(*) from mail_ledger m where m.user_id = u.id and m.template = 'password_reset_done') as mails,
      (select count(*) from audit_events a where a.user_id = u.id and a.action = 'password.reset') as events
    from users u join passwords p on p.user_id = u.id where u.id = :userId`,
  params: { userId: 'uuid' },
  columns: {
    authEpoch: 'int4',
    sealedPhc: 'bytea',
    activeSessions: 'int8',
    activeFamilies: 'int8',
    mails: 'int8',
    events: 'int8',
  },
});
const unverify = statement('recover_test.unverify', {
  lane: 'pool',
  sql: `update identifiers set verified_at = null where id = :id`,
  params: { id: 'uuid' },
  columns: {},
});
const address = statement('recover_test.address', {
  lane: 'pool',
  sql: `select u.name, i.verified_at from users u join identifiers i on i.user_id = u.id where u.id = :userId`,
  params: { userId: 'uuid' },
  columns: { name: 'text', verifiedAt: 'timestamptz?' },
});

const caller: Caller = {
  address: '203.0.113.7',
  userAgent: 'test',
  acceptLanguage: undefined,
  requestId: 'r',
  deviceCookie: undefined,
};
const hourMs = 3600 * 1000;

describeOnBothDatabases('account recovery', (database) => {
  let fixture: DomainFixture;
  let flow: ForgotPassword & ResetPassword & MailRequestDeps;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    const queue = new HashQueue({ concurrency: 2, queueLength: 100 });
    flow = {
      ...fixture,
      passwordRules: offlineRules(fixture),
      hashes: await PasswordHashes.create(queue, { memoryKib: 8, iterations: 1, parallelism: 1 }),
      users: new Users(fixture),
      tokens: new OneTimeTokens(fixture),
      devices: new DeviceTokens(fixture.keys),
      limits: { takeMail: async () => true },
      mail: new MailLedger({ ...fixture, publicUrl: 'https://login.example' }),
    };
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  const readState = () => database().row(state, { userId: user.id });

  /** Requests a link and returns its token. */
  async function requestLink(): Promise<string> {
    await forgotPassword(flow, user.email, caller);
    await completeMailRequests(flow);
    const row = (await database().rows(links, { userId: user.id })).at(-1);
    return flow.tokens.secret(row?.id ?? '', row?.purpose ?? '', row?.keyId ?? '');
  }

  async function isPasswordOf(password: string): Promise<boolean> {
    const sealed = (await readState())?.sealedPhc ?? Buffer.alloc(0);
    const phc = fixture.keys.open('password', sealed, passwordAssociatedData(user.id)).toString('utf8');
    return flow.hashes.matches(password, phc);
  }

  const outcomeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'set',
      (error: { readonly code: string }) => error.code,
    );

  it('sets exactly one of twenty passwords that are sent at once with one link, and ends all sessions', async () => {
    for (const transport of ['cookie', 'token', 'token'] as const) await addSession(fixture, user, transport);
    const token = await requestLink();
    const passwords = Array.from({ length: 20 }, (_, index) => `the new password ${index}`);
    const outcomes = await Promise.all(
      passwords.map((chosen) => outcomeOf(resetPassword(flow, token, chosen, caller))),
    );
    const winner = outcomes.indexOf('set');
    expect(outcomes.toSpliced(winner, 1)).toEqual(Array.from({ length: 19 }, () => 'invalid_token'));
    expect(await readState()).toMatchObject({
      authEpoch: 2,
      activeSessions: 0,
      activeFamilies: 0,
      mails: 1,
      events: 1,
    });
    expect(await isPasswordOf(passwords[winner] ?? '')).toBe(true);
  });

  it('uses exactly one of twenty links at once', async () => {
    const tokens: string[] = [];
    for (let count = 0; count < 20; count += 1) tokens.push(await requestLink());
    const outcomes = await Promise.all(
      tokens.map((token, index) => outcomeOf(resetPassword(flow, token, `the new password ${index}`, caller))),
    );
    expect(outcomes.filter((outcome) => outcome === 'set')).toHaveLength(1);
    const ends = (await database().rows(links, { userId: user.id })).map(({ outcome }) => outcome);
    expect(ends.filter((outcome) => outcome === 'used')).toHaveLength(1);
    expect(ends.filter((outcome) => outcome === 'replaced')).toHaveLength(19);
  });

  it('accepts a link until a millisecond before one hour has passed', async () => {
    const token = await requestLink();
    fixture.time.advance(hourMs - 1);
    await resetPassword(flow, token, 'the new password', caller);
    expect(await isPasswordOf('the new password')).toBe(true);
  });

  it('rejects a link after one hour', async () => {
    const token = await requestLink();
    fixture.time.advance(hourMs);
    await expect(resetPassword(flow, token, 'the new password', caller)).rejects.toMatchObject({
      code: 'invalid_token',
    });
  });

  it('replaces every other link of the user except those that defeat an attacker', async () => {
    const { id: userId, identifierId } = user;
    const purposes: Purpose[] = ['verify_email', 'confirm_email_change', 'undo_email_change', 'cancel_deletion'];
    for (const purpose of purposes) await addLink(purpose, userId, identifierId);
    await resetPassword(flow, await requestLink(), 'the new password', caller);
    const ends = (await database().rows(links, { userId })).map(({ purpose, outcome }) => [purpose, outcome]);
    expect(Object.fromEntries(ends)).toEqual({
      verify_email: 'replaced',
      confirm_email_change: 'replaced',
      undo_email_change: null,
      cancel_deletion: null,
      reset_password: 'used',
    });
  });

  async function addLink(purpose: Purpose, userId: string, identifierId: string): Promise<void> {
    const token = { id: flow.tokens.newId(), purpose, userId, identifierId, authEpoch: 1, sealedPayload: null };
    await database().transaction((tx) => issueToken(tx, flow.tokens.values({ ...token, now: fixture.clock.now() })));
  }

  it('verifies an unverified address and discards the name of its registration', async () => {
    await database().run(unverify, { id: user.identifierId });
    const token = await requestLink();
    await resetPassword(flow, token, 'the new password', caller);
    expect(await database().row(address, { userId: user.id })).toEqual({ name: '', verifiedAt: fixture.clock.now() });
  });

  it('keeps the name of a user with a verified address', async () => {
    await resetPassword(flow, await requestLink(), 'the new password', caller);
    expect(await database().row(address, { userId: user.id })).toMatchObject({ name: 'Ada' });
  });

  it('runs the same one statement for a known and an unknown address', async () => {
    const request = (email: string) => countRoundTrips(database(), () => forgotPassword(flow, email, caller));
    expect(await request(user.email)).toEqual(['jobs.enqueue']);
    expect(await request('unknown@people.example')).toEqual(['jobs.enqueue']);
  });
});

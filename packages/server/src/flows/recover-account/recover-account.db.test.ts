import { beforeAll, beforeEach, expect, it } from 'vitest';
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
const after = statement('recover_test.after', {
  lane: 'pool',
  sql: `select u.auth_epoch, p.sealed_phc,
      (select count(*) from sessions s where s.user_id = u.id and s.ended_at is null) as live_sessions,
      (select count(*) from refresh_families f where f.user_id = u.id and f.ended_at is null) as live_families,
      (select count(*) from mail_ledger m where m.user_id = u.id and m.template = 'password_reset_done') as mails,
      (select count(*) from audit_events a where a.user_id = u.id and a.action = 'password.reset') as events
    from users u join passwords p on p.user_id = u.id where u.id = :userId`,
  params: { userId: 'uuid' },
  columns: {
    authEpoch: 'int4',
    sealedPhc: 'bytea',
    liveSessions: 'int8',
    liveFamilies: 'int8',
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

describeOnBothDatabases('recovering an account', (database) => {
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
      mail: new MailLedger({ ...fixture, publicUrl: 'https://login.example' }),
    };
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  const stand = () => database().row(after, { userId: user.id });

  /** Asks for a link and answers its token, the newest of the user. */
  async function askLink(): Promise<string> {
    await forgotPassword(flow, user.email, caller);
    await completeMailRequests(flow);
    const row = (await database().rows(links, { userId: user.id })).at(-1);
    return flow.tokens.secret(row?.id ?? '', row?.purpose ?? '', row?.keyId ?? '');
  }

  async function opens(password: string): Promise<boolean> {
    const sealed = (await stand())?.sealedPhc ?? Buffer.alloc(0);
    const phc = fixture.keys.open('password', sealed, passwordAssociatedData(user.id)).toString('utf8');
    return flow.hashes.matches(password, phc);
  }

  const outcomeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'set',
      (error: { readonly code: string }) => error.code,
    );

  it('by one link with twenty passwords at once sets exactly one, and nothing older lives', async () => {
    for (const transport of ['cookie', 'token', 'token'] as const) await addSession(fixture, user, transport);
    const token = await askLink();
    const passwords = Array.from({ length: 20 }, (_, index) => `the new password ${index}`);
    const outcomes = await Promise.all(
      passwords.map((chosen) => outcomeOf(resetPassword(flow, token, chosen, caller))),
    );
    const winner = outcomes.indexOf('set');
    expect(outcomes.toSpliced(winner, 1)).toEqual(Array.from({ length: 19 }, () => 'invalid_token'));
    expect(await stand()).toMatchObject({ authEpoch: 2, liveSessions: 0, liveFamilies: 0, mails: 1, events: 1 });
    expect(await opens(passwords[winner] ?? '')).toBe(true);
  });

  it('by twenty links at once uses exactly one', async () => {
    const tokens: string[] = [];
    for (let count = 0; count < 20; count += 1) tokens.push(await askLink());
    const outcomes = await Promise.all(
      tokens.map((token, index) => outcomeOf(resetPassword(flow, token, `the new password ${index}`, caller))),
    );
    expect(outcomes.filter((outcome) => outcome === 'set')).toHaveLength(1);
    const ends = (await database().rows(links, { userId: user.id })).map(({ outcome }) => outcome);
    expect(ends.filter((outcome) => outcome === 'used')).toHaveLength(1);
    expect(ends.filter((outcome) => outcome === 'replaced')).toHaveLength(19);
  });

  it('works until the millisecond before the hour is over', async () => {
    const token = await askLink();
    fixture.time.advance(hourMs - 1);
    await resetPassword(flow, token, 'the new password', caller);
    expect(await opens('the new password')).toBe(true);
  });

  it('is refused from the hour on', async () => {
    const token = await askLink();
    fixture.time.advance(hourMs);
    await expect(resetPassword(flow, token, 'the new password', caller)).rejects.toMatchObject({
      code: 'invalid_token',
    });
  });

  it('kills every other link of the user but those that defeat a thief', async () => {
    const { id: userId, identifierId } = user;
    const purposes: Purpose[] = ['verify_email', 'confirm_email_change', 'undo_email_change', 'cancel_deletion'];
    for (const purpose of purposes) await giveLink(purpose, userId, identifierId);
    await resetPassword(flow, await askLink(), 'the new password', caller);
    const ends = (await database().rows(links, { userId })).map(({ purpose, outcome }) => [purpose, outcome]);
    expect(Object.fromEntries(ends)).toEqual({
      verify_email: 'replaced',
      confirm_email_change: 'replaced',
      undo_email_change: null,
      cancel_deletion: null,
      reset_password: 'used',
    });
  });

  async function giveLink(purpose: Purpose, userId: string, identifierId: string): Promise<void> {
    const token = { id: flow.tokens.newId(), purpose, userId, identifierId, authEpoch: 1, sealedPayload: null };
    await database().transaction((tx) => issueToken(tx, flow.tokens.values({ ...token, now: fixture.clock.now() })));
  }

  it('proves an address that nobody had proven, and drops the name that was given with it', async () => {
    await database().run(unverify, { id: user.identifierId });
    const token = await askLink();
    await resetPassword(flow, token, 'the new password', caller);
    expect(await database().row(address, { userId: user.id })).toEqual({ name: '', verifiedAt: fixture.clock.now() });
  });

  it('keeps the name of somebody whose address was proven', async () => {
    await resetPassword(flow, await askLink(), 'the new password', caller);
    expect(await database().row(address, { userId: user.id })).toMatchObject({ name: 'Ada' });
  });

  it('asks the database once for a link, whoever has the address', async () => {
    const ask = (email: string) => countRoundTrips(database(), () => forgotPassword(flow, email, caller));
    expect(await ask(user.email)).toEqual(['jobs.enqueue']);
    expect(await ask('nobody@people.example')).toEqual(['jobs.enqueue']);
  });
});

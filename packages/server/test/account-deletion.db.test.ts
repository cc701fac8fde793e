/** Deletion, cancellation and erasure of an account, also concurrently, on both databases. */
import { createSecretKey } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attemptKey, countFailures } from '#domain/attempts/index.ts';
import { findHolderOfEmail } from '#domain/identifiers/index.ts';
import { MailLedger } from '#domain/mail-ledger/index.ts';
import { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { HashQueue, PasswordHashes, passwordAssociatedData, setPassword } from '#domain/passwords/index.ts';
import { RegistrationHook } from '#domain/registrations/index.ts';
import { Revocations } from '#domain/revocations/index.ts';
import { Users } from '#domain/users/index.ts';
import { createInvitation } from '#flows/admin-invitations/index.ts';
import { cancelDeletion } from '#flows/cancel-deletion/cancel-deletion.ts';
import { type DeleteAccount, deleteAccount } from '#flows/delete-account/delete-account.ts';
import { eraseDueAccounts, eraseHandlers } from '#flows/erase-accounts/index.ts';
import { present } from '#kernel/assert.ts';
import { type Database, statement } from '#platform/database/index.ts';
import type { Principal } from '#platform/http/index.ts';
import { readCatalogues } from '#platform/i18n/index.ts';
import { openKeys } from '#platform/keys/index.ts';
import { Outbound } from '#platform/outbound/index.ts';
import { readDestination } from '#protocol/outbound-url/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';

import { describeOnBothDatabases } from './support/databases.ts';

import { addSession, addUser, type DomainFixture, openDomainFixture, type TestUser } from './support/domain-fixture.ts';
import { operator } from './support/operator.ts';
import { acceptedPassword } from './support/password-rules.ts';
import { sealedColumnsContaining } from './support/sealed-values.ts';
import { tablesContaining } from './support/tables-containing.ts';

const findCancelLink = statement('deletion_test.cancel_link', {
  lane: 'pool',
  sql: `select id, key_id from one_time_tokens where user_id = :userId and purpose = 'cancel_deletion' order by id desc
    limit 1`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', keyId: 'uuid' },
});
const countMails = statement('deletion_test.mails', {
  lane: 'pool',
  sql: `select template from mail_ledger where user_id = :userId order by id`,
  params: { userId: 'uuid' },
  columns: { template: 'text' },
});
const readEvents = statement('deletion_test.events', {
  lane: 'pool',
  sql: `select action, convert_from(body, 'UTF8') as body from audit_events where user_id = :userId order by id`,
  params: { userId: 'uuid' },
  columns: { action: 'text', body: 'text?' },
});
const insertReply = statement('deletion_test.insert_reply', {
  lane: 'pool',
  sql: `insert into mail_attempts (mail_id, number, started_at, outcome, smtp_reply)
    select id, 1, created_at, 'failed', :reply from mail_ledger where user_id = :userId`,
  params: { userId: 'uuid', reply: 'text' },
  columns: {},
});
const listErased = statement('deletion_test.erased', {
  lane: 'pool',
  sql: `select key_id, subject_hmac from erased_subjects`,
  params: {},
  columns: { keyId: 'uuid', subjectHmac: 'bytea' },
});
const readState = statement('deletion_test.state', {
  lane: 'pool',
  sql: `select status, deletes_at, auth_epoch from users where id = :userId`,
  params: { userId: 'uuid' },
  columns: { status: 'text', deletesAt: 'timestamptz?', authEpoch: 'int4' },
});
const insertLateAttempt = statement('deletion_test.count_late', {
  lane: 'pool',
  sql: `insert into attempt_counters (kind, key, known, failures, last_failed_at) values ('password', :key, true, 1, :now)`,
  params: { key: 'bytea', now: 'timestamptz' },
  columns: {},
});
const findLateJob = statement('deletion_test.late_job', {
  lane: 'pool',
  sql: `select id, kind, payload, run_at from jobs where kind = 'erase.counters' and payload ->> 'userId' = :userId`,
  params: { userId: 'text' },
  columns: { id: 'uuid', kind: 'text', payload: 'jsonb', runAt: 'timestamptz' },
});

const takeAddress = statement('deletion_test.take_address', {
  lane: 'pool',
  sql: 'update identifiers set as_typed = :email, canonical = :email where user_id = :userId',
  params: { userId: 'uuid', email: 'text' },
  columns: {},
});

const password = 'correct horse battery staple';
const graceMs = 7 * 24 * 3600 * 1000;
const caller = {
  address: '192.0.2.99',
  userAgent: 'Agent of Ada',
  acceptLanguage: undefined,
  requestId: 'r',
  deviceCookie: undefined,
};

/** The flows on one fixture; no worker sends mail. */
async function openFlow(fixture: DomainFixture) {
  const queue = new HashQueue({ concurrency: 2, queueLength: 100 });
  const hashes = await PasswordHashes.create(queue, { memoryKib: 8, iterations: 1, parallelism: 1 });
  return {
    ...fixture,
    hashes,
    users: new Users(fixture),
    tokens: new OneTimeTokens(fixture),
    mail: new MailLedger({ ...fixture, publicUrl: 'https://login.example' }),
    catalogues: readCatalogues(),
    graceDays: 7,
    stepUpSeconds: 300,
    secondFactorFor: 'admins' as const,
  };
}

type Flow = Awaited<ReturnType<typeof openFlow>>;

/** The outcome of each promise: `ok`, or the code of its problem. */
async function outcomesOf(promises: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) =>
    result.status === 'fulfilled' ? 'ok' : ((result.reason as { code?: string }).code ?? 'bug'),
  );
}

describeOnBothDatabases('deletion of an account', (database: () => Database) => {
  let fixture: DomainFixture;
  let flow: Flow;
  let user: TestUser;
  let principal: Principal;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    flow = await openFlow(fixture);
  });

  beforeEach(async () => {
    user = await addUser(fixture);
    const phc = await flow.hashes.compute(acceptedPassword(password));
    const sealed = fixture.keys.seal('password', phc, passwordAssociatedData(user.id));
    await setPassword(database(), user.id, sealed, fixture.clock.now());
    const { sessionId } = await addSession(fixture, user, 'token');
    const now = fixture.clock.now();
    principal = {
      userId: user.id,
      subject: user.id,
      email: user.email,
      name: 'Ada',
      roles: [],
      sessionId,
      clientId: fixture.client.id,
      authEpoch: 1,
      transport: 'token',
      acr: '1',
      amr: ['pwd'],
      authTime: now,
      expiresAt: now,
      sessionExpiresAt: now,
      iso: { authTime: now.toISOString(), expiresAt: now.toISOString() },
    };
  });

  const scheduleDeletion = (more: Partial<DeleteAccount> = {}) =>
    deleteAccount({ ...flow, ...more }, principal, password, caller);
  const state = () => database().row(readState, { userId: user.id });
  const actions = async () => (await database().rows(readEvents, { userId: user.id })).map(({ action }) => action);
  const mails = async () => (await database().rows(countMails, { userId: user.id })).map(({ template }) => template);
  const erase = () => eraseDueAccounts(flow);
  const unreachableHook = () =>
    new RegistrationHook({
      ...fixture,
      outbound: new Outbound({
        clock: fixture.clock,
        readDestination: (url, policy) => readDestination(url, { ...policy, production: false }),
        parseJson: parseStrictJson,
        observe: () => undefined,
      }),
      settings: {
        url: 'http://127.0.0.1:1/',
        secret: createSecretKey(Buffer.alloc(32, 7)),
        timeoutMs: 1000,
        whenDown: 'refuse',
        allowPrivate: true,
      },
    });
  const cancel = (text: string) => cancelDeletion(flow, { by: 'link', text }, caller);

  async function cancelLink(): Promise<string> {
    const { id, keyId } = present(await database().row(findCancelLink, { userId: user.id }), 'the cancel link');
    return flow.tokens.secret(id, 'cancel_deletion', keyId);
  }

  it('schedules one of ten concurrent deletions, with one mail and one event', async () => {
    const outcomes = await outcomesOf(Array.from({ length: 10 }, () => scheduleDeletion()));
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1);
    // Concurrent attempts beyond the free ones are rejected, right or wrong.
    expect(['not_authenticated', 'ok', 'too_many_requests']).toEqual(expect.arrayContaining(outcomes));
    expect([await actions(), await mails()]).toEqual([['account.deletion_scheduled'], ['account_deletion_scheduled']]);
    expect(await state()).toMatchObject({ status: 'pending_deletion', authEpoch: 2 });
  });

  it('cancels once when twenty requests consume the link at once', async () => {
    await scheduleDeletion();
    const link = await cancelLink();
    const outcomes = await outcomesOf(Array.from({ length: 20 }, () => cancel(link)));
    expect(outcomes.sort()).toEqual([...Array(19).fill('invalid_token'), 'ok']);
    expect([await actions(), await mails()]).toEqual([
      ['account.deletion_scheduled', 'account.deletion_canceled'],
      ['account_deletion_scheduled', 'account_deletion_canceled'],
    ]);
    expect(await state()).toEqual({ status: 'active', deletesAt: null, authEpoch: 3 });
  });

  it('cancels by a link that was issued before the epoch was raised', async () => {
    await scheduleDeletion();
    await database().transaction((tx) => flow.users.raiseEpoch(tx, user.id));
    await cancel(await cancelLink());
    expect(await state()).toMatchObject({ status: 'active' });
  });

  it('rejects the link of an earlier deletion', async () => {
    await scheduleDeletion();
    const first = await cancelLink();
    await cancel(first);
    principal = { ...principal, authEpoch: 3 };
    await scheduleDeletion();
    expect(await outcomesOf([cancel(first)])).toEqual(['invalid_token']);
    await cancel(await cancelLink());
  });

  it('can be canceled until the last millisecond of the grace period, and is not erased earlier', async () => {
    const deletesAt = await scheduleDeletion();
    expect(deletesAt.getTime() - fixture.clock.now().getTime()).toBe(graceMs);
    fixture.time.advance(graceMs - 1);
    await erase();
    await cancel(await cancelLink());
    fixture.time.advance(1);
    await erase();
    expect(await state()).toMatchObject({ status: 'active' });
  });

  it('is erased, and no longer canceled, from the end of the grace period on', async () => {
    await scheduleDeletion();
    const link = await cancelLink();
    fixture.time.advance(graceMs);
    expect(await outcomesOf([cancel(link)])).toEqual(['invalid_token']);
    expect(await erase()).toBe(1);
    expect(await state()).toBeUndefined();
    expect(await outcomesOf([cancel(link)])).toEqual(['invalid_token']);
  });

  it('is either canceled or erased when both start at the last moment', async () => {
    await scheduleDeletion();
    const link = await cancelLink();
    fixture.time.advance(graceMs - 1);
    const cancellation = outcomesOf([cancel(link)]);
    fixture.time.advance(1);
    const [[outcome], erased] = await Promise.all([cancellation, erase()]);
    expect([
      ['ok', 0, 'active'],
      ['invalid_token', 1, undefined],
    ]).toContainEqual([outcome, erased, (await state())?.status]);
  });

  it('is erased once when three nodes erase at once', async () => {
    await scheduleDeletion();
    fixture.time.advance(graceMs);
    const counts = await Promise.all([erase(), erase(), erase()]);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(await actions()).toEqual(['account.deletion_scheduled', 'account.erased']);
  });

  it('mails no cancel link without a grace period, and is erased by the next job', async () => {
    await scheduleDeletion({ graceDays: 0 });
    expect(await mails()).toEqual(['account_deleted']);
    expect(await database().row(findCancelLink, { userId: user.id })).toBeUndefined();
    expect(await erase()).toBe(1);
  });

  it('rejects a wrong password and counts it', async () => {
    const wrong = () => deleteAccount(flow, principal, 'not the password', caller);
    expect(await outcomesOf([wrong(), wrong()])).toEqual(['invalid_password', 'invalid_password']);
    expect([await state(), await actions()]).toMatchObject([
      { status: 'active', authEpoch: 1 },
      ['account.deletion_refused', 'account.deletion_refused'],
    ]);
  });

  it('does not erase a disabled account', async () => {
    await scheduleDeletion();
    await database().transaction((tx) => flow.users.changeStatus(tx, user.id, 'disabled'));
    fixture.time.advance(graceMs);
    expect(await erase()).toBe(0);
    expect(await state()).toMatchObject({ status: 'disabled', deletesAt: null });
  });

  describe('erasure', () => {
    it('removes address, name, client info and key everywhere, and the audit log still parses', async () => {
      const other = await addUser(fixture);
      await scheduleDeletion();
      await database().run(insertReply, { userId: user.id, reply: `550 <${user.email}> is unknown` });
      const tables = await tablesContaining(database(), user.email);
      expect(tables).toEqual(expect.arrayContaining(['identifiers', 'mail_attempts']));
      fixture.time.advance(graceMs);
      await erase();
      for (const text of [user.email, caller.address, caller.userAgent, user.wrappedKey.toString('hex')]) {
        expect(await tablesContaining(database(), text)).toEqual([]);
      }
      expect(await flow.users.key(user.id)).toBeUndefined();
      const events = await database().rows(readEvents, { userId: user.id });
      expect(events.map(({ body }) => (JSON.parse(body ?? '') as { action: string }).action)).toEqual([
        'account.deletion_scheduled',
        'account.erased',
      ]);
      expect(await flow.users.key(other.id)).toBeDefined();
    });

    it('leaves nothing of the user in any sealed column that any existing key opens', async () => {
      const other = await addUser(fixture);
      const email = `${fixture.makeId()}@invited.example`;
      const invitation = { email: { asTyped: email, canonical: email }, locale: 'en', role: null };
      await createInvitation(flow, operator, invitation);
      await database().run(takeAddress, { userId: user.id, email });
      await scheduleDeletion();
      for (const applicant of [email, other.email]) {
        const form = { via: 'register', email: applicant, name: 'Ada', locale: 'en' } as const;
        await expect(unreachableHook().admit(form, caller)).rejects.toThrow('unavailable');
      }
      const texts = [email];
      expect(await sealedColumnsContaining(database(), fixture.keys, texts)).toEqual(
        expect.arrayContaining(['audit_events.body']),
      );
      fixture.time.advance(graceMs);
      await erase();
      expect(await sealedColumnsContaining(database(), fixture.keys, texts)).toEqual([]);
      expect(await sealedColumnsContaining(database(), fixture.keys, [other.email])).toEqual(['audit_events.body']);
    });

    it('deletes, a minute later, the attempts counted by a login that had read the user before', async () => {
      await scheduleDeletion();
      fixture.time.advance(graceMs);
      await erase();
      const now = fixture.clock.now();
      await database().run(insertLateAttempt, { key: attemptKey(user.id), now });
      const job = present(await database().row(findLateJob, { userId: user.id }), 'the job');
      expect(job.runAt.getTime() - now.getTime()).toBe(60_000);
      const handler = eraseHandlers(flow).find(({ kind }) => kind === job.kind);
      const { signal } = new AbortController();
      expect(await handler?.handle({ ...job, attempt: 1, createdAt: now }, signal)).toEqual({ kind: 'done' });
      expect(await countFailures(database(), user.id)).toBe(0);
    });

    it('releases the address but never the subject', async () => {
      const keyId = fixture.keys.currentKeyId('lookup');
      const erased = { keyId, subjectHmac: fixture.keys.mac('lookup', `subject:${user.id}`, keyId) };
      await scheduleDeletion();
      fixture.time.advance(graceMs);
      expect(await database().rows(listErased, {})).not.toContainEqual(erased);
      await erase();
      expect(await findHolderOfEmail(database(), user.email.toLowerCase())).toBeUndefined();
      expect(await database().rows(listErased, {})).toContainEqual(erased);
    });

    it('is published to every node, which drops the key from its cache', async () => {
      const keys = await openKeys(fixture);
      const onError = (error: unknown) => {
        throw error;
      };
      const onUserRevoked = (userId: string) => keys.forgetUserKey(userId);
      const otherNode = { revocations: new Revocations({ ...fixture, onError, onUserRevoked }) };
      await scheduleDeletion();
      fixture.time.advance(graceMs);
      const cached = keys.unwrapUserKey(user.id, user.wrappedKey);
      expect(keys.unwrapUserKey(user.id, user.wrappedKey)).toBe(cached);
      await erase();
      await otherNode.revocations.read();
      expect(keys.unwrapUserKey(user.id, user.wrappedKey)).not.toBe(cached);
      const session = { sessionId: fixture.makeId(), userId: user.id, authEpoch: 2, kid: undefined };
      expect(otherNode.revocations.isRevoked(session)).toBe(true);
    });
  });
});

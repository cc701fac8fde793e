/** The end of an account, whoever else is at it: close, keep and erase, on both databases. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attemptKey, countFailures } from '#domain/attempts/index.ts';
import { findHolderOfEmail } from '#domain/identifiers/index.ts';
import { MailLedger } from '#domain/mail-ledger/index.ts';
import { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { HashQueue, PasswordHashes, passwordAssociatedData, setPassword } from '#domain/passwords/index.ts';
import { Revocations } from '#domain/revocations/index.ts';
import { Users } from '#domain/users/index.ts';
import { cancelDeletion } from '#flows/cancel-deletion/cancel-deletion.ts';
import { type DeleteAccount, deleteAccount } from '#flows/delete-account/delete-account.ts';
import { eraseDueAccounts, eraseHandlers } from '#flows/erase-accounts/index.ts';
import { present } from '#kernel/assert.ts';
import { type Database, statement } from '#platform/database/index.ts';
import type { Principal } from '#platform/http/index.ts';
import { readCatalogues } from '#platform/i18n/index.ts';
import { openKeys } from '#platform/keys/index.ts';
import { describeOnBothDatabases } from './support/databases.ts';
import { addSession, addUser, type DomainFixture, openDomainFixture, type TestUser } from './support/domain-fixture.ts';
import { acceptedPassword } from './support/password-rules.ts';
import { tablesContaining } from './support/tables-containing.ts';

const findCancelLink = statement('closing_test.keep_link', {
  lane: 'pool',
  sql: `select id, key_id from one_time_tokens where user_id = :userId and purpose = 'cancel_deletion' order by id desc
    limit 1`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', keyId: 'uuid' },
});
const countMails = statement('closing_test.mails', {
  lane: 'pool',
  sql: `select template from mail_ledger where user_id = :userId order by id`,
  params: { userId: 'uuid' },
  columns: { template: 'text' },
});
const readEvents = statement('closing_test.events', {
  lane: 'pool',
  sql: `select action, convert_from(body, 'UTF8') as body from audit_events where user_id = :userId order by id`,
  params: { userId: 'uuid' },
  columns: { action: 'text', body: 'text?' },
});
const speakOfMail = statement('closing_test.speak', {
  lane: 'pool',
  sql: `insert into mail_attempts (mail_id, number, started_at, outcome, smtp_reply)
    select id, 1, created_at, 'failed', :reply from mail_ledger where user_id = :userId`,
  params: { userId: 'uuid', reply: 'text' },
  columns: {},
});
const listErased = statement('closing_test.erased', {
  lane: 'pool',
  sql: `select key_id, subject_hmac from erased_subjects`,
  params: {},
  columns: { keyId: 'uuid', subjectHmac: 'bytea' },
});
const readState = statement('closing_test.state', {
  lane: 'pool',
  sql: `select status, deletes_at, auth_epoch from users where id = :userId`,
  params: { userId: 'uuid' },
  columns: { status: 'text', deletesAt: 'timestamptz?', authEpoch: 'int4' },
});
const countLate = statement('closing_test.count_late', {
  lane: 'pool',
  sql: `insert into attempt_counters (kind, key, known, failures, last_failed_at) values ('password', :key, true, 1, :now)`,
  params: { key: 'bytea', now: 'timestamptz' },
  columns: {},
});
const findLateJob = statement('closing_test.late_job', {
  lane: 'pool',
  sql: `select id, kind, payload, run_at from jobs where kind = 'erase.counters' and payload ->> 'userId' = :userId`,
  params: { userId: 'text' },
  columns: { id: 'uuid', kind: 'text', payload: 'jsonb', runAt: 'timestamptz' },
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

/** The flows, over one world; nothing is sent. */
async function flowOver(world: DomainFixture) {
  const queue = new HashQueue({ concurrency: 2, queueLength: 100 });
  const hashes = await PasswordHashes.create(queue, { memoryKib: 8, iterations: 1, parallelism: 1 });
  return {
    ...world,
    hashes,
    users: new Users(world),
    tokens: new OneTimeTokens(world),
    mail: new MailLedger({ ...world, publicUrl: 'https://login.example' }),
    catalogues: readCatalogues(),
    graceDays: 7,
  };
}

type Flow = Awaited<ReturnType<typeof flowOver>>;

/** What became of each: `ok`, or the code of its refusal. */
async function outcomesOf(all: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(all);
  return settled.map((one) => (one.status === 'fulfilled' ? 'ok' : ((one.reason as { code?: string }).code ?? 'bug')));
}

describeOnBothDatabases('the end of an account', (database: () => Database) => {
  let world: DomainFixture;
  let flow: Flow;
  let person: TestUser;
  let principal: Principal;

  beforeAll(async () => {
    world = await openDomainFixture(database());
    flow = await flowOver(world);
  });

  beforeEach(async () => {
    person = await addUser(world);
    const phc = await flow.hashes.compute(acceptedPassword(password));
    const sealed = world.keys.seal('password', phc, passwordAssociatedData(person.id));
    await setPassword(database(), person.id, sealed, world.clock.now());
    const { sessionId } = await addSession(world, person, 'token');
    principal = {
      userId: person.id,
      subject: person.id,
      sessionId,
      clientId: world.client.id,
      authEpoch: 1,
      transport: 'token',
      acr: '1',
      amr: ['pwd'],
      authTime: world.clock.now(),
      expiresAt: world.clock.now(),
    };
  });

  const close = (more: Partial<DeleteAccount> = {}) => deleteAccount({ ...flow, ...more }, principal, password, caller);
  const state = () => database().row(readState, { userId: person.id });
  const actions = async () => (await database().rows(readEvents, { userId: person.id })).map(({ action }) => action);
  const mails = async () => (await database().rows(countMails, { userId: person.id })).map(({ template }) => template);
  const erase = () => eraseDueAccounts(flow);
  const keep = (text: string) => cancelDeletion(flow, { by: 'link', text }, caller);

  async function cancelLink(): Promise<string> {
    const { id, keyId } = present(await database().row(findCancelLink, { userId: person.id }), 'the keep link');
    return flow.tokens.secret(id, 'cancel_deletion', keyId);
  }

  it('closes once of ten times at once, with one mail and one event', async () => {
    const outcomes = await outcomesOf(Array.from({ length: 10 }, () => close()));
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1);
    // More guesses at once than fingers slip are refused, right or wrong.
    expect(['not_authenticated', 'ok', 'too_many_requests']).toEqual(expect.arrayContaining(outcomes));
    expect([await actions(), await mails()]).toEqual([['account.deletion_scheduled'], ['account_deletion_scheduled']]);
    expect(await state()).toMatchObject({ status: 'pending_deletion', authEpoch: 2 });
  });

  it('is kept once of twenty who press the link at once', async () => {
    await close();
    const link = await cancelLink();
    const outcomes = await outcomesOf(Array.from({ length: 20 }, () => keep(link)));
    expect(outcomes.sort()).toEqual([...Array(19).fill('invalid_token'), 'ok']);
    expect([await actions(), await mails()]).toEqual([
      ['account.deletion_scheduled', 'account.deletion_canceled'],
      ['account_deletion_scheduled', 'account_deletion_canceled'],
    ]);
    expect(await state()).toEqual({ status: 'active', deletesAt: null, authEpoch: 3 });
  });

  it('is kept by a link that outlives an epoch raised since', async () => {
    await close();
    await database().transaction((tx) => flow.users.raiseEpoch(tx, person.id));
    await keep(await cancelLink());
    expect(await state()).toMatchObject({ status: 'active' });
  });

  it('leaves nothing to the link of an earlier closing', async () => {
    await close();
    const first = await cancelLink();
    await keep(first);
    principal = { ...principal, authEpoch: 3 };
    await close();
    expect(await outcomesOf([keep(first)])).toEqual(['invalid_token']);
    await keep(await cancelLink());
  });

  it('can be kept until the last millisecond of the grace, and is not erased before its end', async () => {
    const deletesAt = await close();
    expect(deletesAt.getTime() - world.clock.now().getTime()).toBe(graceMs);
    world.time.advance(graceMs - 1);
    await erase();
    await keep(await cancelLink());
    world.time.advance(1);
    await erase();
    expect(await state()).toMatchObject({ status: 'active' });
  });

  it('is erased, and not kept, exactly from the end of the grace on', async () => {
    await close();
    const link = await cancelLink();
    world.time.advance(graceMs);
    expect(await outcomesOf([keep(link)])).toEqual(['invalid_token']);
    expect(await erase()).toBe(1);
    expect(await state()).toBeUndefined();
    expect(await outcomesOf([keep(link)])).toEqual(['invalid_token']);
  });

  it('is kept or erased, never both, when both begin at the last moment', async () => {
    await close();
    const link = await cancelLink();
    world.time.advance(graceMs - 1);
    const kept = outcomesOf([keep(link)]);
    world.time.advance(1);
    const [[outcome], erased] = await Promise.all([kept, erase()]);
    expect([
      ['ok', 0, 'active'],
      ['invalid_token', 1, undefined],
    ]).toContainEqual([outcome, erased, (await state())?.status]);
  });

  it('is erased once when two nodes erase at once', async () => {
    await close();
    world.time.advance(graceMs);
    const counts = await Promise.all([erase(), erase(), erase()]);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(await actions()).toEqual(['account.deletion_scheduled', 'account.erased']);
  });

  it('with no grace says goodbye without a link, and is erased by the next job', async () => {
    await close({ graceDays: 0 });
    expect(await mails()).toEqual(['account_deleted']);
    expect(await database().row(findCancelLink, { userId: person.id })).toBeUndefined();
    expect(await erase()).toBe(1);
  });

  it('is not closed by a wrong password, and each one counts', async () => {
    const wrong = () => deleteAccount(flow, principal, 'not the password', caller);
    expect(await outcomesOf([wrong(), wrong()])).toEqual(['invalid_password', 'invalid_password']);
    expect([await state(), await actions()]).toMatchObject([
      { status: 'active', authEpoch: 1 },
      ['account.deletion_refused', 'account.deletion_refused'],
    ]);
  });

  it('is not erased while somebody disabled it', async () => {
    await close();
    await database().transaction((tx) => flow.users.changeStatus(tx, person.id, 'disabled'));
    world.time.advance(graceMs);
    expect(await erase()).toBe(0);
    expect(await state()).toMatchObject({ status: 'disabled', deletesAt: null });
  });

  describe('erasing', () => {
    it('leaves neither address, name, surroundings nor key anywhere, and the log still parses', async () => {
      const stranger = await addUser(world);
      await close();
      await database().run(speakOfMail, { userId: person.id, reply: `550 <${person.email}> is unknown` });
      const holding = await tablesContaining(database(), person.email);
      expect(holding).toEqual(expect.arrayContaining(['identifiers', 'mail_attempts']));
      world.time.advance(graceMs);
      await erase();
      for (const text of [person.email, caller.address, caller.userAgent, person.wrappedKey.toString('hex')]) {
        expect(await tablesContaining(database(), text)).toEqual([]);
      }
      expect(await flow.users.key(person.id)).toBeUndefined();
      const events = await database().rows(readEvents, { userId: person.id });
      expect(events.map(({ body }) => (JSON.parse(body ?? '') as { action: string }).action)).toEqual([
        'account.deletion_scheduled',
        'account.erased',
      ]);
      expect(await flow.users.key(stranger.id)).toBeDefined();
    });

    it('forgets a minute later what a login counted that had read the user before', async () => {
      await close();
      world.time.advance(graceMs);
      await erase();
      const now = world.clock.now();
      await database().run(countLate, { key: attemptKey(person.id), now });
      const job = present(await database().row(findLateJob, { userId: person.id }), 'the job');
      expect(job.runAt.getTime() - now.getTime()).toBe(60_000);
      const handler = eraseHandlers(flow).find(({ kind }) => kind === job.kind);
      const { signal } = new AbortController();
      expect(await handler?.handle({ ...job, attempt: 1, createdAt: now }, signal)).toEqual({ kind: 'done' });
      expect(await countFailures(database(), person.id)).toBe(0);
    });

    it('frees the address, and never the subject', async () => {
      const keyId = world.keys.currentKeyId('lookup');
      const erased = { keyId, subjectHmac: world.keys.mac('lookup', `subject:${person.id}`, keyId) };
      await close();
      world.time.advance(graceMs);
      expect(await database().rows(listErased, {})).not.toContainEqual(erased);
      await erase();
      expect(await findHolderOfEmail(database(), person.email.toLowerCase())).toBeUndefined();
      expect(await database().rows(listErased, {})).toContainEqual(erased);
    });

    it('is announced to every node, which forgets the key', async () => {
      const keys = await openKeys(world);
      const onError = (error: unknown) => {
        throw error;
      };
      const onUserEnded = (userId: string) => keys.forgetUserKey(userId);
      const otherNode = { revocations: new Revocations({ ...world, onError, onUserEnded }) };
      await close();
      world.time.advance(graceMs);
      const remembered = keys.unwrapUserKey(person.id, person.wrappedKey);
      expect(keys.unwrapUserKey(person.id, person.wrappedKey)).toBe(remembered);
      await erase();
      await otherNode.revocations.read();
      expect(keys.unwrapUserKey(person.id, person.wrappedKey)).not.toBe(remembered);
      const session = { sessionId: world.makeId(), userId: person.id, authEpoch: 2, kid: undefined };
      expect(otherNode.revocations.hasEnded(session)).toBe(true);
    });
  });
});

import { beforeAll, describe, expect, it } from 'vitest';
import { deleteHeldIdentifiers } from '#domain/identifiers/index.ts';
import { MailLedger, type MailTemplate, mailHandler } from '#domain/mail-ledger/index.ts';
import { OneTimeTokens, type Purpose } from '#domain/one-time-tokens/index.ts';
import { HashQueue, PasswordHashes, passwordAssociatedData, setPassword } from '#domain/passwords/index.ts';
import { Users } from '#domain/users/index.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import { idMaker } from '#kernel/ids.ts';
import { Problem } from '#kernel/problem.ts';
import { statement } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import { readCatalogues } from '#platform/i18n/index.ts';
import { Inbox } from '#platform/mail/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import {
  addSession,
  addUser,
  type DomainFixture,
  openDomainFixture,
  type TestUser,
} from '#test/support/domain-fixture.ts';
import { mailTheme } from '#test/support/mail-theme.ts';
import { acceptedPassword, offlineRules } from '#test/support/password-rules.ts';
import type { ChangeEmail } from './change-email.ts';
import { confirmChange } from './confirm.ts';
import { cancelChange, requestChange } from './request.ts';
import { undoChange } from './undo.ts';

const newestLink = statement('change_email_test.newest_link', {
  lane: 'pool',
  sql: `select id, key_id from one_time_tokens where user_id = :userId and purpose = :purpose
    order by auth_epoch desc, id desc limit 1`,
  params: { userId: 'uuid', purpose: 'text' },
  columns: { id: 'uuid', keyId: 'uuid' },
});
const confirmLinks = statement('change_email_test.confirm_links', {
  lane: 'pool',
  sql: `select id, key_id, identifier_id from one_time_tokens
    where user_id = :userId and purpose = 'confirm_email_change' order by id desc limit 2`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', keyId: 'uuid', identifierId: 'uuid?' },
});
const addressesOf = statement('change_email_test.addresses_of', {
  lane: 'pool',
  sql: `select canonical, is_primary, held_until from identifiers where user_id = :userId order by is_primary desc, id`,
  params: { userId: 'uuid' },
  columns: { canonical: 'text', isPrimary: 'bool', heldUntil: 'timestamptz?' },
});
const findMail = statement('change_email_test.find_mail', {
  lane: 'pool',
  sql: `select id from mail_ledger where user_id = :userId and template = :template`,
  params: { userId: 'uuid', template: 'text' },
  columns: { id: 'uuid' },
});
const countEffects = statement('change_email_test.count_effects', {
  lane: 'pool',
  sql: `select u.auth_epoch,
      (select count(*) from audit_events a where a.user_id = u.id and a.action = 'email.changed')::integer as events,
      (select count(*) from mail_ledger m where m.user_id = u.id and m.template = 'email_changed_notice')::integer as mails,
      (select count(*) from sessions s where s.user_id = u.id and s.ended_at is null)::integer as sessions
    from users u where u.id = :userId`,
  params: { userId: 'uuid' },
  columns: { authEpoch: 'int4', events: 'int4', mails: 'int4', sessions: 'int4' },
});

const caller: Caller = {
  address: '203.0.113.7',
  userAgent: 'test',
  acceptLanguage: undefined,
  requestId: 'r',
  deviceCookie: undefined,
};
const password = 'correct horse battery';
const undoLifetimeMs = 72 * 60 * 60 * 1000;
const rounds = Array.from({ length: 10 }, (_, round) => round);

describeOnBothDatabases('change of the email address', (database) => {
  let fixture: DomainFixture;
  let flow: ChangeEmail;

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
      catalogues: readCatalogues(),
      confirmAt: 'new',
      stepUpSeconds: 300,
      secondFactorFor: 'admins',
      emailDomains: { allow: [], deny: [] },
    };
  });

  const freshAddress = () => `${fixture.makeId()}@new.example`;
  const read = async (user: TestUser) => {
    const rows = await database().rows(addressesOf, { userId: user.id });
    return rows.map(({ canonical, isPrimary }) => `${isPrimary ? 'primary' : 'held'} ${canonical}`);
  };

  async function addOwner(): Promise<TestUser> {
    const user = await addUser(fixture);
    const phc = await flow.hashes.compute(acceptedPassword(password));
    const sealed = fixture.keys.seal('password', phc, passwordAssociatedData(user.id));
    await database().transaction((tx) => setPassword(tx, user.id, sealed, fixture.clock.now()));
    return user;
  }

  async function logIn(user: TestUser, authEpoch = 1): Promise<Principal> {
    const { sessionId } = await addSession(fixture, user, 'token', authEpoch);
    return { userId: user.id, sessionId, authEpoch, authTime: fixture.clock.now() } as Principal;
  }

  async function request(user: TestUser, canonical: string, authEpoch = 1): Promise<void> {
    const newEmail = { asTyped: canonical, canonical };
    await requestChange(flow, await logIn(user, authEpoch), { newEmail, currentPassword: password }, caller);
  }

  /** Runs the job of the user's mail with this template, and returns the messages that the transport received. */
  async function send(user: TestUser, template: MailTemplate) {
    const inbox = new Inbox();
    const handler = mailHandler({
      ...flow,
      transport: inbox,
      limits: { takeMail: async () => true },
      from: { name: '', address: 'no-reply@login.example' },
      theme: mailTheme,
      publicUrl: 'https://login.example',
      computeSecret: (tokenId, purpose, keyId) => flow.tokens.secret(tokenId, purpose, keyId),
    });
    const row = await database().row(findMail, { userId: user.id, template });
    const job = { id: fixture.makeId(), kind: handler.kind, payload: { mailId: row?.id ?? '' }, attempt: 1 };
    await handler.handle({ ...job, createdAt: fixture.clock.now() }, new AbortController().signal);
    return inbox.list().map(({ to, links }) => ({ to, pages: links.map((link) => new URL(link).pathname) }));
  }

  /** The links of the pending change: to the new address, and to the old one. */
  async function bothLinks(user: TestUser): Promise<readonly [string, string]> {
    const rows = await database().rows(confirmLinks, { userId: user.id });
    const secretOf = (row: (typeof rows)[number] | undefined) =>
      flow.tokens.secret(row?.id ?? '', 'confirm_email_change', row?.keyId ?? '');
    const find = (isOld: boolean) => secretOf(rows.find(({ identifierId }) => (identifierId !== null) === isOld));
    return [find(false), find(true)];
  }

  async function linkOf(user: TestUser, purpose: Purpose): Promise<string> {
    const row = await database().row(newestLink, { userId: user.id, purpose });
    return flow.tokens.secret(row?.id ?? '', purpose, row?.keyId ?? '');
  }

  const confirm = (link: string) => confirmChange(flow, link, caller);

  async function change(user: TestUser, canonical: string, authEpoch = 1): Promise<string> {
    await request(user, canonical, authEpoch);
    await confirm(await linkOf(user, 'confirm_email_change'));
    return linkOf(user, 'undo_email_change');
  }

  function codesOf(results: readonly PromiseSettledResult<unknown>[]): string[] {
    return results.map((result) => {
      if (result.status === 'fulfilled') return 'done';
      if (result.reason instanceof Problem) return result.reason.code;
      throw result.reason;
    });
  }

  it('changes the address once for twenty concurrent uses of a link', async () => {
    const user = await addOwner();
    const wanted = freshAddress();
    await request(user, wanted);
    const link = await linkOf(user, 'confirm_email_change');
    const codes = codesOf(await Promise.allSettled(Array.from({ length: 20 }, () => confirm(link))));
    expect(codes.filter((code) => code === 'done')).toHaveLength(1);
    expect(new Set(codes)).toEqual(new Set(['done', 'invalid_token']));
    expect(await read(user)).toEqual([`primary ${wanted}`, `held ${user.email}`]);
    const effects = await database().row(countEffects, { userId: user.id });
    expect(effects).toEqual({ authEpoch: 2, events: 1, mails: 1, sessions: 0 });
  });

  it('is overridden by a concurrent undo of an earlier change, in either order', async () => {
    for (const round of rounds) {
      const user = await addOwner();
      const undoLink = await change(user, freshAddress());
      await request(user, freshAddress(), 2);
      const link = await linkOf(user, 'confirm_email_change');
      const uses = [() => confirm(link), () => undoChange(flow, undoLink, 'another password', caller)];
      if (round % 2 === 1) uses.reverse();
      const codes = codesOf(await Promise.allSettled(uses.map((useLink) => useLink())));
      expect(codes[round % 2 === 1 ? 0 : 1]).toBe('done');
      expect(await read(user)).toEqual([`primary ${user.email}`]);
      expect(await database().row(countEffects, { userId: user.id })).toMatchObject({ sessions: 0 });
    }
  });

  it('undoes the change once for twenty concurrent uses of the link', async () => {
    const user = await addOwner();
    const link = await change(user, freshAddress());
    const useLink = () => undoChange(flow, link, 'another password', caller);
    const codes = codesOf(await Promise.allSettled(Array.from({ length: 20 }, useLink)));
    expect(codes.filter((code) => code === 'done')).toHaveLength(1);
    expect(await database().row(countEffects, { userId: user.id })).toMatchObject({ authEpoch: 3 });
    expect(await read(user)).toEqual([`primary ${user.email}`]);
  });

  it('gives an address to exactly one of two users who confirm it at once', async () => {
    for (const _ of rounds) {
      const [one, two] = [await addOwner(), await addOwner()];
      const wanted = freshAddress();
      await Promise.all([request(one, wanted), request(two, wanted)]);
      const links = [await linkOf(one, 'confirm_email_change'), await linkOf(two, 'confirm_email_change')];
      const codes = codesOf(await Promise.allSettled(links.map(confirm))).sort();
      expect(codes).toEqual(['done', 'email_unavailable']);
      const all = [...(await read(one)), ...(await read(two))];
      expect(all.filter((address) => address === `primary ${wanted}`)).toHaveLength(1);
      expect(all.filter((address) => address.startsWith('primary'))).toHaveLength(2);
    }
  });

  it('accepts concurrent requests of two users for each other’s address without a deadlock', async () => {
    for (const _ of rounds) {
      const [one, two] = [await addOwner(), await addOwner()];
      await Promise.all([request(one, two.email), request(two, one.email)]);
      expect([await read(one), await read(two)]).toEqual([[`primary ${one.email}`], [`primary ${two.email}`]]);
    }
  });

  it('holds the old address until its undo link expires', async () => {
    const user = await addOwner();
    const wanted = freshAddress();
    const link = await change(user, wanted);
    fixture.time.advance(undoLifetimeMs - 1);
    await deleteHeldIdentifiers(database(), fixture.clock.now());
    expect(await read(user)).toEqual([`primary ${wanted}`, `held ${user.email}`]);
    fixture.time.advance(1);
    await expect(undoChange(flow, link, 'another password', caller)).rejects.toMatchObject({ code: 'invalid_token' });
    await deleteHeldIdentifiers(database(), fixture.clock.now());
    expect(await read(user)).toEqual([`primary ${wanted}`]);
  });

  it('keeps the address of an earlier undo link held when a later link is used', async () => {
    const user = await addOwner();
    const [second, third] = [freshAddress(), freshAddress()];
    const first = await change(user, second);
    const later = await change(user, third, 2);
    await undoChange(flow, later, 'another password', caller);
    expect(await read(user)).toEqual([`primary ${second}`, `held ${user.email}`]);
    await undoChange(flow, first, 'a third password', caller);
    expect(await read(user)).toEqual([`primary ${user.email}`]);
  });

  it('lets the link of the first change win, also when its node was an hour ahead or behind', async () => {
    for (const hours of [1, -1]) {
      const user = await addOwner();
      const skewed: Clock = {
        now: () => addSeconds(fixture.clock.now(), hours * 3600),
        monotonicMs: () => fixture.clock.monotonicMs(),
      };
      const tokens = new OneTimeTokens({ keys: fixture.keys, makeId: idMaker(skewed) });
      await request(user, freshAddress());
      await confirmChange({ ...flow, tokens }, await linkOf(user, 'confirm_email_change'), caller);
      const owners = await linkOf(user, 'undo_email_change');
      const second = await read(user);
      const thiefs = await change(user, freshAddress(), 2);
      await undoChange(flow, thiefs, 'another password', caller);
      expect(await read(user)).toEqual(second);
      await undoChange(flow, owners, 'a third password', caller);
      expect(await read(user)).toEqual([`primary ${user.email}`]);
    }
  });

  it('sends the link to the new address, unless the change was canceled', async () => {
    const user = await addOwner();
    await request(user, 'waiting@new.example');
    expect(await send(user, 'email_change_confirm')).toEqual([
      { to: 'waiting@new.example', pages: ['/confirm-email-change'] },
    ]);
    const other = await addOwner();
    await request(other, 'canceled@new.example');
    await cancelChange(flow, await logIn(other), caller);
    expect(await send(other, 'email_change_confirm')).toEqual([]);
  });

  it('sends the undo link to the old address, also when the epoch was raised before', async () => {
    const user = await addOwner();
    await change(user, freshAddress());
    await database().transaction((tx) => flow.users.raiseEpoch(tx, user.id));
    expect(await send(user, 'email_changed_notice')).toEqual([{ to: user.email, pages: ['/undo-email-change'] }]);
  });

  describe('with confirmation at both addresses', () => {
    const both = () => ({ ...flow, confirmAt: 'both' }) as const;

    async function requestAtBoth(user: TestUser, canonical: string, authEpoch = 1) {
      const newEmail = { asTyped: canonical, canonical };
      const principal = await logIn(user, authEpoch);
      await requestChange(both(), principal, { newEmail, currentPassword: password }, caller);
      return { principal, links: await bothLinks(user) };
    }

    it('changes the address once for ten concurrent uses of each link', async () => {
      for (const round of rounds) {
        const user = await addOwner();
        const wanted = freshAddress();
        const { links } = await requestAtBoth(user, wanted);
        const uses = Array.from({ length: 10 }, () => (round % 2 === 0 ? links : links.toReversed())).flat();
        const results = await Promise.allSettled(uses.map(confirm));
        const kinds = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.kind] : []));
        expect(kinds.sort()).toEqual(['changed', 'waiting']);
        expect(new Set(codesOf(results))).toEqual(new Set(['done', 'invalid_token']));
        expect(await read(user)).toEqual([`primary ${wanted}`, `held ${user.email}`]);
        const effects = await database().row(countEffects, { userId: user.id });
        expect(effects).toEqual({ authEpoch: 2, events: 1, mails: 1, sessions: 0 });
      }
    });

    it('changes nothing after one of the two links, in either order, and consumes that link', async () => {
      for (const order of [[0, 1] as const, [1, 0] as const]) {
        const user = await addOwner();
        const wanted = freshAddress();
        const { links } = await requestAtBoth(user, wanted);
        const [first, second] = order.map((index) => links[index]) as [string, string];
        const waitingFor = order[0] === 0 ? 'old_address' : 'new_address';
        expect(await confirm(first)).toEqual({ kind: 'waiting', waitingFor });
        await expect(confirm(first)).rejects.toMatchObject({ code: 'invalid_token' });
        expect(await read(user)).toEqual([`primary ${user.email}`]);
        const effects = await database().row(countEffects, { userId: user.id });
        expect(effects).toEqual({ authEpoch: 1, events: 0, mails: 0, sessions: 1 });
        expect(await confirm(second)).toEqual({ kind: 'changed' });
        expect(await read(user)).toEqual([`primary ${wanted}`, `held ${user.email}`]);
      }
    });

    it('is revoked by a cancellation, a new request, a raised epoch or an undo, before and between its links', async () => {
      const revocations = [
        (_person: TestUser, principal: Principal) => cancelChange(flow, principal, caller),
        (user: TestUser) => requestAtBoth(user, freshAddress()),
        (user: TestUser) => request(user, freshAddress()),
        (user: TestUser) => database().transaction((tx) => flow.users.raiseEpoch(tx, user.id)),
      ];
      for (const end of revocations) {
        for (const used of [undefined, 0, 1] as const) {
          const user = await addOwner();
          const { principal, links } = await requestAtBoth(user, freshAddress());
          if (used !== undefined) await confirm(links[used]);
          await end(user, principal);
          const codes = codesOf(await Promise.allSettled(links.map(confirm)));
          expect(codes).toEqual(['invalid_token', 'invalid_token']);
          expect(await read(user)).toEqual([`primary ${user.email}`]);
        }
      }
      const user = await addOwner();
      const undoLink = await change(user, freshAddress());
      const { links } = await requestAtBoth(user, freshAddress(), 2);
      await confirm(links[1]);
      await undoChange(flow, undoLink, 'another password', caller);
      await expect(confirm(links[0])).rejects.toMatchObject({ code: 'invalid_token' });
      expect(await read(user)).toEqual([`primary ${user.email}`]);
    });

    it('keeps the number of confirmations of the request when the setting changes', async () => {
      const user = await addOwner();
      const wanted = freshAddress();
      await request(user, wanted);
      expect(await confirmChange(both(), await linkOf(user, 'confirm_email_change'), caller)).toEqual({
        kind: 'changed',
      });
    });

    it('sends a link to each address, and none to the old one after a cancellation', async () => {
      const user = await addOwner();
      await requestAtBoth(user, 'both@new.example');
      const pages = ['/confirm-email-change'];
      expect(await send(user, 'email_change_confirm')).toEqual([{ to: 'both@new.example', pages }]);
      expect(await send(user, 'email_change_approve')).toEqual([{ to: user.email, pages }]);
      const other = await addOwner();
      const { principal } = await requestAtBoth(other, freshAddress());
      await cancelChange(flow, principal, caller);
      expect(await send(other, 'email_change_approve')).toEqual([]);
    });
  });
});

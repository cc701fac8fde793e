import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DeviceTokens } from '#domain/devices/index.ts';
import { MailLedger } from '#domain/mail-ledger/index.ts';
import { RefreshTokens } from '#domain/refresh-tokens/index.ts';
import { AccessTokens, type Issuers } from '#domain/session-issuance/index.ts';
import { endSessionsOfUser } from '#domain/sessions/index.ts';
import { SigningKeys } from '#domain/signing-keys/index.ts';
import { Users } from '#domain/users/index.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases, effectsOf } from '#test/support/databases.ts';
import {
  addSession,
  addUser,
  type DomainFixture,
  openDomainFixture,
  type TestUser,
} from '#test/support/domain-fixture.ts';
import { changeUser, UnchangedUser, type UserChange, unlessUnchanged } from './index.ts';

const state = statement('user_changes_test.state', {
  lane: 'pool',
  sql: `select u.name, u.auth_epoch,
      array(select s.end_reason from sessions s where s.user_id = u.id order by s.id) as end_reasons,
      array(select convert_from(a.body, 'UTF8') from audit_events a where a.user_id = u.id order by a.id) as events,
      array(select m.template from mail_ledger m where m.user_id = u.id order by m.id) as mails
    from users u where u.id = :userId`,
  params: { userId: 'uuid' },
  columns: { name: 'text', authEpoch: 'int4', endReasons: 'text[]', events: 'text[]', mails: 'text[]' },
});

const requester = { address: '198.51.100.7', userAgent: 'Test', requestId: 'r' };
const absentId = '00000000-0000-7000-8000-000000000000';

describeOnBothDatabases('changing a user', (database) => {
  let fixture: DomainFixture;
  let users: Users;
  let mail: MailLedger;
  let issuers: Issuers;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    users = new Users(fixture);
    mail = new MailLedger({ ...fixture, publicUrl: 'https://login.example' });
    const signingKeys = await new SigningKeys({ ...fixture, algorithm: 'ES256' }).open();
    issuers = {
      ...fixture,
      devices: new DeviceTokens(fixture.keys),
      accessTokens: new AccessTokens({ ...fixture, signingKeys, issuer: 'https://login.example' }),
      refreshTokens: new RefreshTokens(fixture),
    };
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  const read = () => database().row(state, { userId: user.id });

  /** A change that renames the user and ends every session. */
  function renaming<A = void>(more: Partial<UserChange<A>> = {}): UserChange<A> {
    const now = fixture.clock.now();
    return {
      userId: user.id,
      now,
      userKey: user.key,
      apply: (tx) => users.rename(tx, user.id, 'Grace', 'en') as Promise<A>,
      sessions: { kind: 'end_all', reason: 'password_reset' },
      event: ({ endedSessions }) => ({
        action: 'password.reset',
        actor: { kind: 'user', id: user.id },
        facts: { endedSessions },
      }),
      ...more,
    };
  }

  const change = <A>(wanted: UserChange<A>) =>
    database().transaction((tx) => changeUser({ users, audit: fixture.audit }, tx, requester, wanted));

  it('writes the change, the epoch, the ended sessions, the event and the mail in one commit', async () => {
    const sessions = [await addSession(fixture, user, 'token'), await addSession(fixture, user, 'cookie')];
    const { identifierId, id: userId, key: userKey } = user;
    const notice = { template: 'password_reset_done', tokenId: null, params: {}, locale: 'en' } as const;
    const now = fixture.clock.now();
    const values = mail.values({ ...notice, userId, identifierId, userKey, now });
    const committed = await effectsOf(database(), () => change(renaming({ mail: async () => values })));
    expect(await read()).toMatchObject({
      name: 'Grace',
      authEpoch: 2,
      endReasons: ['password_reset', 'password_reset'],
      mails: ['password_reset_done'],
    });
    expect(JSON.parse((await read())?.events[0] ?? '')).toMatchObject({
      action: 'password.reset',
      facts: { endedSessions: 2 },
      personal: { key: 'user' },
    });
    const revoked = [
      { kind: 'user', target: userId, epoch: 2 },
      ...sessions.map(({ sessionId }) => ({
        kind: 'session',
        target: sessionId,
        epoch: null,
        reason: 'password_reset',
      })),
    ];
    expect(committed).toEqual([{ revoked: expect.arrayContaining(revoked), enqueued: true }]);
    expect(committed[0]?.revoked).toHaveLength(3);
  });

  it('lets the acting session go on as a new one of the new epoch', async () => {
    const { sessionId } = await addSession(fixture, user, 'token');
    await addSession(fixture, user, 'token');
    const sessions = { kind: 'renew_acting', reason: 'password_changed', sessionId, issuers } as const;
    const { renewed, endedSessions } = await change(renaming({ sessions }));
    expect(endedSessions).toBe(2);
    expect(renewed?.sessionId).not.toBe(sessionId);
    expect((await read())?.endReasons).toEqual(['password_changed', 'password_changed', null]);
  });

  describe('that does not apply', () => {
    it.each<[string, () => Promise<Partial<UserChange<void>>>]>([
      ['the user has another status', async () => ({ statuses: ['disabled'] })],
      ['the epoch rose since the session check', async () => ({ authEpoch: 0 })],
      ['its statement raises no epoch', async () => ({ raise: async () => undefined })],
      [
        'the acting session has ended',
        async () => {
          const { sessionId } = await addSession(fixture, user, 'token');
          const end = { userId: user.id, reason: 'logout', now: fixture.clock.now() } as const;
          await database().transaction((tx) => endSessionsOfUser(tx, end));
          return { sessions: { kind: 'renew_acting', reason: 'password_changed', sessionId, issuers } };
        },
      ],
    ])('writes nothing because %s', async (_, more) => {
      const wanted = renaming(await more());
      const committed = await effectsOf(database(), async () => {
        await expect(change(wanted)).rejects.toBeInstanceOf(UnchangedUser);
        const refusal = change({ ...wanted, refusal: 'not_authenticated' });
        await expect(refusal).rejects.toMatchObject({ code: 'not_authenticated' });
      });
      expect(committed).toEqual([]);
      expect(await read()).toMatchObject({ name: 'Ada', authEpoch: 1, events: [], mails: [] });
    });

    it('reports the status, or that there is no such user', async () => {
      const disabled = await unlessUnchanged(() => change(renaming({ statuses: ['disabled'] })));
      expect(disabled).toMatchObject({ name: 'UnchangedUser', status: 'active' });
      const absent = await unlessUnchanged(() => change(renaming({ userId: absentId })));
      expect(absent).toMatchObject({ name: 'UnchangedUser', status: undefined });
    });

    it('rolls back when its own statements throw', async () => {
      const failed = new Error('the link was used');
      const apply = async () => {
        throw failed;
      };
      await expect(change(renaming({ apply }))).rejects.toBe(failed);
      expect(await read()).toMatchObject({ authEpoch: 1, events: [] });
    });
  });

  it('runs after another change of the same user, and sees the epoch of that', async () => {
    const epochs = await Promise.all(Array.from({ length: 5 }, async () => (await change(renaming())).authEpoch));
    expect(epochs.sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6]);
    const atOnce = Array.from({ length: 5 }, () => unlessUnchanged(() => change(renaming({ authEpoch: 6 }))));
    const applied = (await Promise.all(atOnce)).filter((result) => !(result instanceof UnchangedUser));
    expect(applied).toHaveLength(1);
  });
});

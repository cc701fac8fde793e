import { beforeAll, beforeEach, expect, it } from 'vitest';
import { endSession } from '#domain/sessions/index.ts';
import { Users } from '#domain/users/index.ts';
import { FixedClock, MovableClock } from '#kernel/clock.ts';
import { statement } from '#platform/database/index.ts';
import { openKeys, spreadSeconds } from '#platform/keys/index.ts';
import { formatSecret, hashSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { countRoundTrips, describeOnBothDatabases } from '#test/support/databases.ts';
import {
  addSession,
  addUser,
  type DomainFixture,
  openDomainFixture,
  type TestSession,
  type TestUser,
} from '#test/support/domain-fixture.ts';
import { deleteExpiredRefreshTokens, type Refreshed, RefreshTokens } from './index.ts';

const family = statement('rotate_test.family', {
  lane: 'pool',
  sql: `select t.hash, t.uses, t.issued_at, t.expires_at, t.consumed_at, f.ended_at, s.expires_at as session_expires_at
    from refresh_tokens t join refresh_families f on f.id = t.family_id join sessions s on s.id = f.session_id
    where f.session_id = :sessionId order by t.consumed_at nulls last`,
  params: { sessionId: 'uuid' },
  columns: {
    hash: 'bytea',
    uses: 'int4',
    issuedAt: 'timestamptz',
    expiresAt: 'timestamptz',
    consumedAt: 'timestamptz?',
    endedAt: 'timestamptz?',
    sessionExpiresAt: 'timestamptz',
  },
});
const events = statement('rotate_test.events', {
  lane: 'pool',
  sql: `select action from audit_events where session_id = :sessionId order by id`,
  params: { sessionId: 'uuid' },
  columns: { action: 'text' },
});
const setGrace = statement('rotate_test.set_grace', {
  lane: 'pool',
  sql: `update clients set refresh_grace_seconds = :seconds`,
  params: { seconds: 'int4' },
  columns: {},
});
const setSessionExpiry = statement('rotate_test.set_session_expiry', {
  lane: 'pool',
  sql: `update sessions set expires_at = :at, idle_expires_at = :at where id = :sessionId`,
  params: { sessionId: 'uuid', at: 'timestamptz' },
  columns: {},
});

const deleteUser = statement('rotate_test.delete_user', {
  lane: 'pool',
  sql: `delete from users where id = :userId`,
  params: { userId: 'uuid' },
  columns: {},
});
const countTokens = statement('rotate_test.count', {
  lane: 'pool',
  sql: `select count(*)::int4 as tokens, count(f.id)::int4 as of_families
    from refresh_tokens t left join refresh_families f on f.id = t.family_id`,
  params: {},
  columns: { tokens: 'int4', ofFamilies: 'int4' },
});

const refuseSuccessors = statement('rotate_test.refuse_successors', {
  lane: 'pool',
  sql: `do $do$ begin
      create table refused_tokens (hash bytea not null);
      create function refuse_token() returns trigger language plpgsql as $$ begin
        if exists (select from refused_tokens r where r.hash = new.hash) then raise exception 'refused'; end if;
        return new;
      end $$;
      create trigger refuse_token before insert on refresh_tokens for each row execute function refuse_token();
    end $do$`,
  params: {},
  columns: {},
});
const refuseSuccessor = statement('rotate_test.refuse_successor', {
  lane: 'pool',
  sql: 'insert into refused_tokens (hash) values (:hash)',
  params: { hash: 'bytea' },
  columns: {},
});

const graceSeconds = 10;
const twenty = Array.from({ length: 20 });

describeOnBothDatabases('refresh tokens', (database) => {
  let fixture: DomainFixture;
  let users: Users;
  let tokens: RefreshTokens;
  let user: TestUser;
  let login: TestSession;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    users = new Users(fixture);
    tokens = new RefreshTokens(fixture);
  });

  beforeEach(async () => {
    await database().run(setGrace, { seconds: graceSeconds });
    user = await addUser(fixture);
    login = await addSession(fixture, user, 'token');
  });

  const rows = () => database().rows(family, { sessionId: login.sessionId });
  const actions = async () =>
    (await database().rows(events, { sessionId: login.sessionId })).map(({ action }) => action);

  async function refresh(text: string): Promise<Refreshed> {
    const answer = await tokens.rotate(text);
    if (answer.kind !== 'refreshed') throw new Error(`the token was ${answer.kind}`);
    return answer;
  }

  function end() {
    const now = fixture.clock.now();
    const { sessionId } = login;
    const request = { userId: user.id, reason: 'logout', now } as const;
    const event = { action: 'session.logged_out', at: now, actor: { kind: 'user', id: user.id }, sessionId } as const;
    return endSession(database(), sessionId, request, fixture.audit.values({ ...event, userId: user.id }));
  }

  const raise = () => database().transaction((tx) => users.raiseEpoch(tx, user.id));

  it('return the same successor to twenty concurrent callers, insert it once and record no event', async () => {
    const answers = await Promise.all(twenty.map(() => refresh(login.refreshToken)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    const [used, successor, ...more] = await rows();
    expect(more).toEqual([]);
    expect(used).toMatchObject({ hash: hashSecret(login.refreshToken), uses: 20 });
    expect(successor).toMatchObject({ hash: hashSecret(answers[0]?.refreshToken ?? ''), uses: 0, consumedAt: null });
    expect(successor?.expiresAt).toEqual(answers[0]?.refreshExpiresAt);
    expect(await actions()).toEqual([]);
  });

  it.each([
    [10_000, 'refreshed'],
    [10_001, 'reused'],
    [3_600_000, 'reused'],
  ])('have no grace period that lasts longer after a use by a clock that is %d ms ahead: %s', async (ms, kind) => {
    const fixed = new FixedClock(fixture.clock.now());
    const node = new RefreshTokens({ ...fixture, clock: fixed });
    await node.rotate(login.refreshToken);
    const behind = new FixedClock(new Date(fixed.now().getTime() - ms));
    const again = await new RefreshTokens({ ...fixture, clock: behind }).rotate(login.refreshToken);
    expect(again.kind).toBe(kind);
  });

  it('rotate in one round trip', async () => {
    expect(await countRoundTrips(database(), () => tokens.rotate(login.refreshToken))).toEqual([
      'refresh_tokens.rotate',
    ]);
  });

  it('rotate together in one round trip, each to its own successor', async () => {
    const others = await Promise.all(twenty.map(() => addSession(fixture, user, 'token')));
    const texts = others.map(({ refreshToken }) => refreshToken);
    const answers: Refreshed[] = [];
    const rotateAll = async () => answers.push(...(await Promise.all(texts.map(refresh))));
    expect(await countRoundTrips(database(), rotateAll)).toEqual(['refresh_tokens.rotate']);
    expect(answers.map(({ sessionId }) => sessionId)).toEqual(others.map(({ sessionId }) => sessionId));
    const alone = await Promise.all(texts.map((text) => new RefreshTokens(fixture).rotate(text)));
    expect(alone).toEqual(answers);
  });

  it('rotate together with rejected ones', async () => {
    const other = await addSession(fixture, user, 'token');
    const { refreshToken: unknown } = await refresh(other.refreshToken);
    await end();
    const texts = [login.refreshToken, unknown, tokens.first().text];
    const answers = await Promise.all(texts.map((text) => tokens.rotate(text)));
    expect(answers.map(({ kind }) => kind)).toEqual(['refused', 'refreshed', 'refused']);
  });

  it('rotate although another one in the same statement fails', async () => {
    await database().run(refuseSuccessors, {});
    const [bad, ...good] = await Promise.all(twenty.map(() => addSession(fixture, user, 'token')));
    const text = bad?.refreshToken ?? '';
    const successor = formatSecret(secretPrefixes.refreshToken, fixture.keys.mac('rotation', text));
    await database().run(refuseSuccessor, { hash: hashSecret(successor) });
    const failing = expect(tokens.rotate(text)).rejects.toThrow('refused');
    const answers = await Promise.all(good.map(({ refreshToken }) => refresh(refreshToken)));
    await failing;
    expect(answers.map(({ sessionId }) => sessionId)).toEqual(good.map(({ sessionId }) => sessionId));
  });

  it('return the facts that an access token needs', async () => {
    expect(await refresh(login.refreshToken)).toMatchObject({
      sessionId: login.sessionId,
      userId: user.id,
      subject: user.id,
      clientId: 'default',
      acr: 'aal1',
      amr: ['pwd'],
    });
  });

  it('return a lost response again for the whole grace period, with the same expiry', async () => {
    const first = await refresh(login.refreshToken);
    fixture.time.advance(graceSeconds * 1000 - 1);
    expect(await refresh(login.refreshToken)).toEqual(first);
  });

  it('are rejected in the grace period once the successor was used, and the family stays valid', async () => {
    const second = await refresh(login.refreshToken);
    const third = await refresh(second.refreshToken);
    expect(await tokens.rotate(login.refreshToken)).toEqual({ kind: 'refused' });
    expect((await rows()).map(({ endedAt }) => endedAt)).toEqual([null, null, null]);
    expect((await refresh(third.refreshToken)).kind).toBe('refreshed');
  });

  it('are reused after the grace period, to the millisecond', async () => {
    await refresh(login.refreshToken);
    fixture.time.advance(graceSeconds * 1000);
    expect(await tokens.rotate(login.refreshToken)).toMatchObject({
      kind: 'reused',
      sessionId: login.sessionId,
      userId: user.id,
    });
  });

  it('are reused at the second use when the client has no grace period', async () => {
    await database().run(setGrace, { seconds: 0 });
    await refresh(login.refreshToken);
    expect(await tokens.rotate(login.refreshToken)).toMatchObject({ kind: 'reused' });
  });

  it('rotate once for twenty concurrent callers when the client has no grace period', async () => {
    await database().run(setGrace, { seconds: 0 });
    const answers = await Promise.all(twenty.map(() => tokens.rotate(login.refreshToken)));
    expect(answers.filter(({ kind }) => kind === 'refreshed')).toHaveLength(1);
    expect(answers.filter(({ kind }) => kind === 'reused')).toHaveLength(19);
  });

  /**
   * Two key rings after a rotation, one of a node whose clock is behind: both know both keys, and use different ones.
   */
  async function rotateKey() {
    await database().run(setGrace, { seconds: 600 });
    const ahead = await openKeys(fixture);
    await ahead.rotateDataKey('rotation');
    const late = new MovableClock(fixture.time);
    const behind = await openKeys({ ...fixture, clock: late });
    fixture.time.advance(2 * spreadSeconds * 1000);
    late.advance(-2 * spreadSeconds * 1000);
    expect(ahead.currentKeyId('rotation')).not.toBe(behind.currentKeyId('rotation'));
    return [ahead, behind] as const;
  }

  it('have the same successor after the rotation key changed within the grace period', async () => {
    const first = await refresh(login.refreshToken);
    const [keys] = await rotateKey();
    expect(await new RefreshTokens({ ...fixture, keys }).rotate(login.refreshToken)).toEqual(first);
    expect(await rows()).toHaveLength(2);
  });

  it('have one successor when nodes with different rotation keys rotate concurrently', async () => {
    const rings = await rotateKey();
    const nodes = rings.map((keys) => new RefreshTokens({ ...fixture, keys }));
    const asking = twenty.flatMap(() => nodes.map((node) => node.rotate(login.refreshToken)));
    const answers = await Promise.all(asking);
    expect(answers[0]).toMatchObject({ kind: 'refreshed' });
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await rows()).toHaveLength(2);
  });

  it.each(['', 'lk_rt_', 'not a token'])('reject %j without a round trip', async (text) => {
    expect(await countRoundTrips(database(), () => tokens.rotate(text))).toEqual([]);
    expect(await tokens.rotate(text)).toEqual({ kind: 'refused' });
  });

  it('reject a well-formed token that was never issued', async () => {
    expect(await tokens.rotate(tokens.first().text)).toEqual({ kind: 'refused' });
  });

  it('are rejected from the millisecond of their expiry', async () => {
    const [only] = await rows();
    const at = new Date((only?.expiresAt.getTime() ?? 0) + 60_000);
    await database().run(setSessionExpiry, { sessionId: login.sessionId, at });
    fixture.time.advance((only?.expiresAt.getTime() ?? 0) - fixture.clock.now().getTime());
    expect(await tokens.rotate(login.refreshToken)).toEqual({ kind: 'refused' });
  });

  it('are rejected when the session has ended, and never reused', async () => {
    await refresh(login.refreshToken);
    await end();
    fixture.time.advance(graceSeconds * 1000);
    expect(await tokens.rotate(login.refreshToken)).toEqual({ kind: 'refused' });
  });

  it.each<[string, () => unknown]>([
    ['was idle for too long', () => fixture.time.advance(fixture.client.sessionIdleSeconds * 1000)],
    ['is of an earlier epoch', raise],
  ])('are never reused when the session %s, because there is nothing left to end', async (_, revoke) => {
    await refresh(login.refreshToken);
    await revoke();
    fixture.time.advance(graceSeconds * 1000);
    expect(await tokens.rotate(login.refreshToken)).toEqual({ kind: 'refused' });
  });

  it('are rejected when the epoch was raised', async () => {
    await raise();
    expect(await tokens.rotate(login.refreshToken)).toEqual({ kind: 'refused' });
    expect(await rows()).toHaveLength(1);
  });

  it('are rejected when the user is disabled', async () => {
    await database().transaction((tx) => users.changeStatus(tx, user.id, 'disabled'));
    expect(await tokens.rotate(login.refreshToken)).toEqual({ kind: 'refused' });
  });

  it('never outlive their session', async () => {
    const at = new Date(fixture.clock.now().getTime() + 60_000);
    await database().run(setSessionExpiry, { sessionId: login.sessionId, at });
    expect((await refresh(login.refreshToken)).refreshExpiresAt).toEqual(at);
    expect((await rows())[1]?.expiresAt).toEqual(at);
  });

  it.each([
    ['the session ends', end],
    ['the epoch is raised', raise],
  ])('leave nothing valid when rotations race with this: %s', async (_, revoke) => {
    const rotations = Promise.all(twenty.map(() => tokens.rotate(login.refreshToken)));
    const [answers] = await Promise.all([rotations, revoke()]);
    const given = answers.flatMap((answer) => (answer.kind === 'refreshed' ? [answer.refreshToken] : []));
    for (const text of [login.refreshToken, ...given]) {
      expect(await tokens.rotate(text)).toEqual({ kind: 'refused' });
    }
  });

  it('are deleted after their expiry, and not before', async () => {
    const [only] = await rows();
    const expiresAt = only?.expiresAt ?? new Date(0);
    await deleteExpiredRefreshTokens(database(), expiresAt);
    expect(await rows()).toHaveLength(1);
    await deleteExpiredRefreshTokens(database(), new Date(expiresAt.getTime() + 1));
    expect(await rows()).toHaveLength(0);
  });

  it('are deleted with their user, and those of others are not (ADR 0042)', async () => {
    const other = await addSession(fixture, await addUser(fixture), 'token');
    await tokens.rotate(login.refreshToken);
    const before = await database().row(countTokens, {});
    await database().run(deleteUser, { userId: user.id });
    const after = await database().row(countTokens, {});
    expect(before?.ofFamilies).toBe(before?.tokens);
    expect(after).toEqual({ tokens: (before?.tokens ?? 0) - 2, ofFamilies: (before?.tokens ?? 0) - 2 });
    expect((await tokens.rotate(other.refreshToken)).kind).toBe('refreshed');
    expect(await tokens.rotate(login.refreshToken)).toEqual({ kind: 'refused' });
  });
});

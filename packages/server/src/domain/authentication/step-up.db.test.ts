import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { recoveryCodeHashes } from '#domain/recovery-codes/index.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addSession, type TestUser } from '#test/support/domain-fixture.ts';
import {
  addAuthenticator,
  addPasswordUser,
  addRecoveryCodes,
  eventsOf,
  failedKinds,
  type GateFixture,
  mailsOf,
  openGateFixture,
  otherKinds,
  requester,
  sessionsOf,
  type TestAuthenticator,
} from '#test/support/gate-fixture.ts';
import { type StepUpProof, stepUp } from './step-up.ts';

// A device is swept after 180 days; the session that it began may be renewed longer.
const deleteDevices = statement('step_up_test.delete_devices', {
  lane: 'pool',
  sql: `delete from devices where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: {},
});

describeOnBothDatabases('a step-up', (database) => {
  let fixture: GateFixture;
  let user: TestUser;
  let sessionId: string;
  let loggedInAt: Date;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
  });

  beforeEach(async () => {
    user = await addPasswordUser(fixture);
    ({ sessionId } = await addSession(fixture, user, 'token'));
    loggedInAt = fixture.clock.now();
    fixture.time.advance(600_000);
  });

  const now = () => fixture.clock.now();
  const prove = (proof: StepUpProof, acting = { userId: user.id, sessionId }) =>
    stepUp(fixture.gate, acting, proof, requester);
  const password = (): StepUpProof => ({ by: 'password', userId: user.id });
  const totp = (app: TestAuthenticator, step = 1, userId = user.id): StepUpProof => ({
    by: 'totp',
    userId,
    secretId: app.secretId,
    step,
  });
  const recoveryCode = (code: string): StepUpProof => {
    const hashes = recoveryCodeHashes(fixture.keys, user.id, code) ?? [];
    return { by: 'recovery_code', userId: user.id, hashes };
  };
  const activeIds = async () =>
    (await sessionsOf(fixture, user)).flatMap(({ id, endReason }) => (endReason === null ? [id] : []));

  it('by the password continues the session under a new id, proven now, on the same device', async () => {
    const issued = await prove(password());
    const [before, after, ...others] = await sessionsOf(fixture, user);
    expect(others).toEqual([]);
    expect(before).toMatchObject({ id: sessionId, endReason: 'renewed' });
    expect(after).toMatchObject({
      id: issued.sessionId,
      endReason: null,
      acr: '1',
      amr: ['pwd'],
      authTime: now(),
      factorTimes: { pwd: now().toISOString() },
      transport: 'token',
      deviceId: before?.deviceId,
      authEpoch: 1,
    });
    expect(issued.sessionId).not.toBe(sessionId);
  });

  it('by a code of the app raises the session to two factors, and the password keeps its time', async () => {
    await prove(totp(await addAuthenticator(fixture, user)));
    expect((await sessionsOf(fixture, user)).at(-1)).toMatchObject({
      acr: '2',
      amr: ['pwd', 'otp', 'mfa'],
      authTime: now(),
      factorTimes: { pwd: loggedInAt.toISOString(), totp: now().toISOString() },
    });
  });

  it('records the proof, the session and the one that continues it', async () => {
    const issued = await prove(password());
    expect(await eventsOf(fixture, user)).toEqual([
      {
        action: 'session.stepped_up',
        actor: { kind: 'user', id: user.id },
        facts: { by: 'password', continuedAs: issued.sessionId },
        sessionId,
        personal: clientInfoOf(requester),
      },
    ]);
    expect(await mailsOf(fixture, user)).toEqual([]);
  });

  it('by a recovery code tells the user, and uses the code', async () => {
    await addAuthenticator(fixture, user);
    const [code = ''] = await addRecoveryCodes(fixture, user);
    const issued = await prove(recoveryCode(code));
    expect(await mailsOf(fixture, user)).toMatchObject([
      { template: 'recovery_code_used', identifierId: user.identifierId },
    ]);
    const actions = (await eventsOf(fixture, user)).map(({ action }) => action);
    expect(actions.sort()).toEqual(['recovery_code.used', 'session.stepped_up']);
    const again = prove(recoveryCode(code), { userId: user.id, sessionId: issued.sessionId });
    await expect(again).rejects.toMatchObject({ code: 'invalid_code' });
    expect(await activeIds()).toEqual([issued.sessionId]);
  });

  it('resets the counter of its proof for known devices, also when the device of the session is gone', async () => {
    const { sessionId: renewed } = await prove(password());
    expect(await failedKinds(fixture, user)).toEqual(otherKinds('password_known_device'));
    await database().run(deleteDevices, { userId: user.id });
    await prove(totp(await addAuthenticator(fixture, user)), { userId: user.id, sessionId: renewed });
    expect(await failedKinds(fixture, user)).toEqual(otherKinds('password_known_device', 'second_factor_known_device'));
  });

  it('succeeds once of twenty times at once', async () => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => prove(password())));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'not_authenticated' });
    }
    expect(await activeIds()).toHaveLength(1);
  });

  describe('is rejected, and changes nothing', () => {
    const expectUnchanged = async () => {
      expect(await activeIds()).toEqual([sessionId]);
      expect(await failedKinds(fixture, user)).toEqual(otherKinds());
      expect(await eventsOf(fixture, user)).toEqual([]);
    };

    it('by the password of a user who has a second factor', async () => {
      await addAuthenticator(fixture, user);
      await expect(prove(password())).rejects.toMatchObject({ code: 'login_incomplete' });
      await expectUnchanged();
    });

    it('by a factor that the user does not have', async () => {
      const app = { secretId: fixture.makeId(), text: '' };
      await expect(prove(totp(app))).rejects.toMatchObject({ code: 'login_incomplete' });
      await expectUnchanged();
    });

    it('by a code that was used before', async () => {
      const app = await addAuthenticator(fixture, user);
      await expect(prove(totp(app, 0))).rejects.toMatchObject({ code: 'invalid_code' });
      await expectUnchanged();
    });

    it('by the proof of another user, which stays unused', async () => {
      const other = await addPasswordUser(fixture);
      const acting = { userId: other.id, sessionId: (await addSession(fixture, other, 'token')).sessionId };
      const theirs = await addAuthenticator(fixture, other);
      await addAuthenticator(fixture, user);
      await expect(prove(totp(theirs, 1, other.id))).rejects.toMatchObject({ code: 'not_authenticated' });
      // The secret of another user under the name of the session's user.
      await expect(prove(totp(theirs))).rejects.toMatchObject({ code: 'invalid_code' });
      await expectUnchanged();
      expect(await prove(totp(theirs, 1, other.id), acting)).toMatchObject({ userId: other.id });
    });

    it('for the session of another user', async () => {
      const other = await addPasswordUser(fixture);
      const { sessionId: theirs } = await addSession(fixture, other, 'token');
      const acting = { userId: user.id, sessionId: theirs };
      await expect(prove(password(), acting)).rejects.toMatchObject({ code: 'not_authenticated' });
      await expectUnchanged();
      expect(await sessionsOf(fixture, other)).toMatchObject([{ id: theirs, endReason: null }]);
    });

    it('for a session that has ended or never was', async () => {
      const { sessionId: renewed } = await prove(password());
      await expect(prove(password())).rejects.toMatchObject({ code: 'not_authenticated' });
      const acting = { userId: user.id, sessionId: fixture.makeId() };
      await expect(prove(password(), acting)).rejects.toMatchObject({ code: 'not_authenticated' });
      expect(await activeIds()).toEqual([renewed]);
    });

    it('for a user who does not exist', async () => {
      const userId = fixture.makeId();
      const proof = { by: 'password', userId } as const;
      await expect(prove(proof, { userId, sessionId })).rejects.toMatchObject({ code: 'not_authenticated' });
      await expectUnchanged();
    });
  });
});

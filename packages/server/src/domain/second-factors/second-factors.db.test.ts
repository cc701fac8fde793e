import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findCandidate } from '#domain/authentication/index.ts';
import { deletePasskeys } from '#domain/passkeys/index.ts';
import { countRecoveryCodes } from '#domain/recovery-codes/index.ts';
import { assignRole, revokeRole } from '#domain/roles/index.ts';
import { deleteTotp, describeTotp } from '#domain/totp/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import type { TestUser } from '#test/support/domain-fixture.ts';
import {
  addAuthenticator,
  addPasswordUser,
  addRecoveryCodes,
  type GateFixture,
  openGateFixture,
} from '#test/support/gate-fixture.ts';
import { addRegisteredPasskey } from '#test/support/passkey-ceremonies.ts';
import { codeNow } from '#test/support/second-factors.ts';
import {
  beginTotp,
  compareFirstCode,
  endSecondFactors,
  endWithLastFactor,
  hasSecondFactor,
  isRequiredOf,
  isSecondFactorRequired,
  requireForRole,
  type SecondFactorRule,
  turnTotpOn,
  waiveForRole,
} from './index.ts';

describeOnBothDatabases('second factors', (database) => {
  let fixture: GateFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
  });

  beforeEach(async () => {
    user = await addPasswordUser(fixture);
  });

  const now = () => fixture.clock.now();
  const depsWith = (secondFactorFor: SecondFactorRule) => ({ users: fixture.users, secondFactorFor });
  const has = () => hasSecondFactor(database(), user.id);

  /** Whether two factors are on, and which factors are left: app, passkey, recovery code. */
  const facts = async () => {
    const candidate = await database().transaction((tx) => findCandidate(tx, { userId: user.id, now: now() }));
    return [candidate?.mfaEnabled, candidate?.hasTotp, candidate?.hasPasskey, candidate?.hasRecoveryCode];
  };

  const makeAdmin = () =>
    database().transaction((tx) =>
      assignRole(tx, { userId: user.id, role: 'owner', now: now(), makeId: fixture.makeId }),
    );

  async function addFactors(): Promise<void> {
    await addAuthenticator(fixture, user);
    await addRecoveryCodes(fixture, user);
  }

  it('are apps and passkeys; recovery codes only replace one', async () => {
    await addRecoveryCodes(fixture, user);
    expect(await has()).toBe(false);
    await addRegisteredPasskey(fixture, user);
    expect(await has()).toBe(true);
    await database().transaction((tx) => deletePasskeys(tx, user.id));
    await addAuthenticator(fixture, user);
    expect(await has()).toBe(true);
  });

  it.each<[SecondFactorRule, boolean, boolean]>([
    ['nobody', true, false],
    ['admins', false, false],
    ['admins', true, true],
    ['everybody', false, true],
  ])('are required by the rule "%s" of a user with a role (%s): %s', async (rule, hasRole, isRequired) => {
    expect(isSecondFactorRequired(rule, { hasRole })).toBe(isRequired);
    if (hasRole) await makeAdmin();
    expect(await database().transaction((tx) => isRequiredOf(tx, rule, user.id))).toBe(isRequired);
  });

  describe('that an operator or an undone change ends', () => {
    const end = (since?: Date, rule: SecondFactorRule = 'admins') =>
      database().transaction((tx) => endSecondFactors(tx, depsWith(rule), user.id, since));

    it('leave no recovery codes, and two factors off', async () => {
      await addFactors();
      await addRegisteredPasskey(fixture, user);
      expect(await facts()).toEqual([true, true, true, true]);
      expect(await end()).toBe(true);
      expect(await facts()).toEqual([false, false, false, false]);
      expect(await countRecoveryCodes(database(), user.id)).toBeUndefined();
    });

    it('leave two factors on for a user of whom the rule requires them', async () => {
      await makeAdmin();
      await addFactors();
      expect(await end()).toBe(true);
      expect(await facts()).toEqual([true, false, false, false]);
      await addFactors();
      expect(await end(undefined, 'nobody')).toBe(true);
      expect(await facts()).toEqual([false, false, false, false]);
    });

    it('spare those that are older than the change, and their codes', async () => {
      await addFactors();
      expect(await end(now())).toBe(false);
      expect(await facts()).toEqual([true, true, false, true]);
      const since = now();
      fixture.time.advance(1000);
      await addRegisteredPasskey(fixture, user);
      expect(await end(since)).toBe(true);
      expect(await facts()).toEqual([true, true, false, true]);
      expect(await end(addSeconds(since, -1))).toBe(true);
      expect(await facts()).toEqual([false, false, false, false]);
    });

    it('are none of another user, and none where there was none', async () => {
      const other = await addPasswordUser(fixture);
      await addAuthenticator(fixture, other);
      expect(await end()).toBe(false);
      expect(await describeTotp(database(), other.id)).toBeDefined();
    });
  });

  describe('that the user removes', () => {
    const removeApp = (rule: SecondFactorRule) =>
      database().transaction(async (tx) => {
        await deleteTotp(tx, user.id);
        return endWithLastFactor(tx, depsWith(rule), user.id);
      });

    it('end with the last one: two factors are off, and the codes are gone', async () => {
      await addFactors();
      expect(await removeApp('admins')).toBe(true);
      expect(await facts()).toEqual([false, false, false, false]);
    });

    it('stay on while a passkey is left', async () => {
      await addFactors();
      await addRegisteredPasskey(fixture, user);
      expect(await removeApp('admins')).toBe(false);
      expect(await facts()).toEqual([true, false, true, true]);
    });

    it('cannot end where the rule requires one, and the removal is rolled back', async () => {
      await makeAdmin();
      await addFactors();
      await expect(removeApp('admins')).rejects.toMatchObject({ code: 'second_factor_required' });
      expect(await facts()).toEqual([true, true, false, true]);
    });

    it('were not on for a user who had a passkey and two factors off', async () => {
      expect(await removeApp('admins')).toBe(false);
    });
  });

  describe('of a user who gets or loses a role', () => {
    const gain = (rule: SecondFactorRule) =>
      database().transaction((tx) => requireForRole(tx, depsWith(rule), user.id));
    const lose = () => database().transaction((tx) => waiveForRole(tx, depsWith('admins'), user.id));

    it.each<[SecondFactorRule, boolean]>([
      ['nobody', false],
      ['admins', true],
      ['everybody', true],
    ])('are on under the rule "%s": %s', async (rule, isOn) => {
      await gain(rule);
      expect((await facts())[0]).toBe(isOn);
    });

    it('are off again without the last role, unless a factor was set up', async () => {
      await makeAdmin();
      await gain('admins');
      await lose();
      expect((await facts())[0]).toBe(true);
      await database().transaction((tx) => revokeRole(tx, user.id, 'owner'));
      await addAuthenticator(fixture, user);
      await lose();
      expect((await facts())[0]).toBe(true);
      await database().transaction((tx) => deleteTotp(tx, user.id));
      await lose();
      expect((await facts())[0]).toBe(false);
    });
  });

  describe('that are set up', () => {
    const enrollment = () => ({ ...fixture, service: 'login.example' });
    const begin = () => beginTotp(enrollment(), { userId: user.id, userKey: user.key, account: 'ada@example.com' });
    const compare = (code: string) => compareFirstCode(fixture, { userId: user.id, userKey: user.key }, code);
    const turnOn = (step: Awaited<ReturnType<typeof compare>>) =>
      database().transaction((tx) => turnTotpOn(tx, fixture, step, now()));

    it('are on with the first code, and the codes are made once', async () => {
      const { secret, uri } = await begin();
      expect(uri).toBe(`otpauth://totp/login.example:ada%40example.com?secret=${secret}&issuer=login.example`);
      expect(await facts()).toEqual([false, false, false, false]);
      expect(await turnOn(await compare(codeNow(fixture, secret)))).toHaveLength(10);
      expect(await facts()).toEqual([true, true, false, true]);
      const again = await begin();
      expect(await turnOn(await compare(codeNow(fixture, again.secret)))).toBeUndefined();
      expect(await countRecoveryCodes(database(), user.id)).toMatchObject({ unused: 10 });
    });

    it('are not on by a wrong code, or a secret that was replaced', async () => {
      await expect(compare('123456')).rejects.toMatchObject({ code: 'enrollment_expired' });
      const { secret } = await begin();
      await expect(compare(codeNow(fixture, secret, 5))).rejects.toMatchObject({ code: 'invalid_code' });
      const step = await compare(codeNow(fixture, secret));
      await begin();
      await expect(turnOn(step)).rejects.toMatchObject({ code: 'enrollment_expired' });
      expect(await facts()).toEqual([false, false, false, false]);
    });

    it('are on once of twenty times at once', async () => {
      const { secret } = await begin();
      const step = await compare(codeNow(fixture, secret));
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => turnOn(step)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await facts()).toEqual([true, true, false, true]);
    });
  });
});

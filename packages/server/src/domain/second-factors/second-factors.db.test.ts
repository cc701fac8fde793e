import { beforeAll, beforeEach, expect, it } from 'vitest';
import { findCandidate } from '#domain/authentication/index.ts';
import { countRecoveryCodes } from '#domain/recovery-codes/index.ts';
import { describeTotp } from '#domain/totp/index.ts';
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
import { endSecondFactors } from './index.ts';

describeOnBothDatabases('the end of the second factors', (database) => {
  let fixture: GateFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
  });

  beforeEach(async () => {
    user = await addPasswordUser(fixture);
  });

  const now = () => fixture.clock.now();
  const end = (since?: Date) => database().transaction((tx) => endSecondFactors(tx, fixture.gate, user.id, since));
  const facts = async () => {
    const candidate = await database().transaction((tx) => findCandidate(tx, { userId: user.id, now: now() }));
    return [candidate?.mfaEnabled, candidate?.hasTotp, candidate?.hasRecoveryCode];
  };

  it('ends the app and the recovery codes, and turns two factors off', async () => {
    await addAuthenticator(fixture, user);
    await addRecoveryCodes(fixture, user);
    expect(await facts()).toEqual([true, true, true]);
    expect(await end()).toBe(true);
    expect(await facts()).toEqual([false, false, false]);
    expect(await describeTotp(database(), user.id)).toBeUndefined();
    expect(await countRecoveryCodes(database(), user.id)).toBeUndefined();
  });

  it('spares a factor that is older than the change which it undoes, and its codes', async () => {
    await addAuthenticator(fixture, user);
    await addRecoveryCodes(fixture, user);
    expect(await end(now())).toBe(false);
    expect(await facts()).toEqual([true, true, true]);
    expect(await end(addSeconds(now(), -1))).toBe(true);
    expect(await facts()).toEqual([false, false, false]);
  });

  it('changes nothing for a user without one, and nothing of another user', async () => {
    const other = await addPasswordUser(fixture);
    await addAuthenticator(fixture, other);
    expect(await end()).toBe(false);
    expect(await describeTotp(database(), other.id)).toBeDefined();
  });
});

import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addSeconds } from '#kernel/clock.ts';
import { newTotpSecret } from '#protocol/totp/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import {
  addPendingTotp,
  confirmTotp,
  deletePendingTotp,
  deleteTotp,
  describeTotp,
  findPendingTotp,
  openTotpSecret,
  sealTotpSecret,
  useTotpStep,
} from './index.ts';

const dayMs = 24 * 3600 * 1000;

describeOnBothDatabases('the secret of an authenticator app', (database) => {
  let fixture: DomainFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  const now = () => fixture.clock.now();
  const findPending = (of = user) => findPendingTotp(database(), of.id, now());
  const confirm = (secretId: string, step = 10, of = user) =>
    database().transaction((tx) => confirmTotp(tx, { userId: of.id, secretId, step }, now()));
  const use = (secretId: string, step: number, of = user) =>
    database().transaction((tx) => useTotpStep(tx, { userId: of.id, secretId, step }, now()));
  const remove = (since?: Date) => database().transaction((tx) => deleteTotp(tx, user.id, since));

  async function enrol(of = user): Promise<{ id: string; secret: Buffer }> {
    const [id, secret] = [fixture.makeId(), newTotpSecret()];
    const sealedSecret = sealTotpSecret(of.key, id, secret);
    await addPendingTotp(database(), { id, userId: of.id, sealedSecret, now: now() });
    return { id, secret };
  }

  async function addConfirmed(step = 10): Promise<string> {
    const { id } = await enrol();
    expect(await confirm(id, step)).toBe(true);
    return id;
  }

  it('opens with the key of its user, for its own row only', async () => {
    const { id, secret } = await enrol();
    const sealed = (await findPending())?.sealedSecret ?? Buffer.alloc(0);
    expect(sealed.includes(secret)).toBe(false);
    expect(openTotpSecret(user.key, id, sealed)).toEqual(secret);
    const other = await addUser(fixture);
    expect(() => openTotpSecret(other.key, id, sealed)).toThrow();
    expect(() => openTotpSecret(user.key, fixture.makeId(), sealed)).toThrow();
  });

  describe('that waits for its first code', () => {
    it('is no factor, and is replaced by the next enrolment', async () => {
      const first = await enrol();
      expect(await describeTotp(database(), user.id)).toBeUndefined();
      expect(await use(first.id, 10)).toBe(false);
      const second = await enrol();
      expect((await findPending())?.secretId).toBe(second.id);
      expect(await confirm(first.id)).toBe(false);
    });

    it('leaves the confirmed one in use until it is confirmed itself', async () => {
      const old = await addConfirmed();
      const { id } = await enrol();
      expect(await use(old, 11)).toBe(true);
      expect(await confirm(id)).toBe(true);
      expect(await use(old, 12)).toBe(false);
      expect(await use(id, 12)).toBe(true);
    });

    it('is found and deleted by its age of a day', async () => {
      const { id } = await enrol();
      fixture.time.advance(dayMs - 1);
      expect((await findPending())?.secretId).toBe(id);
      await deletePendingTotp(database(), now());
      expect((await findPending())?.secretId).toBe(id);
      fixture.time.advance(1);
      expect(await findPending()).toBeUndefined();
      expect(await deletePendingTotp(database(), now())).toBeGreaterThan(0);
      expect(await confirm(id)).toBe(false);
    });

    it('belongs to its user: another one neither finds nor confirms it', async () => {
      const other = await addUser(fixture);
      const { id } = await enrol();
      expect(await findPending(other)).toBeUndefined();
      expect(await confirm(id, 10, other)).toBe(false);
      expect(await confirm(id)).toBe(true);
    });

    it('is confirmed once of twenty times at once', async () => {
      const { id } = await enrol();
      const results = await Promise.all(Array.from({ length: 20 }, () => confirm(id).catch(() => false)));
      expect(results.filter(Boolean)).toHaveLength(1);
    });
  });

  describe('that is confirmed', () => {
    it('has the times of its confirmation and its last use', async () => {
      const confirmedAt = now();
      const id = await addConfirmed();
      expect(await describeTotp(database(), user.id)).toEqual({ confirmedAt, lastUsedAt: confirmedAt });
      fixture.time.advance(30_000);
      await use(id, 11);
      expect(await describeTotp(database(), user.id)).toEqual({ confirmedAt, lastUsedAt: now() });
    });

    it('takes neither the step of its first code again nor an earlier one', async () => {
      const id = await addConfirmed(10);
      expect([await use(id, 9), await use(id, 10), await use(id, 11)]).toEqual([false, false, true]);
      expect([await use(id, 10), await use(id, 11), await use(id, 12)]).toEqual([false, false, true]);
    });

    it('takes a step once of twenty times at once, from its user only', async () => {
      const id = await addConfirmed();
      expect(await use(id, 11, await addUser(fixture))).toBe(false);
      const results = await Promise.all(Array.from({ length: 20 }, () => use(id, 11)));
      expect(results.filter(Boolean)).toHaveLength(1);
    });

    it('takes a step again when the effect of the first use was rolled back', async () => {
      const id = await addConfirmed();
      const failed = database().transaction(async (tx) => {
        await useTotpStep(tx, { userId: user.id, secretId: id, step: 11 }, now());
        throw new Error('the effect failed');
      });
      await expect(failed).rejects.toThrow('the effect failed');
      expect(await use(id, 11)).toBe(true);
    });

    it('is not deleted as an abandoned enrolment', async () => {
      const id = await addConfirmed();
      fixture.time.advance(2 * dayMs);
      await deletePendingTotp(database(), now());
      expect(await use(id, 11)).toBe(true);
    });

    it('is deleted when it was confirmed after a time, and reports whether there was one', async () => {
      const id = await addConfirmed();
      expect(await remove(now())).toBe(false);
      expect(await use(id, 11)).toBe(true);
      expect(await remove(addSeconds(now(), -1))).toBe(true);
      expect([await use(id, 12), await remove()]).toEqual([false, false]);
      expect(await describeTotp(database(), user.id)).toBeUndefined();
    });

    it('is deleted without the one that waits', async () => {
      await addConfirmed();
      const { id } = await enrol();
      expect(await remove()).toBe(true);
      expect((await findPending())?.secretId).toBe(id);
    });
  });
});

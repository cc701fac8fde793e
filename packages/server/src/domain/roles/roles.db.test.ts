import { beforeAll, expect, it } from 'vitest';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture } from '#test/support/domain-fixture.ts';
import { assignRole, isRole, listRoles, revokeRole } from './index.ts';

describeOnBothDatabases('roles', (database) => {
  let world: DomainFixture;

  beforeAll(async () => {
    world = await openDomainFixture(database());
  });

  const assign = (userId: string) =>
    database().transaction((tx) =>
      assignRole(tx, { userId, role: 'admin', now: world.clock.now(), makeId: world.makeId }),
    );

  it('are had once, however often and at once they are given', async () => {
    const { id } = await addUser(world);
    expect(await listRoles(database(), id)).toEqual([]);
    const answers = await Promise.all(Array.from({ length: 10 }, () => assign(id)));
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await listRoles(database(), id)).toEqual(['admin']);
  });

  it('are taken away once', async () => {
    const [one, other] = [await addUser(world), await addUser(world)];
    const revoke = () => database().transaction((tx) => revokeRole(tx, one.id, 'admin'));
    for (const { id } of [one, other]) await assign(id);
    expect(await revoke()).toBe(true);
    expect(await revoke()).toBe(false);
    expect(await listRoles(database(), one.id)).toEqual([]);
    expect(await listRoles(database(), other.id)).toEqual(['admin']);
  });

  it("are nobody else's", async () => {
    const [one, other] = [await addUser(world), await addUser(world)];
    await assign(one.id);
    expect(await listRoles(database(), other.id)).toEqual([]);
  });

  it.each(['', 'Admin', 'root', 'admin '])('have names of a closed set: not %j', (name) => {
    expect(isRole(name)).toBe(false);
  });
});

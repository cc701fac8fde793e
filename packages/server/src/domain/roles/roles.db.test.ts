import { beforeAll, expect, it } from 'vitest';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture } from '#test/support/domain-fixture.ts';
import { assignRole, isRole, listRoles, revokeRole } from './index.ts';

describeOnBothDatabases('roles', (database) => {
  let fixture: DomainFixture;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  const assign = (userId: string) =>
    database().transaction((tx) =>
      assignRole(tx, { userId, role: 'admin', now: fixture.clock.now(), makeId: fixture.makeId }),
    );

  it('are assigned once, however often and concurrently', async () => {
    const { id } = await addUser(fixture);
    expect(await listRoles(database(), id)).toEqual([]);
    const results = await Promise.all(Array.from({ length: 10 }, () => assign(id)));
    expect(results.filter(Boolean)).toHaveLength(1);
    expect(await listRoles(database(), id)).toEqual(['admin']);
  });

  it('are removed once, and from one user only', async () => {
    const [one, other] = [await addUser(fixture), await addUser(fixture)];
    const revoke = () => database().transaction((tx) => revokeRole(tx, one.id, 'admin'));
    for (const { id } of [one, other]) await assign(id);
    expect(await revoke()).toBe(true);
    expect(await revoke()).toBe(false);
    expect(await listRoles(database(), one.id)).toEqual([]);
    expect(await listRoles(database(), other.id)).toEqual(['admin']);
  });

  it('belong to their user only', async () => {
    const [one, other] = [await addUser(fixture), await addUser(fixture)];
    await assign(one.id);
    expect(await listRoles(database(), other.id)).toEqual([]);
  });

  it.each(['', 'Admin', 'root', 'admin '])('have names from a closed set: not %j', (name) => {
    expect(isRole(name)).toBe(false);
  });
});

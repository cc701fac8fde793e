import { beforeAll, expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture } from '#test/support/domain-fixture.ts';
import { assignRole, isRole, listRoles, revokeRole } from './index.ts';

/** As a node of the previous release assigns the role. */
const assignFormer = statement('roles_test.assign_former', {
  lane: 'pool',
  sql: `insert into role_assignments (id, user_id, role, created_at) values (:id, :userId, 'admin', :now)`,
  params: { id: 'uuid', userId: 'uuid', now: 'timestamptz' },
  columns: {},
});

describeOnBothDatabases('roles', (database) => {
  let fixture: DomainFixture;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  const assign = (userId: string) =>
    database().transaction((tx) =>
      assignRole(tx, { userId, role: 'owner', now: fixture.clock.now(), makeId: fixture.makeId }),
    );

  it('are assigned once, however often and concurrently', async () => {
    const { id } = await addUser(fixture);
    expect(await listRoles(database(), id)).toEqual([]);
    const results = await Promise.all(Array.from({ length: 10 }, () => assign(id)));
    expect(results.filter(Boolean)).toHaveLength(1);
    expect(await listRoles(database(), id)).toEqual(['owner']);
  });

  it('are removed once, and from one user only', async () => {
    const [one, other] = [await addUser(fixture), await addUser(fixture)];
    const revoke = () => database().transaction((tx) => revokeRole(tx, one.id, 'owner'));
    for (const { id } of [one, other]) await assign(id);
    expect(await revoke()).toBe(true);
    expect(await revoke()).toBe(false);
    expect(await listRoles(database(), one.id)).toEqual([]);
    expect(await listRoles(database(), other.id)).toEqual(['owner']);
  });

  it('belong to their user only', async () => {
    const [one, other] = [await addUser(fixture), await addUser(fixture)];
    await assign(one.id);
    expect(await listRoles(database(), other.id)).toEqual([]);
  });

  it('have one name, whichever release assigned them, and are removed under both', async () => {
    const { id: userId } = await addUser(fixture);
    await database().run(assignFormer, { id: fixture.makeId(), userId, now: fixture.clock.now() });
    expect(await listRoles(database(), userId)).toEqual(['owner']);
    await assign(userId);
    expect(await listRoles(database(), userId)).toEqual(['owner']);
    expect(await database().transaction((tx) => revokeRole(tx, userId, 'owner'))).toBe(true);
    expect(await listRoles(database(), userId)).toEqual([]);
  });

  it.each(['', 'admin', 'Owner', 'Admin', 'root', 'admin '])('have names from a closed set: not %j', (name) => {
    expect(isRole(name)).toBe(false);
  });
});

import { beforeAll, beforeEach, expect, it } from 'vitest';
import { Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { hashSecret } from '#protocol/secret-token/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import { consumeTicket, deleteExpiredTickets, findTicket, issueTicket, ticketLifetimeSeconds } from './index.ts';

const stored = statement('tickets_test.stored', {
  lane: 'pool',
  sql: `select row_to_json(l)::text as everything from logins l where l.ticket_hash = :hash`,
  params: { hash: 'bytea' },
  columns: { everything: 'text' },
});

const password = { amr: 'pwd', kind: 'knowledge', userVerified: false } as const;
const lifetimeMs = ticketLifetimeSeconds * 1000;

describeOnBothDatabases('tickets', (database) => {
  let world: DomainFixture;
  let users: Users;
  let person: TestUser;

  beforeAll(async () => {
    world = await openDomainFixture(database());
    users = new Users(world);
  });

  beforeEach(async () => {
    person = await addUser(world);
  });

  function issue(authEpoch = 1) {
    const clientId = world.client.id;
    const login = { userId: person.id, authEpoch, clientId, transport: 'cookie', proven: [password] } as const;
    return database().transaction((tx) => issueTicket(tx, world.makeId, login, world.clock.now()));
  }

  const give = async () => present(await issue(), 'a ticket').text;
  const use = (text: string) => database().transaction((tx) => consumeTicket(tx, text, world.clock.now()));
  const look = (text: string) => findTicket(database(), text, world.clock.now());

  it('carry whose login it is, for which client, how it shall be answered, and what was proven', async () => {
    const carried = {
      userId: person.id,
      authEpoch: 1,
      clientId: world.client.id,
      transport: 'cookie',
      proven: [password],
    };
    const text = await give();
    expect(text).toMatch(/^lk_lt_/);
    expect(await look(text)).toEqual(carried);
    expect(await use(text)).toEqual(carried);
    expect(await look(text)).toBeUndefined();
  });

  it('are stored as a hash only', async () => {
    const text = await give();
    const row = present(await database().row(stored, { hash: hashSecret(text) }), 'the row');
    expect(row.everything).not.toContain(text);
  });

  it('are given to exactly one of twenty who use one at once', async () => {
    const text = await give();
    const answers = await Promise.all(Array.from({ length: 20 }, () => use(text)));
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
  });

  it('are given back when the step fails', async () => {
    const text = await give();
    const failed = database().transaction(async (tx) => {
      await consumeTicket(tx, text, world.clock.now());
      throw new Error('the step failed');
    });
    await expect(failed).rejects.toThrow('the step failed');
    expect(await use(text)).toBeDefined();
  });

  it('work until the millisecond before ten minutes are over', async () => {
    const text = await give();
    world.time.advance(lifetimeMs - 1);
    expect(await use(text)).toBeDefined();
  });

  it('are dead from ten minutes on, and then swept', async () => {
    const text = await give();
    world.time.advance(lifetimeMs);
    expect(await look(text)).toBeUndefined();
    expect(await use(text)).toBeUndefined();
    expect(await deleteExpiredTickets(database(), world.clock.now())).toBeGreaterThan(0);
    expect(await database().row(stored, { hash: hashSecret(text) })).toBeUndefined();
  });

  it('die with the epoch, and none is made for an earlier one', async () => {
    const text = await give();
    await database().transaction((tx) => users.raiseEpoch(tx, person.id, 900));
    expect(await use(text)).toBeUndefined();
    expect(await issue(1)).toBeUndefined();
    expect(await issue(2)).toBeDefined();
  });

  it('are nobody’s who may not log in', async () => {
    await database().transaction((tx) => users.changeStatus(tx, person.id, 'disabled', 900));
    expect(await issue(2)).toBeUndefined();
  });

  it.each(['', 'lk_lt_', `lk_ot_${'A'.repeat(49)}`])('are not %j', async (text) => {
    expect(await look(text)).toBeUndefined();
    expect(await use(text)).toBeUndefined();
  });
});

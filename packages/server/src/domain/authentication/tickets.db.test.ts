import { beforeAll, beforeEach, expect, it } from 'vitest';
import { Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { hashSecret } from '#protocol/secret-token/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import { consumeTicket, deleteExpiredTickets, findTicket, issueTicket, ticketLifetimeSeconds } from './tickets.ts';

const stored = statement('tickets_test.stored', {
  lane: 'pool',
  sql: `select row_to_json(l)::text as everything from logins l where l.ticket_hash = :hash`,
  params: { hash: 'bytea' },
  columns: { everything: 'text' },
});

const password = { amr: 'pwd', kind: 'knowledge', userVerified: false, factorTime: 'pwd' } as const;
interface Origin {
  readonly browserHash: Buffer | null;
  readonly continueTo: string | null;
}

const ofApi: Origin = { browserHash: null, continueTo: null };
const lifetimeMs = ticketLifetimeSeconds * 1000;

describeOnBothDatabases('a ticket', (database) => {
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

  function issue(authEpoch = 1, origin = ofApi) {
    const clientId = world.client.id;
    const now = world.clock.now();
    const proven = [{ ...password, at: now.toISOString() }];
    const login = {
      userId: person.id,
      authEpoch,
      clientId,
      transport: 'cookie',
      proven,
      beganAt: now,
      ...origin,
    } as const;
    return database().transaction((tx) => issueTicket(tx, world.makeId, login, now));
  }

  const newTicket = async () => present(await issue(), 'a ticket').text;
  const find = (text: string, browserHash?: Buffer) => findTicket(database(), { text, browserHash }, world.clock.now());

  function consume(text: string, userId = person.id, browserHash?: Buffer) {
    return database().transaction((tx) => consumeTicket(tx, { text, browserHash, userId }, world.clock.now()));
  }

  it('carries the user, the client, the transport and the proven factors', async () => {
    const login = {
      userId: person.id,
      authEpoch: 1,
      clientId: world.client.id,
      transport: 'cookie',
      proven: [{ ...password, at: world.clock.now().toISOString() }],
      beganAt: world.clock.now(),
      ...ofApi,
    };
    const ticket = present(await issue(), 'a ticket');
    const { text, id } = ticket;
    expect(text).toMatch(/^lk_lt_/);
    expect(await find(text)).toEqual({ id, ...login });
    expect(await consume(text)).toEqual({ id, ...login });
    expect(await find(text)).toBeUndefined();
  });

  it('of a page is found and consumed in its browser only, and carries where its login leads to', async () => {
    const [browserHash, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const { text } = present(await issue(1, { browserHash, continueTo: '/account' }), 'a ticket');
    for (const wrong of [undefined, other]) {
      expect(await find(text, wrong)).toBeUndefined();
      expect(await consume(text, person.id, wrong)).toBeUndefined();
    }
    expect(await find(text, browserHash)).toMatchObject({ browserHash, continueTo: '/account' });
    expect(await consume(text, person.id, browserHash)).toMatchObject({ userId: person.id });
  });

  it('of the API is found in no browser', async () => {
    const text = await newTicket();
    expect(await find(text, Buffer.alloc(32, 1))).toBeUndefined();
    expect(await consume(text, person.id, Buffer.alloc(32, 1))).toBeUndefined();
    expect(await consume(text)).toBeDefined();
  });

  it('is stored as a hash only', async () => {
    const text = await newTicket();
    const row = present(await database().row(stored, { hash: hashSecret(text) }), 'the row');
    expect(row.everything).not.toContain(text);
  });

  it('is consumed by exactly one of twenty concurrent calls', async () => {
    const text = await newTicket();
    const results = await Promise.all(Array.from({ length: 20 }, () => consume(text)));
    expect(results.filter((result) => result !== undefined)).toHaveLength(1);
  });

  it('is not consumed for another user', async () => {
    const text = await newTicket();
    const other = await addUser(world);
    expect(await consume(text, other.id)).toBeUndefined();
    expect(await consume(text)).toMatchObject({ userId: person.id });
  });

  it('remains usable when its step fails', async () => {
    const text = await newTicket();
    const failed = database().transaction(async (tx) => {
      await consumeTicket(tx, { text, userId: person.id }, world.clock.now());
      throw new Error('the step failed');
    });
    await expect(failed).rejects.toThrow('the step failed');
    expect(await consume(text)).toBeDefined();
  });

  it('is usable until the last millisecond of its ten minutes', async () => {
    const text = await newTicket();
    world.time.advance(lifetimeMs - 1);
    expect(await consume(text)).toBeDefined();
  });

  it('expires after ten minutes, and the sweep deletes it', async () => {
    const text = await newTicket();
    world.time.advance(lifetimeMs);
    expect(await find(text)).toBeUndefined();
    expect(await consume(text)).toBeUndefined();
    expect(await deleteExpiredTickets(database(), world.clock.now())).toBeGreaterThan(0);
    expect(await database().row(stored, { hash: hashSecret(text) })).toBeUndefined();
  });

  it('is invalid in a later epoch, and none is issued for an earlier one', async () => {
    const text = await newTicket();
    await database().transaction((tx) => users.raiseEpoch(tx, person.id));
    expect(await consume(text)).toBeUndefined();
    expect(await issue(1)).toBeUndefined();
    expect(await issue(2)).toBeDefined();
  });

  it('is not issued to a disabled user', async () => {
    await database().transaction((tx) => users.changeStatus(tx, person.id, 'disabled'));
    expect(await issue(2)).toBeUndefined();
  });

  it.each(['', 'lk_lt_', `lk_ot_${'A'.repeat(49)}`])('is not %j', async (text) => {
    expect(await find(text)).toBeUndefined();
    expect(await consume(text)).toBeUndefined();
  });
});

/** What closing, keeping and erasing end, thing by thing (DESIGN §5.4), on both databases. */
import { beforeAll, describe, expect, it } from 'vitest';
import { consumeTicket, issueTicket } from '#domain/logins/index.ts';
import { findLive, issueToken, OneTimeTokens, type Purpose } from '#domain/one-time-tokens/index.ts';
import { announceErasure, closeUser, eraseUser, keepUser } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { type Queries, statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from './support/databases.ts';
import { addPerson, addSession, openWorld, type Person, type World } from './support/people.ts';

/** By the epoch alone, as every reader compares: whether the effect also ends rows one by one does not matter here. */
const countLive = statement('closing_ends_test.live', {
  lane: 'pool',
  sql: `select
      (select count(*) from sessions s join users u on u.id = s.user_id
        where u.id = :userId and s.auth_epoch = u.auth_epoch) as sessions,
      (select count(*) from refresh_families f join users u on u.id = f.user_id
        where u.id = :userId and f.auth_epoch = u.auth_epoch) as families,
      (select count(*) from devices d join users u on u.id = d.user_id
        where u.id = :userId and d.auth_epoch = u.auth_epoch) as devices`,
  params: { userId: 'uuid' },
  columns: { sessions: 'int8?', families: 'int8?', devices: 'int8?' },
});

const links: readonly Purpose[] = [
  'verify_email',
  'reset_password',
  'confirm_email_change',
  'undo_email_change',
  'keep_account',
];
const graceMs = 7 * 24 * 3600 * 1000;
const accessTokenLifetimeSeconds = 900;

describeOnBothDatabases('what ends', (database) => {
  let world: World;
  let tokens: OneTimeTokens;

  beforeAll(async () => {
    world = await openWorld(database());
    tokens = new OneTimeTokens(world);
  });

  const transaction = <T>(work: (tx: Queries) => Promise<T>) => database().transaction(work);
  const change = (person: Person) => ({ userId: person.id, now: world.clock.now(), accessTokenLifetimeSeconds });

  const close = (person: Person) =>
    transaction((tx) =>
      closeUser(tx, { ...change(person), closesAt: new Date(world.clock.now().getTime() + graceMs) }),
    );
  const keep = (person: Person) => transaction((tx) => keepUser(tx, change(person)));
  const erase = (person: Person) =>
    transaction(async (tx) => {
      await announceErasure(tx, change(person));
      await eraseUser(tx, world.keys, { ...change(person), subject: person.id });
    });

  /** One of everything, made in the epoch given and living longer than the test. */
  async function equip(person: Person, authEpoch: number) {
    await addSession(world, person, 'token', authEpoch);
    const now = world.clock.now();
    const expiresAt = new Date(now.getTime() + 10 * graceMs);
    const texts = new Map<Purpose, string>();
    for (const purpose of links) {
      const of = { userId: person.id, identifierId: person.identifierId, authEpoch, sealedPayload: null };
      const values = tokens.values({ id: tokens.newId(), purpose, ...of, now, expiresAt });
      await transaction((tx) => issueToken(tx, values));
      texts.set(purpose, tokens.secret(values.tokenId, purpose, values.tokenKeyId));
    }
    const proven = [{ amr: 'pwd', kind: 'knowledge', userVerified: false }] as const;
    const login = { userId: person.id, authEpoch, clientId: world.client.id, transport: 'token', proven } as const;
    const ticket = await transaction((tx) => issueTicket(tx, world.makeId, login, now));
    return { texts, ticket: present(ticket, 'a ticket').text };
  }

  async function survivors(person: Person, had: Awaited<ReturnType<typeof equip>>): Promise<string[]> {
    const live = present(await database().row(countLive, { userId: person.id }), 'the counts');
    const alive = (['sessions', 'families', 'devices'] as const).filter((thing) => live[thing] !== 0);
    const now = world.clock.now();
    const found: string[] = [];
    for (const [purpose, text] of had.texts) {
      if ((await findLive(database(), purpose, text, now)) !== undefined) found.push(purpose);
    }
    const ticket = await transaction((tx) => consumeTicket(tx, had.ticket, now));
    return [...alive, ...found, ...(ticket === undefined ? [] : ['ticket'])];
  }

  it('is nothing before an effect, so that the table below says something', async () => {
    const person = await addPerson(world);
    const had = await equip(person, 1);
    expect(await survivors(person, had)).toEqual(['sessions', 'families', 'devices', ...links, 'ticket']);
  });

  describe.each([
    ['closing', async (person: Person) => close(person), ['undo_email_change', 'keep_account']],
    [
      'closing and keeping',
      async (person: Person) => {
        await close(person);
        await keep(person);
      },
      ['undo_email_change', 'keep_account'],
    ],
    [
      'closing and erasing',
      async (person: Person) => {
        await close(person);
        world.time.advance(graceMs);
        await erase(person);
      },
      [],
    ],
  ] as const)('%s', (what, effect, expected) => {
    it(`leaves alive: ${expected.join(', ') || 'nothing'}`, async () => {
      const person = await addPerson(world);
      const had = await equip(person, 1);
      await effect(person);
      expect(await survivors(person, had)).toEqual(expected);
    });

    it('leaves everything of others alive', async () => {
      const [person, other] = [await addPerson(world), await addPerson(world)];
      const had = await equip(other, 1);
      await effect(person);
      // The week of grace is longer than any ticket lives.
      const ticket = what === 'closing and erasing' ? [] : ['ticket'];
      expect(await survivors(other, had)).toEqual(['sessions', 'families', 'devices', ...links, ...ticket]);
    });
  });

  it('by keeping, is what the grace period began: the ticket of the login that asked for it', async () => {
    const person = await addPerson(world);
    await close(person);
    const had = await equip(person, 2);
    await keep(person);
    expect(await survivors(person, had)).toEqual(['undo_email_change', 'keep_account']);
  });
});

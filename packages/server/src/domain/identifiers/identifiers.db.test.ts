import { beforeAll, expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { parseEmailAddress } from '#protocol/email-address/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { type DomainFixture, insertTestUser, openDomainFixture, testUserValues } from '#test/support/domain-fixture.ts';
import { emailInput, verifyIdentifier } from './index.ts';

const counts = statement('identifiers_test.counts', {
  lane: 'pool',
  sql: `select (select count(*) from users) as users, (select count(*) from user_keys) as keys,
    (select count(*) from identifiers) as identifiers`,
  params: {},
  columns: { users: 'int8', keys: 'int8', identifiers: 'int8' },
});
const unverify = statement('identifiers_test.unverify', {
  lane: 'pool',
  sql: `update identifiers set verified_at = null where id = :id`,
  params: { id: 'uuid' },
  columns: {},
});

/** The same address in this many spellings. */
const spellings = Array.from({ length: 20 }, (_, index) => {
  const letters = Array.from('ada.lovelace', (letter, place) =>
    (index >> (place % 5)) & 1 ? letter.toUpperCase() : letter,
  );
  return `${letters.join('')}@${index % 2 === 0 ? 'bücher.example' : 'XN--BCHER-KVA.Example'}`;
});

describeOnBothDatabases('email addresses', (database) => {
  let fixture: DomainFixture;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  function claim(typed: string) {
    const parsed = parseEmailAddress(typed);
    if (parsed.kind !== 'ok') throw new Error(`${typed} is ${parsed.kind}`);
    return database().row(insertTestUser, testUserValues(fixture, typed, parsed.address.canonical));
  }

  it('are claimed by one of twenty concurrent registrations in different spellings, and the others insert nothing', async () => {
    expect(new Set(spellings).size).toBe(spellings.length);
    const before = await database().row(counts, {});
    const results = await Promise.all(spellings.map(claim));
    expect(results.filter((result) => result !== undefined)).toHaveLength(1);
    const { users = 0, keys = 0, identifiers = 0 } = before ?? {};
    expect(await database().row(counts, {})).toEqual({
      users: users + 1,
      keys: keys + 1,
      identifiers: identifiers + 1,
    });
    expect(await claim(spellings[7] ?? '')).toBeUndefined();
  });

  it('are verified once', async () => {
    const values = testUserValues(fixture, 'once@people.example');
    await database().run(insertTestUser, values);
    await database().run(unverify, { id: values.identifierId });
    const address = { id: values.identifierId, asTyped: 'Once@people.example', now: fixture.clock.now() };
    const verify = () => database().transaction((tx) => verifyIdentifier(tx, address));
    const results = await Promise.all(Array.from({ length: 10 }, verify));
    expect(results.filter(Boolean)).toHaveLength(1);
  });
});

it('parses an address as typed and in canonical form', () => {
  expect(emailInput.parse('Ada@Bücher.example')).toMatchObject({ canonical: 'ada@xn--bcher-kva.example' });
});

it.each(['', 'ada', 'ada@', 'a b@people.example', `${'a'.repeat(255)}@people.example`])('rejects %j', (typed) => {
  expect(emailInput.safeParse(typed).success).toBe(false);
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { type EmbeddedDatabase, migrateDown, migrateUp, openEmbedded, statement } from '#platform/database/index.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import { claimProvenEmail, holdPrimaryEmail } from './index.ts';

const addressesOf = statement('held_test.addresses_of', {
  lane: 'pool',
  sql: `select canonical from identifiers where user_id = :userId order by id`,
  params: { userId: 'uuid' },
  columns: { canonical: 'text' },
});

/** The schema before addresses could be held. */
const before = 1;

let database: EmbeddedDatabase;
let world: DomainFixture;

beforeAll(async () => {
  database = await openEmbedded({ clock: systemClock, place: { inMemory: true } });
  await migrateUp(database);
  world = await openDomainFixture(database);
});
afterAll(() => database.close());

async function addWithHeldAddress(): Promise<{ readonly person: TestUser; readonly canonical: string }> {
  const person = await addUser(world);
  const canonical = `${world.makeId()}@new.example`;
  const now = world.clock.now();
  await database.transaction(async (tx) => {
    await holdPrimaryEmail(tx, person.id, now);
    const address = { asTyped: canonical, canonical };
    await claimProvenEmail(tx, { id: world.makeId(), userId: person.id, address, now });
  });
  return { person, canonical };
}

it('going back to a release that knows no held addresses gives them up, and nothing else', async () => {
  const { person, canonical } = await addWithHeldAddress();
  const other = await addUser(world);
  await migrateDown(database, { to: before });
  expect(await database.rows(addressesOf, { userId: person.id })).toEqual([{ canonical }]);
  expect(await database.rows(addressesOf, { userId: other.id })).toEqual([{ canonical: other.email }]);
  const registered = await addUser(world);
  await migrateUp(database);
  expect(await database.rows(addressesOf, { userId: registered.id })).toEqual([{ canonical: registered.email }]);
});

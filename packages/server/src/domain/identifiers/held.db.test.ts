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

/** The version of the schema without held addresses. */
const versionBefore = 1;

let database: EmbeddedDatabase;
let fixture: DomainFixture;

beforeAll(async () => {
  database = await openEmbedded({ clock: systemClock, location: { inMemory: true } });
  await migrateUp(database);
  fixture = await openDomainFixture(database);
});
afterAll(() => database.close());

async function addWithHeldAddress(): Promise<{ readonly user: TestUser; readonly canonical: string }> {
  const user = await addUser(fixture);
  const canonical = `${fixture.makeId()}@new.example`;
  const now = fixture.clock.now();
  await database.transaction(async (tx) => {
    await holdPrimaryEmail(tx, user.id, now);
    const address = { asTyped: canonical, canonical };
    await claimProvenEmail(tx, { id: fixture.makeId(), userId: user.id, address, now });
  });
  return { user, canonical };
}

it('migrating down to a schema without held addresses deletes them and nothing else', async () => {
  const { user, canonical } = await addWithHeldAddress();
  const other = await addUser(fixture);
  await migrateDown(database, { to: versionBefore });
  expect(await database.rows(addressesOf, { userId: user.id })).toEqual([{ canonical }]);
  expect(await database.rows(addressesOf, { userId: other.id })).toEqual([{ canonical: other.email }]);
  const registered = await addUser(fixture);
  await migrateUp(database);
  expect(await database.rows(addressesOf, { userId: registered.id })).toEqual([{ canonical: registered.email }]);
});

import { beforeAll, beforeEach, expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import {
  openHash,
  passwordAssociatedData,
  rehashPasswordFragment,
  setPassword,
  upsertPasswordFragment,
} from './index.ts';

const upserted = upsertPasswordFragment('owner');
const upsert = statement('passwords_test.upsert', {
  lane: 'pool',
  sql: `with owner as (select id as user_id from users where id = :ownerId), ${upserted.sql} select user_id from owner`,
  params: { ownerId: 'uuid', ...upserted.params },
  columns: { userId: 'uuid' },
});
const rehashed = rehashPasswordFragment('owner');
const rehash = statement('passwords_test.rehash', {
  lane: 'pool',
  sql: `with owner as (select id as user_id from users where id = :ownerId), ${rehashed.sql} select user_id from owner`,
  params: { ownerId: 'uuid', ...rehashed.params },
  columns: { userId: 'uuid' },
});
const find = statement('passwords_test.find', {
  lane: 'pool',
  sql: `select sealed_phc, must_change, changed_at from passwords where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { sealedPhc: 'bytea', mustChange: 'bool', changedAt: 'timestamptz' },
});

const phc = '$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA';

describeOnBothDatabases('stored passwords', (database) => {
  let world: DomainFixture;
  let person: TestUser;

  beforeAll(async () => {
    world = await openDomainFixture(database());
  });

  beforeEach(async () => {
    person = await addUser(world);
  });

  const read = () => database().row(find, { userId: person.id });
  const seal = (text: string, userId = person.id) => world.keys.seal('password', text, passwordAssociatedData(userId));
  const put = (passwordSealed: Buffer | null) =>
    database().run(upsert, { ownerId: person.id, passwordSealed, passwordChangedAt: world.clock.now() });

  it('are ciphertext that decrypts only for their own user', async () => {
    await put(seal(phc));
    const sealed = (await read())?.sealedPhc ?? Buffer.alloc(0);
    expect(sealed.includes('argon2id')).toBe(false);
    expect(world.keys.open('password', sealed, passwordAssociatedData(person.id)).toString()).toBe(phc);
    expect(() => world.keys.open('password', sealed, passwordAssociatedData(world.makeId()))).toThrow('not authentic');
  });

  it('decrypt for their user; openHash returns undefined without a hash and without a user', () => {
    expect(openHash(world.keys, person.id, seal(phc))).toBe(phc);
    expect(openHash(world.keys, person.id, undefined)).toBeUndefined();
    expect(openHash(world.keys, undefined, undefined)).toBeUndefined();
  });

  it('are replaced by the last one set', async () => {
    await put(seal('first'));
    const last = seal('second');
    await database().transaction((tx) => setPassword(tx, person.id, last, world.clock.now()));
    expect(await read()).toEqual({ sealedPhc: last, mustChange: false, changedAt: world.clock.now() });
  });

  it('are unchanged by a statement without a hash', async () => {
    await put(null);
    expect(await read()).toBeUndefined();
    await put(seal(phc));
    const before = await read();
    await put(null);
    expect(await read()).toEqual(before);
  });

  it('are rehashed only over the bytes that the login compared', async () => {
    await put(seal(phc));
    const compared = (await read())?.sealedPhc ?? Buffer.alloc(0);
    const again = (rehashSealed: Buffer | null) =>
      database().run(rehash, { ownerId: person.id, rehashSealed, rehashOf: compared });
    await again(null);
    expect((await read())?.sealedPhc).toEqual(compared);
    const [stronger, changed] = [seal('stronger'), seal('changed meanwhile')];
    await again(stronger);
    expect((await read())?.sealedPhc).toEqual(stronger);
    await put(changed);
    await again(seal('too late'));
    expect((await read())?.sealedPhc).toEqual(changed);
  });
});

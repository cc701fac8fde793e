import { beforeAll, beforeEach, expect, it } from 'vitest';
import { countRoundTrips, describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import { countFailures, failuresOf } from '#test/support/gate-fixture.ts';
import { acceptedPassword } from '#test/support/password-rules.ts';
import { HashQueue, openHash, PasswordHashes, passwordAssociatedData, provePassword, setPassword } from './index.ts';

const password = 'correct horse battery';
const kind = 'password_known_device';

describeOnBothDatabases('a password that a session proves', (database) => {
  let fixture: DomainFixture;
  let queue: HashQueue;
  let hashes: PasswordHashes;
  let user: TestUser;
  let stored: string;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    queue = new HashQueue({ concurrency: 1, queueLength: 0 });
    hashes = await PasswordHashes.create(queue, { memoryKib: 8, iterations: 1, parallelism: 1 });
    stored = await hashes.compute(acceptedPassword(password));
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  const prove = (typed: string) => provePassword({ ...fixture, hashes }, user.id, typed);
  const failures = () => failuresOf(fixture, user, kind);
  const computed = () => queue.counts.computed;
  const store = (phc: string) => {
    const sealed = fixture.keys.seal('password', phc, passwordAssociatedData(user.id));
    return database().transaction((tx) => setPassword(tx, user.id, sealed, fixture.clock.now()));
  };

  it('is the stored one and no other, and each attempt is counted', async () => {
    await store(stored);
    expect([await prove(password), await prove('another one'), await prove('')]).toEqual([true, false, false]);
    expect(await failures()).toBe(3);
  });

  it('is wrong for a user without one, after the work of a hash', async () => {
    const before = computed();
    expect(await prove(password)).toBe(false);
    expect(computed()).toBe(before + 1);
    expect(await failures()).toBe(1);
  });

  it('is counted apart from passwords of logins, which an attacker can exhaust', async () => {
    await store(stored);
    await countFailures(fixture, user, 'password', 100);
    expect(await prove(password)).toBe(true);
    expect([await failures(), await failuresOf(fixture, user, 'password')]).toEqual([1, 100]);
  });

  it('is not compared after too many wrong ones', async () => {
    await store(stored);
    await countFailures(fixture, user, kind, 100);
    const before = computed();
    await expect(prove(password)).rejects.toMatchObject({ code: 'too_many_requests' });
    expect([computed() - before, await failures()]).toEqual([0, 100]);
  });

  it('is not counted, nor read, while the queue of hashes is full', async () => {
    await store(stored);
    const slot = hashes.hold();
    const trips = await countRoundTrips(database(), async () => {
      await expect(prove(password)).rejects.toMatchObject({ code: 'busy' });
    });
    expect([trips, await failures()]).toEqual([[], 0]);
    slot.release();
    expect(await prove(password)).toBe(true);
  });

  it('leaves its place in the queue when the attempt is rejected', async () => {
    await countFailures(fixture, user, kind, 100);
    for (let count = 0; count < 3; count += 1) {
      await expect(prove(password)).rejects.toMatchObject({ code: 'too_many_requests' });
    }
    hashes.hold().release();
  });

  it('is opened for its own user only, and a decoy in place of a missing one', () => {
    const sealed = fixture.keys.seal('password', stored, passwordAssociatedData(user.id));
    expect(openHash(fixture.keys, user.id, sealed)).toBe(stored);
    expect(() => openHash(fixture.keys, fixture.makeId(), sealed)).toThrow();
    expect([openHash(fixture.keys, user.id, undefined), openHash(fixture.keys, undefined, sealed)]).toEqual([
      undefined,
      undefined,
    ]);
  });
});

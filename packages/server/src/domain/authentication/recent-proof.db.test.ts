import { beforeAll, beforeEach, expect, it } from 'vitest';
import { HashQueue, PasswordHashes, passwordAssociatedData, setPassword } from '#domain/passwords/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type TestUser } from '#test/support/domain-fixture.ts';
import { addAuthenticator, failuresOf, type GateFixture, openGateFixture } from '#test/support/gate-fixture.ts';
import { acceptedPassword } from '#test/support/password-rules.ts';
import { type RecentProofDeps, requireRecentProof } from './recent-proof.ts';

const password = 'correct horse battery';
const stepUpSeconds = 300;

describeOnBothDatabases('the recent proof that an operation requires', (database) => {
  let fixture: GateFixture;
  let deps: RecentProofDeps;
  let stored: string;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
    const queue = new HashQueue({ concurrency: 2, queueLength: 10 });
    const hashes = await PasswordHashes.create(queue, { memoryKib: 8, iterations: 1, parallelism: 1 });
    stored = await hashes.compute(acceptedPassword(password));
    deps = { ...fixture, hashes, stepUpSeconds };
  });

  beforeEach(async () => {
    user = await addUser(fixture);
    const sealed = fixture.keys.seal('password', stored, passwordAssociatedData(user.id));
    await database().transaction((tx) => setPassword(tx, user.id, sealed, fixture.clock.now()));
  });

  /** A session that authenticated so long ago requests an operation, with a password if it sends one. */
  const request = (secondsAgo: number, sent?: string, userId = user.id) => {
    const authTime = addSeconds(fixture.clock.now(), -secondsAgo);
    return requireRecentProof(deps, { userId, authTime }, sent);
  };
  const failures = () => failuresOf(fixture, user, 'password_known_device');

  it('is the login itself for five minutes, to the last one', async () => {
    expect([await request(0), await request(stepUpSeconds)]).toEqual(['recent', 'recent']);
    await expect(request(stepUpSeconds + 0.001)).rejects.toMatchObject({
      code: 'step_up_required',
      maxAgeSeconds: stepUpSeconds,
    });
  });

  it('is the current password afterwards, and each attempt is counted', async () => {
    expect(await request(stepUpSeconds + 1, password)).toBe('password');
    expect(await request(stepUpSeconds + 1, 'another one')).toBe('wrong_password');
    expect(await failures()).toBe(2);
  });

  it('compares a password that is sent, also right after the login', async () => {
    expect(await request(0, password)).toBe('password');
    expect(await request(0, 'another one')).toBe('wrong_password');
  });

  it('is not the password of a user with a second factor, which is not even compared', async () => {
    await addAuthenticator(fixture, user);
    await expect(request(stepUpSeconds + 1, password)).rejects.toMatchObject({ code: 'step_up_required' });
    expect(await failures()).toBe(0);
    expect(await request(stepUpSeconds)).toBe('recent');
  });

  it('is not a password that the user does not have', async () => {
    const { id } = await addUser(fixture);
    await expect(request(stepUpSeconds + 1, password, id)).rejects.toMatchObject({ code: 'step_up_required' });
  });

  it('is none for a user who is gone', async () => {
    const absent = fixture.makeId();
    await expect(request(stepUpSeconds + 1, password, absent)).rejects.toMatchObject({ code: 'not_authenticated' });
  });
});

import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { beforeEachHash, storedHash } from '#test/support/stored-login.ts';
import { addVerifiedUser, login } from '#test/support/user-actions.ts';

let before: Application;
let after: Application;

beforeAll(async () => {
  before = await Application.open();
  after = await Application.open({
    deploymentOf: before,
    env: { LATCHKEY_ARGON2_MEMORY_KIB: '64', LATCHKEY_ARGON2_TIME: '2' },
  });
  return async () => {
    await after.close();
    await before.close();
  };
});

describe('POST /api/v1/auth/login after the parameters of Argon2 changed', () => {
  it('200 rehashes once, and the password remains the same', async () => {
    const email = await addVerifiedUser(before);
    expect(await storedHash(before, email)).toContain('m=8,t=1,p=1');
    let hashes = 0;
    const stop = beforeEachHash(after, () => {
      hashes += 1;
    });
    expect((await login(after, email)).status).toBe(200);
    expect([hashes, await storedHash(after, email)]).toEqual([2, expect.stringContaining('m=64,t=2,p=1')]);
    const renewed = await storedHash(after, email);
    expect((await login(after, email)).status).toBe(200);
    stop();
    expect([hashes, await storedHash(after, email)]).toEqual([3, renewed]);
  });

  it('401 does not change the hash', async () => {
    const email = await addVerifiedUser(before);
    expect((await login(after, email, { password: 'not the right password' })).status).toBe(401);
    expect(await storedHash(before, email)).toContain('m=8,t=1,p=1');
  });
});

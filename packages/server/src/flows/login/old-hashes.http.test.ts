import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { type HashVector, oldHashVectors } from '#test/support/old-hash-vectors.ts';
import { beforeEachHash, failedAttemptsOf, replaceStoredHash, storedHash } from '#test/support/stored-login.ts';
import { addLoggedInUser, addVerifiedUser, login } from '#test/support/user-actions.ts';

const current = /^\$argon2id\$v=19\$m=8,t=1,p=1\$/;
const schemes = Object.entries(oldHashVectors).map(([scheme, { vectors }]) => [scheme, ...vectors[0]] as const);
const [bcryptPassword, bcrypt]: HashVector = oldHashVectors['bcrypt $2a$'].vectors[0];

let app: Application;
let otherNode: Application;

beforeAll(async () => {
  app = await Application.open();
  otherNode = await Application.open({ deploymentOf: app });
  return async () => {
    await otherNode.close();
    await app.close();
  };
});

async function addImportedUser(text: string): Promise<string> {
  const email = await addVerifiedUser(app);
  await replaceStoredHash(app, email, text);
  return email;
}

describe('POST /api/v1/auth/login with a hash of another product', () => {
  it.each(schemes)('200 replaces %s by Argon2id, and the password remains the same', async (_, password, text) => {
    const email = await addImportedUser(text);
    expect((await login(app, email, { password })).status).toBe(200);
    const replaced = await storedHash(app, email);
    expect(replaced).toMatch(current);
    expect((await login(app, email, { password })).status).toBe(200);
    expect(await storedHash(app, email)).toBe(replaced);
    expect((await login(app, email, { password: `${password}.` })).code).toBe('invalid_credentials');
  });

  it.each(schemes)('401 for a wrong password leaves %s and counts one failure', async (_, password, text) => {
    const email = await addImportedUser(text);
    expect((await login(app, email, { password: `x${password.slice(1)}` })).code).toBe('invalid_credentials');
    expect(await storedHash(app, email)).toBe(text);
    expect(await failedAttemptsOf(app, email)).toBe(1);
    expect((await login(app, email, { password })).status).toBe(200);
  });

  // Two nodes do not share their queue of attempts, and five attempts are undelayed.
  it.each([
    { logins: 20, nodes: 1 },
    { logins: 4, nodes: 2 },
  ])('200 for $logins logins at once on $nodes nodes, of which one replaces the hash', async ({ logins, nodes }) => {
    const [password, text] = oldHashVectors['LDAP, salted SHA-2'].vectors[0];
    const email = await addImportedUser(text);
    const statuses: number[] = [];
    const hashes = new Set<string>();
    await Promise.all(
      Array.from({ length: logins }, async (_, index) => {
        const { status } = await login(index % nodes === 0 ? app : otherNode, email, { password });
        statuses.push(status);
        hashes.add(await storedHash(app, email));
      }),
    );
    expect(statuses).toEqual(Array.from({ length: logins }, () => 200));
    // The first response comes after the replacement, so a second replacement would be a second hash.
    expect([...hashes]).toEqual([expect.stringMatching(current)]);
    expect((await login(app, email, { password })).status).toBe(200);
  });

  it('401 for every password of a hash above the cost limit or of an unknown form', async () => {
    for (const text of [bcrypt.replace('$05$', '$31$'), bcrypt.replace('$2a$', '$2x$'), '{CRYPT}x']) {
      const email = await addImportedUser(text);
      expect((await login(app, email, { password: bcryptPassword })).code).toBe('invalid_credentials');
      expect(await storedHash(app, email)).toBe(text);
    }
  });

  it('takes one slot of the hash queue for a wrong password and two for a right one', async () => {
    const email = await addImportedUser(bcrypt);
    let slots = 0;
    const stop = beforeEachHash(app, () => {
      slots += 1;
    });
    await login(app, email, { password: 'wrong' });
    expect(slots).toBe(1);
    await login(app, email, { password: bcryptPassword });
    stop();
    expect(slots).toBe(3);
  });
});

describe('POST /api/v1/users/me/password with a hash of another product', () => {
  const change = (token: string, currentPassword: string) =>
    app.send('POST', '/api/v1/users/me/password', {
      token,
      json: { currentPassword, newPassword: 'another good password' },
    });

  it.each(schemes)('200 proves the current password against %s', async (_, password, text) => {
    const { email, accessToken } = await addLoggedInUser(app);
    await replaceStoredHash(app, email, text);
    expect((await change(accessToken, `${password}.`)).code).toBe('invalid_password');
    expect(await storedHash(app, email)).toBe(text);
    expect((await change(accessToken, password)).status).toBe(200);
    expect((await login(app, email, { password: 'another good password' })).status).toBe(200);
  });
});

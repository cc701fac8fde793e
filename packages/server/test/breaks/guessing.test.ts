/** Published breaks that gave more guesses than were meant, or took a wrong guess for right. */
import { afterEach, describe, expect, it } from 'vitest';
import { Problem } from '#kernel/problem.ts';
import { Application, type RequestOptions } from '../support/application.ts';
import { beforeEachHash, failedAttemptsOf } from '../support/stored-login.ts';
import {
  addLoggedInUser,
  addVerifiedUser,
  login,
  mailedToken,
  register,
  verifyEmail,
} from '../support/user-actions.ts';

const wrong = { password: 'never the password' };
const fiveGuesses = { LATCHKEY_LIMIT_CREDENTIAL: '5/15m', LATCHKEY_LIMIT_CREDENTIAL_ADDRESS: '1000/15m' };

let opened: Application | undefined;

afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

async function open(env: Readonly<Record<string, string>> = {}): Promise<Application> {
  opened = await Application.open({ env });
  return opened;
}

/** How many of these were heard, and not refused for their number. */
async function heard(app: Application, email: string, attempts: readonly Partial<RequestOptions>[]): Promise<number> {
  let count = 0;
  for (const sent of attempts) {
    const { status } = await app.send('POST', '/api/v1/auth/login', { json: { email, ...wrong }, ...sent });
    if (status === 401) count += 1;
    else expect(status).toBe(429);
  }
  return count;
}

// Better Auth before 1.4.17: the limiter's key was the IPv6 address as text, so that one customer's /64 had 2^64 keys
// and one address several spellings. Ours: the /64 in its canonical form, IPv4-mapped folded.
describe('CVE-2026-45364', () => {
  it('a /64, and every spelling of an address, has one bucket', async () => {
    const app = await open(fiveGuesses);
    const network = Array.from({ length: 40 }, (_, index) => ({
      peerAddress: `2001:db8:7:7:${index.toString(16)}::1`,
    }));
    expect(await heard(app, 'ada@example.com', network)).toBe(5);
    const spellings = ['2001:db8::a', '2001:DB8::A', '2001:0db8:0:0:0:0:0:a', '2001:db8::0.0.0.10'];
    const spelled = [...spellings, ...spellings, ...spellings].map((peerAddress) => ({ peerAddress }));
    expect(await heard(app, 'bob@example.com', spelled)).toBe(5);
    const mapped = ['198.51.100.9', '::ffff:198.51.100.9', '::FFFF:C633:6409'];
    const folded = [...mapped, ...mapped, ...mapped].map((peerAddress) => ({ peerAddress }));
    expect(await heard(app, 'eve@example.com', folded)).toBe(5);
  });
});

// authentik before 2023.4.3: the client's address was read from X-Forwarded-For and X-Real-IP of whoever sent them.
describe('CVE-2023-36456', () => {
  it('a client does not choose its address, for limits and for the record', async () => {
    const app = await open(fiveGuesses);
    const claiming = Array.from({ length: 20 }, (_, index) => {
      const address = `203.0.113.${index}`;
      return { headers: { 'x-forwarded-for': address, 'x-real-ip': address, forwarded: `for=${address}` } };
    });
    expect(await heard(app, 'ada@example.com', claiming)).toBe(5);
    const { email } = await addLoggedInUser(app);
    const claimed = { 'x-forwarded-for': '203.0.113.1', 'x-real-ip': '203.0.113.1' };
    const { data } = await login(app, email, {}, claimed);
    const list = await app.send<readonly { readonly address: string }[]>('GET', '/api/v1/users/me/sessions', {
      token: data.accessToken,
    });
    expect(list.data.map(({ address }) => address)).toEqual(['127.0.0.1', '127.0.0.1']);
  });
});

// Authelia 4.38 to 4.39.19: failures were counted under the name as it was typed, and the directory took every case of
// it for the same person. Ours: counted under the user's id, and limited under the canonical address.
describe('CVE-2026-47203', () => {
  it('every spelling of an address counts for one person', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const [local = '', domain = ''] = email.split('@');
    const spellings = [
      email,
      email.toUpperCase(),
      `${local.toUpperCase()}@${domain}`,
      `${local}@\uff50${domain.slice(1)}`,
    ];
    for (const spelled of spellings) expect((await login(app, spelled, wrong)).status).toBe(401);
    expect(await failedAttemptsOf(app, email)).toBe(spellings.length);
  });

  it('every spelling of an address has one bucket', async () => {
    const app = await open(fiveGuesses);
    const cases = Array.from({ length: 12 }, (_, index) => {
      const email = Array.from('ada@example.com', (letter, at) =>
        (index >> (at % 4)) & 1 ? letter.toUpperCase() : letter,
      );
      return { json: { email: email.join(''), ...wrong } };
    });
    expect(await heard(app, '', cases)).toBe(5);
  });
});

// Vikunja before 2.3.0: the lock after ten wrong codes was written in the transaction of the login that had failed, and
// rolled back with it. Codes are not here yet; the counter of passwords stands, and stays when the login breaks off.
describe('CVE-2026-35597', () => {
  it('a failed attempt is counted before it is judged, and whatever becomes of it', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    for (let count = 1; count <= 3; count += 1) {
      expect((await login(app, email, wrong)).status).toBe(401);
      expect(await failedAttemptsOf(app, email)).toBe(count);
    }
    const stop = beforeEachHash(app, () => {
      throw new Problem('busy', { retryAfterSeconds: 1 });
    });
    expect((await login(app, email, wrong)).status).toBe(503);
    stop();
    expect(await failedAttemptsOf(app, email)).toBe(4);
  });
});

// Okta, October 2024: the key of a cache of logins was bcrypt over user id, name and password; bcrypt reads 72 bytes, so
// that behind a name of 52 any password hit the cache. Ours: no cache of passwords, Argon2id over all of it, and the
// session cache's key is SHA-256 of the whole token.
describe('the bcrypt cache key of October 2024', () => {
  it('a long address hides nothing of the password, and no byte of a long password is ignored', async () => {
    const app = await open();
    const email = `${'l'.repeat(64)}@${'long.'.repeat(30)}example`;
    const password = 'correct horse battery '.repeat(6).slice(0, 128);
    await register(app, email, { password });
    expect((await verifyEmail(app, await mailedToken(app, email))).status).toBe(200);
    expect((await login(app, email, { password })).status).toBe(200);
    const near = [password.slice(0, 127), `${password.slice(0, 127)}x`, `${password.slice(0, 72)}${'x'.repeat(56)}`];
    for (const other of [...near, password.slice(0, 72)]) {
      expect((await login(app, email, { password: other })).status).toBe(401);
    }
    expect((await login(app, email, { password })).status).toBe(200);
  });

  it('what differs in its last characters only is another token, also when the first is remembered', async () => {
    const app = await open();
    const { accessToken } = await addLoggedInUser(app);
    const ask = async (token: string) => (await app.send('GET', '/api/v1/auth/session', { token })).status;
    expect([await ask(accessToken), await ask(accessToken)]).toEqual([200, 200]);
    for (const cut of [1, 2, 8, 64]) expect(await ask(accessToken.slice(0, -cut))).toBe(401);
    expect(await ask(`${accessToken.slice(0, -4)}AAAA`)).toBe(401);
  });
});

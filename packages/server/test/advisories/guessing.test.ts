/** Advisories that allowed more password attempts than intended, or accepted a wrong password. */
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

/** How many of the attempts were evaluated rather than rate-limited. */
async function countEvaluated(
  app: Application,
  email: string,
  attempts: readonly Partial<RequestOptions>[],
): Promise<number> {
  let count = 0;
  for (const sent of attempts) {
    const { status } = await app.send('POST', '/api/v1/auth/login', { json: { email, ...wrong }, ...sent });
    if (status === 401) count += 1;
    else expect(status).toBe(429);
  }
  return count;
}

// Better Auth before 1.4.17: the rate limiter's key was the IPv6 address as text, so a /64 had 2^64 keys and one
// address had several. Here, the key is the canonical /64; IPv4-mapped addresses count as IPv4.
describe('CVE-2026-45364', () => {
  it('a /64 and every spelling of an address share one bucket', async () => {
    const app = await open(fiveGuesses);
    const network = Array.from({ length: 40 }, (_, index) => ({
      peerAddress: `2001:db8:7:7:${index.toString(16)}::1`,
    }));
    expect(await countEvaluated(app, 'ada@example.com', network)).toBe(5);
    const spellings = ['2001:db8::a', '2001:DB8::A', '2001:0db8:0:0:0:0:0:a', '2001:db8::0.0.0.10'];
    const spelled = [...spellings, ...spellings, ...spellings].map((peerAddress) => ({ peerAddress }));
    expect(await countEvaluated(app, 'bob@example.com', spelled)).toBe(5);
    const mapped = ['198.51.100.9', '::ffff:198.51.100.9', '::FFFF:C633:6409'];
    const folded = [...mapped, ...mapped, ...mapped].map((peerAddress) => ({ peerAddress }));
    expect(await countEvaluated(app, 'eve@example.com', folded)).toBe(5);
  });
});

// authentik before 2023.4.3: the client address came from X-Forwarded-For and X-Real-IP of any client.
describe('CVE-2023-36456', () => {
  it('a client cannot choose its address, neither for limits nor for records', async () => {
    const app = await open(fiveGuesses);
    const spoofed = Array.from({ length: 20 }, (_, index) => {
      const address = `203.0.113.${index}`;
      return { headers: { 'x-forwarded-for': address, 'x-real-ip': address, forwarded: `for=${address}` } };
    });
    expect(await countEvaluated(app, 'ada@example.com', spoofed)).toBe(5);
    const { email } = await addLoggedInUser(app);
    const spoofedHeaders = { 'x-forwarded-for': '203.0.113.1', 'x-real-ip': '203.0.113.1' };
    const { data } = await login(app, email, {}, spoofedHeaders);
    const list = await app.send<readonly { readonly address: string }[]>('GET', '/api/v1/users/me/sessions', {
      token: data.accessToken,
    });
    expect(list.data.map(({ address }) => address)).toEqual(['127.0.0.1', '127.0.0.1']);
  });
});

// Authelia 4.38 to 4.39.19: failures were counted by the name as typed, but the directory ignored case. Here, failures
// count by user id, and limits by canonical address.
describe('CVE-2026-47203', () => {
  it('every spelling of an address counts for the same user', async () => {
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

  it('every spelling of an address shares one bucket', async () => {
    const app = await open(fiveGuesses);
    const spellings = Array.from({ length: 12 }, (_, index) => {
      const email = Array.from('ada@example.com', (letter, position) =>
        (index >> (position % 4)) & 1 ? letter.toUpperCase() : letter,
      );
      return { json: { email: email.join(''), ...wrong } };
    });
    expect(await countEvaluated(app, '', spellings)).toBe(5);
  });
});

// Vikunja before 2.3.0: the lock after ten wrong codes was written in the transaction of the failed login and rolled
// back with it.
// The product has no one-time codes yet; the counter of passwords survives an aborted login.
describe('CVE-2026-35597', () => {
  it('a failed attempt is counted before the password is checked, whatever happens afterwards', async () => {
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

// Okta, October 2024: the key of a login cache was bcrypt over user id, name and password. bcrypt reads 72 bytes, so
// with a name of 52 characters any password matched. Here, no passwords are cached, Argon2id reads all of its input,
// and the session cache is keyed by SHA-256 of the whole token.
describe('the bcrypt cache key of October 2024', () => {
  it('a long address hides no part of the password, and every byte of a long password counts', async () => {
    const app = await open();
    const email = `${'l'.repeat(64)}@${'long.'.repeat(30)}example`;
    const password = 'correct horse battery '.repeat(6).slice(0, 128);
    await register(app, email, { password });
    expect((await verifyEmail(app, await mailedToken(app, email))).status).toBe(200);
    expect((await login(app, email, { password })).status).toBe(200);
    const similar = [password.slice(0, 127), `${password.slice(0, 127)}x`, `${password.slice(0, 72)}${'x'.repeat(56)}`];
    for (const other of [...similar, password.slice(0, 72)]) {
      expect((await login(app, email, { password: other })).status).toBe(401);
    }
    expect((await login(app, email, { password })).status).toBe(200);
  });

  it('a token that differs only in its last characters is rejected, also when the original is cached', async () => {
    const app = await open();
    const { accessToken } = await addLoggedInUser(app);
    const check = async (token: string) => (await app.send('GET', '/api/v1/auth/session', { token })).status;
    expect([await check(accessToken), await check(accessToken)]).toEqual([200, 200]);
    for (const cut of [1, 2, 8, 64]) expect(await check(accessToken.slice(0, -cut))).toBe(401);
    expect(await check(`${accessToken.slice(0, -4)}AAAA`)).toBe(401);
  });
});

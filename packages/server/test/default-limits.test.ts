/** The limits as shipped: an office of sixty people behind one address, with an attacker at the same address. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Application, type RequestOptions } from './support/application.ts';
import { addVerifiedUser, newestMailedToken, type Tokens, uniqueEmail, validPassword } from './support/user-actions.ts';

const office = '203.0.113.7';
const people = 60;
const minuteMs = 60_000;

let app: Application;
/** The status of every response to an honest person. */
const honest: number[] = [];

beforeAll(async () => {
  app = await Application.open({ limits: 'shipped' });
  return () => app.close();
});

async function send<T = unknown>(method: string, path: string, sent: RequestOptions = {}) {
  const response = await app.send<T>(method, path, { peerAddress: office, ...sent });
  honest.push(response.status);
  return response;
}

interface Person {
  readonly email: string;
  tokens: Tokens;
}

/** Registers, opens the mailed page, confirms on it, and signs in. */
async function onboard(): Promise<Person> {
  const email = uniqueEmail('colleague');
  const json = { email, password: validPassword, name: 'A Colleague' };
  expect((await send('POST', '/api/v1/auth/register', { json })).status).toBe(201);
  const token = await newestMailedToken(app, email, '/verify-email');
  const fromMail = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  expect((await send('GET', `/verify-email?token=${token}`, { headers: fromMail })).status).toBe(200);
  const headers = { 'sec-fetch-site': 'same-origin' };
  await send('POST', '/verify-email', { form: { token, choice: 'verify' }, headers });
  const { status, data } = await send<Tokens>('POST', '/api/v1/auth/login', {
    json: { email, password: validPassword },
  });
  expect(status).toBe(200);
  return { email, tokens: data };
}

async function refresh(person: Person): Promise<void> {
  const json = { refreshToken: person.tokens.refreshToken };
  const { status, data } = await send<Tokens>('POST', '/api/v1/auth/refresh', { json });
  expect(status).toBe(200);
  person.tokens = { ...person.tokens, accessToken: data.accessToken, refreshToken: data.refreshToken };
}

async function signIn(person: Person): Promise<void> {
  const json = { email: person.email, password: validPassword, deviceToken: person.tokens.deviceToken };
  const { data } = await send<Tokens>('POST', '/api/v1/auth/login', { json });
  person.tokens = data;
}

async function work({ tokens: { accessToken: token } }: Person): Promise<void> {
  await send('GET', '/api/v1/auth/session', { token });
  await send('GET', '/api/v1/users/me', { token });
}

/** The statuses of an attacker's requests from the office's address. */
async function attack(times: number, request: (index: number) => readonly [string, string, RequestOptions]) {
  const statuses: number[] = [];
  for (let index = 0; index < times; index += 1) {
    const [method, path, sent] = request(index);
    statuses.push((await app.send(method, path, { peerAddress: office, ...sent })).status);
  }
  return statuses;
}

const rejected = (statuses: readonly number[]) => statuses.filter((status) => status === 429).length;

describe('an office of sixty people behind one address, under the limits as shipped', () => {
  const staff: Person[] = [];

  it('onboards within an hour', async () => {
    for (let group = 0; group < people / 10; group += 1) {
      staff.push(...(await Promise.all(Array.from({ length: 10 }, onboard))));
      app.clock.advance(9 * minuteMs);
    }
    expect(staff).toHaveLength(people);
    expect(rejected(honest)).toBe(0);
  }, 120_000);

  it('works for a day: signs in, refreshes every fifteen minutes, and opens pages', async () => {
    app.clock.advance(14 * 60 * minuteMs);
    await Promise.all(staff.map(signIn));
    for (let quarter = 0; quarter < 32; quarter += 1) {
      app.clock.advance(15 * minuteMs);
      await Promise.all(staff.map(refresh));
      await Promise.all(staff.slice(0, 20).map(work));
      await send('GET', '/verify-email?token=old', { headers: { 'sec-fetch-site': 'none' } });
    }
    expect(rejected(honest)).toBe(0);
  }, 120_000);

  it('works on while an attacker at the same address is limited', async () => {
    const guesses = await attack(130, (index) => {
      const json = { email: `unknown.${index}@people.example`, password: 'never the password' };
      return ['POST', '/api/v1/auth/login', { json }];
    });
    expect(rejected(guesses)).toBe(30);
    const forged = `lk_rt_${'A'.repeat(49)}`;
    const refreshes = await attack(650, () => ['POST', '/api/v1/auth/refresh', { json: { refreshToken: forged } }]);
    expect(rejected(refreshes)).toBe(50);
    const sessions = await attack(650, () => ['GET', '/api/v1/auth/session', { token: 'a.b.c' }]);
    expect(rejected(sessions)).toBe(50);
    const calls = await attack(650, () => ['GET', '/api/v1/auth/password-policy', {}]);
    expect(rejected(calls)).toBe(50);
    await Promise.all(staff.map(refresh));
    await Promise.all(staff.map(signIn));
    await Promise.all(staff.map(work));
    await send('GET', '/verify-email?token=old');
    expect(rejected(honest)).toBe(0);
  }, 120_000);

  it('opens mailed pages although a foreign page loaded 700 images of ours', async () => {
    app.clock.advance(15 * minuteMs);
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
    const images = await attack(700, (index) => [
      'GET',
      `${index % 2 === 0 ? '' : '/api/v1/auth'}/verify-email?token=${index}`,
      { headers },
    ]);
    expect(rejected(images)).toBe(100);
    expect((await send('GET', '/verify-email?token=n', { headers: { 'sec-fetch-site': 'none' } })).status).toBe(400);
    expect((await send('GET', '/verify-email?token=n')).status).toBe(400);
    expect((await send('GET', '/api/v1/auth/password-policy')).status).toBe(200);
    await Promise.all(staff.slice(0, 5).map(work));
    expect(rejected(honest)).toBe(0);
  }, 60_000);
});

it('gives the strict limits by one setting, and other settings win over it', async () => {
  const strict = await Application.open({
    limits: 'shipped',
    env: { LATCHKEY_LIMITS: 'strict', LATCHKEY_LIMIT_PAGES: '7/1m' },
  });
  try {
    await addVerifiedUser(strict);
    const policyOf = async (path: string) => (await strict.send('GET', path)).headers.get('ratelimit-policy');
    expect(await policyOf('/api/v1/auth/password-policy')).toBe('"public";q=100;w=900');
    expect(await policyOf('/verify-email?token=n')).toBe('"pages";q=7;w=60');
    const guesses: number[] = [];
    for (let index = 0; index < 6; index += 1) {
      const json = { email: `unknown.${index}@people.example`, password: 'never the password' };
      guesses.push((await strict.send('POST', '/api/v1/auth/login', { json })).status);
    }
    expect(guesses).toEqual([401, 401, 401, 401, 401, 429]);
  } finally {
    await strict.close();
  }
});

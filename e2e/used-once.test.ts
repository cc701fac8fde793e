/** Codes, links and tickets that were used stay used when every process restarts and Redis loses all it knew (invariant 1). */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { startRedis, type TestRedis } from '../packages/server/test/support/redis.ts';
import { codeNow } from '../packages/server/test/support/second-factors.ts';
import { type Client, client, dataOf, problemOf, type Tokens } from './support/client.ts';
import { awaitLink, readInbox, tokenOf } from './support/inbox.ts';
import { type RunningServer, startServer } from './support/server.ts';

const email = 'once@example.com';
const password = 'correct horse battery staple';
const device = { clock: { now: () => new Date() } };

let redis: TestRedis;
let server: RunningServer;
let databaseUrl: string;

beforeAll(async () => {
  [redis, databaseUrl] = await Promise.all([startRedis(), cloneDatabase()]);
  await start();
});

afterAll(async () => {
  await server.stop();
  await redis[Symbol.asyncDispose]();
});

it('refuses used codes, links and tickets after a restart and the loss of Redis', async () => {
  const at = client(server.url);
  dataOf(await at.register({ email, password }));
  const verification = tokenOf(await awaitLink(() => readInbox(server.opsUrl, email), '/verify-email'));
  dataOf(await at.verify(verification));
  const { secret, recoveryCode } = await turnSecondFactorOn(at);
  const code = codeNow(device, secret, 1);
  const usedTicket = await askForTicket(at);
  dataOf(await prove(at, usedTicket, { recoveryCode }));
  dataOf(await prove(at, await askForTicket(at), { code }));

  await server.stop();
  await redis.kill9();
  await redis.start();
  await start();

  const again = client(server.url);
  expect(problemOf(await again.verify(verification))).toBe('invalid_token');
  expect(problemOf(await prove(again, usedTicket, { code: codeNow(device, secret, 2) }))).toBe('invalid_ticket');
  expect(problemOf(await prove(again, await askForTicket(again), { recoveryCode }))).toBe('invalid_code');
  expect(problemOf(await prove(again, await askForTicket(again), { code }))).toBe('invalid_code');
});

async function start(): Promise<void> {
  const env = { REDIS_URL: redis.url };
  server = await startServer({ database: databaseUrl, publicUrl: 'http://localhost:5625', env });
}

async function turnSecondFactorOn(at: Client): Promise<{ readonly secret: string; readonly recoveryCode: string }> {
  const { accessToken: token } = dataOf(await at.login(email, password));
  const { secret } = dataOf(await at.api<{ secret: string }>('POST', '/users/me/totp', { token, body: {} }));
  const body = { code: codeNow(device, secret) };
  type Confirmed = { readonly recoveryCodes: readonly [string, ...string[]] };
  const { recoveryCodes } = dataOf(await at.api<Confirmed>('POST', '/users/me/totp/confirm', { token, body }));
  return { secret, recoveryCode: recoveryCodes[0] };
}

async function askForTicket(at: Client): Promise<string> {
  const body = { email, password };
  return dataOf(await at.api<{ ticket: string }>('POST', '/auth/login', { body })).ticket;
}

function prove(at: Client, ticket: string, proof: object) {
  return at.api<Tokens>('POST', '/auth/login/second-factor', { body: { ticket, ...proof } });
}

/** A day as a deployment sees it, the same each time, so that what grows can be told from what varies. */
import { issueTicket } from '#domain/authentication/index.ts';
import { createInvitation } from '#flows/admin-invitations/index.ts';
import { createUser } from '#flows/admin-users/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { enqueueJob, readQueueDepth } from '#platform/jobs/index.ts';
import type { Application } from './application.ts';
import { storedLinkToken } from './stored-links.ts';
import { cookieHeader, login, register, type Tokens, uniqueEmail, validPassword } from './user-actions.ts';
import { userIdOf } from './user-status.ts';
import { eventually } from './wait.ts';

const bury = statement('test_traffic.bury', {
  lane: 'pool',
  sql: `update jobs set state = 'dead', finished_at = :now where id = :id`,
  params: { id: 'uuid', now: 'timestamptz' },
  columns: {},
});

const findRuns = statement('test_traffic.find_runs', {
  lane: 'pool',
  sql: `select last_run_at from job_schedules where name = 'sweep'`,
  params: {},
  columns: { lastRunAt: 'timestamptz?' },
});

/** Somebody with a proven address, made by the operator. */
export async function addActiveUser(app: Application): Promise<string> {
  const email = uniqueEmail('regular');
  const person = { email: { asTyped: email, canonical: email }, name: 'Ada', locale: 'en', roles: [] } as const;
  await createUser(app.services, { ...person, password: validPassword });
  return email;
}

/** Moves time as a developer would, and waits until the sweep that is then due has run and every job is done. */
export async function advanceToNextSweep(app: Application, advance: string): Promise<void> {
  const before = app.clock.now();
  const { status } = await app.send('POST', '/dev/clock', { json: { advance } });
  if (status !== 200) throw new Error(`time stayed: ${status}`);
  await eventually(
    async () => {
      const row = await app.services.database.row(findRuns, {});
      if ((row?.lastRunAt?.getTime() ?? 0) <= before.getTime()) return false;
      const depths = await readQueueDepth(app.services.database, app.clock.now());
      // What follows an erasure waits for a minute, which is part of the next step.
      return depths.every(({ kind, due, later }) => due === 0 && (later === 0 || kind === 'erase.counters'));
    },
    { what: 'the sweep has run', timeoutMs: 30_000 },
  );
}

/** Gives the user another address, with the link that proves it; answers the address. */
export async function changeEmail(app: Application, email: string): Promise<string> {
  const { accessToken: token, userId } = await logIn(app, email);
  const newEmail = uniqueEmail('moved');
  const json = { newEmail, currentPassword: validPassword };
  await app.send('POST', '/api/v1/users/me/email', { token, json });
  const link = await storedLinkToken(app, userId, 'confirm_email_change');
  const { code } = await app.send('POST', '/api/v1/auth/confirm-email-change', { json: { token: link } });
  if (code !== undefined) throw new Error(`the address was refused: ${code}`);
  return newEmail;
}

/** Somebody who does not come. */
export async function addPendingInvitation(app: Application): Promise<string> {
  const email = uniqueEmail('invited');
  const invited = await createInvitation(app.services, {
    email: { asTyped: email, canonical: email },
    locale: 'en',
    role: null,
  });
  if (invited.kind !== 'created') throw new Error(`the address is ${invited.kind}`);
  return invited.invitationId;
}

async function deleteAccount(app: Application): Promise<void> {
  const { accessToken: token } = await logIn(app, await addActiveUser(app));
  await app.send('DELETE', '/api/v1/users/me', { token, json: { currentPassword: validPassword } });
}

/**
 * Everything that leaves rows behind: what is begun and left, used and left, tried in vain, given up.
 * Answers the regulars with the addresses that they have now.
 */
export async function simulateDay(app: Application, regulars: readonly string[]): Promise<string[]> {
  const [ada = '', grace = '', mary = '', joan = ''] = regulars;
  let joanLater = joan;
  // Two at a time: more would be refused as busy, and a day would not be like the other.
  const one = async () => {
    await leaveRegistrations(app);
    await logOutInAllWays(app, grace);
    await leaveTicket(app, mary);
    joanLater = await changeEmail(app, joan);
  };
  const another = async () => {
    await useTokens(app, ada);
    await useCookies(app, mary);
    await tryInVain(app, ada);
    await giveUpJob(app);
    await addPendingInvitation(app);
    await app.send('POST', '/api/v1/auth/forgot-password', { json: { email: ada } });
    await deleteAccount(app);
  };
  await Promise.all([one(), another()]);
  return [ada, grace, mary, joanLater];
}

async function leaveRegistrations(app: Application): Promise<void> {
  const email = uniqueEmail('abandoned');
  await register(app, email);
  await app.send('POST', '/api/v1/auth/resend-verification', { json: { email } });
  await login(app, email, { password: 'not the right one' });
}

async function tryInVain(app: Application, email: string): Promise<void> {
  for (const unknown of [uniqueEmail('unknown'), uniqueEmail('unknown')]) await login(app, unknown);
  await register(app, email);
}

/** One family is left alive, of another a used token comes back after its grace. */
async function useTokens(app: Application, email: string): Promise<void> {
  await login(app, email, { password: 'not the right one' });
  const kept = await logIn(app, email);
  await refresh(app, kept);
  const stolen = await logIn(app, email);
  await refresh(app, stolen);
  app.clock.advance(11_000);
  await refresh(app, stolen);
}

async function logOutInAllWays(app: Application, email: string): Promise<void> {
  const one = await logIn(app, email);
  await app.send('POST', '/api/v1/auth/logout', { token: one.accessToken });
  const all = await logIn(app, email);
  await app.send('POST', '/api/v1/auth/logout-all', { token: all.accessToken });
}

async function useCookies(app: Application, email: string): Promise<void> {
  const { cookies } = await login(app, email, { transport: 'cookie' });
  await app.send('GET', '/api/v1/users/me', { cookie: cookieHeader(cookies) });
}

async function leaveTicket(app: Application, email: string): Promise<void> {
  const { database, makeId, clients, clock } = app.services;
  const userId = await userIdOf(app, email);
  const login = { userId, authEpoch: 1, clientId: clients.default.id, transport: 'token', proven: [] } as const;
  const ticket = await database.transaction((tx) => issueTicket(tx, makeId, login, clock.now()));
  present(ticket, 'the ticket');
}

async function giveUpJob(app: Application): Promise<void> {
  const { database, makeId, clock } = app.services;
  const id = makeId();
  await enqueueJob(database, { id, kind: 'test.given_up', payload: {}, now: clock.now() });
  await database.run(bury, { id, now: clock.now() });
}

async function logIn(app: Application, email: string): Promise<Tokens> {
  const { data, code } = await login(app, email);
  if (code !== undefined) throw new Error(`the login was refused: ${code}`);
  return data;
}

async function refresh(app: Application, { refreshToken }: Tokens): Promise<void> {
  await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
}

/** The traffic of one day, identical each day, so that tests distinguish growth from variation. */

import { createInvitation } from '#flows/admin-invitations/index.ts';
import { createUser } from '#flows/admin-users/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { enqueueJob, readQueueDepth } from '#platform/jobs/index.ts';
import type { Application } from './application.ts';
import { operator } from './operator.ts';
import { addPasskey, loginByPasskey, passkeysPath } from './passkeys.ts';
import { issuePasswordTicket } from './password-ticket.ts';
import { storedLinkToken } from './stored-links.ts';
import { cookieHeader, login, register, type Tokens, uniqueEmail, validPassword } from './user-actions.ts';
import { userIdOf } from './user-status.ts';
import { eventually } from './wait.ts';

const deadLetter = statement('test_traffic.dead_letter', {
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

/** A user with a verified address, created through the admin flow; returns the address. */
export async function addActiveUser(app: Application): Promise<string> {
  const email = uniqueEmail('regular');
  const user = { email: { asTyped: email, canonical: email }, name: 'Ada', locale: 'en', roles: [] } as const;
  await createUser(app.services, operator, { ...user, password: validPassword });
  return email;
}

/** Advances the development clock and waits until the due sweep has run and the queue is empty. */
export async function advanceToNextSweep(app: Application, advance: string): Promise<void> {
  const before = app.clock.now();
  const { status } = await app.send('POST', '/dev/clock', { json: { advance } });
  if (status !== 200) throw new Error(`the clock did not move: ${status}`);
  await eventually(
    async () => {
      const row = await app.services.database.row(findRuns, {});
      if ((row?.lastRunAt?.getTime() ?? 0) <= before.getTime()) return false;
      const depths = await readQueueDepth(app.services.database, app.clock.now());
      // A job that follows an erasure waits for a minute, which the next advance covers.
      return depths.every(({ kind, due, later }) => due === 0 && (later === 0 || kind === 'erase.counters'));
    },
    { what: 'the sweep has run', timeoutMs: 30_000 },
  );
}

/** Changes the user's address through the confirmation link; returns the new address. */
export async function changeEmail(app: Application, email: string): Promise<string> {
  const { accessToken: token, userId } = await logIn(app, email);
  const newEmail = uniqueEmail('moved');
  const json = { newEmail, currentPassword: validPassword };
  await app.send('POST', '/api/v1/users/me/email', { token, json });
  const link = await storedLinkToken(app, userId, 'confirm_email_change');
  const { code } = await app.send('POST', '/api/v1/auth/confirm-email-change', { json: { token: link } });
  if (code !== undefined) throw new Error(`the change of address was rejected: ${code}`);
  return newEmail;
}

/** An invitation that stays pending; returns its id. */
export async function addPendingInvitation(app: Application): Promise<string> {
  const email = uniqueEmail('invited');
  const invited = await createInvitation(app.services, operator, {
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
 * Exercises everything that leaves rows behind: abandoned, consumed, rejected and dead-lettered.
 * Returns the users with their current addresses.
 */
export async function simulateDay(app: Application, emails: readonly string[]): Promise<string[]> {
  const [ada = '', grace = '', mary = '', joan = ''] = emails;
  let joanMoved = joan;
  // Two at a time: with more, some requests would be rejected as busy and the days would differ.
  const one = async () => {
    await abandonRegistration(app);
    await logOut(app, grace);
    await abandonTicket(app, mary);
    joanMoved = await changeEmail(app, joan);
  };
  const another = async () => {
    await rotateTokens(app, ada);
    await useCookies(app, mary);
    await failRegistrations(app, ada);
    await addDeadLetter(app);
    await addPendingInvitation(app);
    await app.send('POST', '/api/v1/auth/forgot-password', { json: { email: ada } });
    await deleteAccount(app);
    await useAndRemovePasskey(app, ada);
  };
  await Promise.all([one(), another()]);
  return [ada, grace, mary, joanMoved];
}

/** A passkey that is used once and removed, so that the user has none on the next day. */
async function useAndRemovePasskey(app: Application, email: string): Promise<void> {
  const { accessToken: token } = await logIn(app, email);
  const { passkey, data } = await addPasskey(app, { token });
  await loginByPasskey(app, passkey);
  await app.send('DELETE', `${passkeysPath}/${data.passkey.id}`, { token });
}

async function abandonRegistration(app: Application): Promise<void> {
  const email = uniqueEmail('abandoned');
  await register(app, email);
  await app.send('POST', '/api/v1/auth/resend-verification', { json: { email } });
  await login(app, email, { password: 'not the right one' });
}

async function failRegistrations(app: Application, email: string): Promise<void> {
  for (const unknown of [uniqueEmail('unknown'), uniqueEmail('unknown')]) await login(app, unknown);
  await register(app, email);
}

/** Leaves one family active and reuses a rotated token of another after its grace period. */
async function rotateTokens(app: Application, email: string): Promise<void> {
  await login(app, email, { password: 'not the right one' });
  const active = await logIn(app, email);
  await refresh(app, active);
  const stolen = await logIn(app, email);
  await refresh(app, stolen);
  app.clock.advance(11_000);
  await refresh(app, stolen);
}

async function logOut(app: Application, email: string): Promise<void> {
  const one = await logIn(app, email);
  await app.send('POST', '/api/v1/auth/logout', { token: one.accessToken });
  const all = await logIn(app, email);
  await app.send('POST', '/api/v1/auth/logout-all', { token: all.accessToken });
}

async function useCookies(app: Application, email: string): Promise<void> {
  const { cookies } = await login(app, email, { transport: 'cookie' });
  await app.send('GET', '/api/v1/users/me', { cookie: cookieHeader(cookies) });
}

async function abandonTicket(app: Application, email: string): Promise<void> {
  present(await issuePasswordTicket(app.services, await userIdOf(app, email), 1), 'the ticket');
}

async function addDeadLetter(app: Application): Promise<void> {
  const { database, makeId, clock } = app.services;
  const id = makeId();
  await enqueueJob(database, { id, kind: 'test.dead_letter', payload: {}, now: clock.now() });
  await database.run(deadLetter, { id, now: clock.now() });
}

async function logIn(app: Application, email: string): Promise<Tokens> {
  const { data, code } = await login(app, email);
  if (code !== undefined) throw new Error(`the login was rejected: ${code}`);
  return data;
}

async function refresh(app: Application, { refreshToken }: Tokens): Promise<void> {
  await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
}

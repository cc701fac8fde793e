/** Values that expire. Each function creates one and returns a check of whether it is still valid. */

import { findSignUp } from '#domain/authentication/index.ts';
import { findTicket } from '#domain/authentication/tickets.ts';
import { findActiveInvitation } from '#domain/invitations/index.ts';
import { consume, consumeCode, findActive, issueToken, type Purpose } from '#domain/one-time-tokens/index.ts';
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { rotateDataKey, rotateSigningKey } from '#flows/rotate-keys/index.ts';
import { sweepHandler } from '#flows/sweep/index.ts';
import { assert, present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { enqueueJob, JobWorkers, readQueueDepth } from '#platform/jobs/index.ts';
import type { Application } from './application.ts';
import { addActiveUser, addPendingInvitation, changeEmail } from './daily-traffic.ts';
import { operator } from './operator.ts';
import { issuePasswordTicket } from './password-ticket.ts';
import { signUp, verify } from './sign-ups.ts';
import { storedVerificationCode } from './stored-links.ts';
import { failedAttemptsOfUnknown } from './stored-login.ts';
import { cookieHeader, isAccepted, login, register, type Tokens, uniqueEmail, validPassword } from './user-actions.ts';
import { userIdOf } from './user-status.ts';

export type IsValid = () => Promise<boolean>;

export type CreateExpiring = (app: Application) => Promise<IsValid>;

const dayMs = 24 * 60 * 60 * 1000;

/** Advances the clock and reloads what a running process reloads on a timer. */
export async function advanceTime({ clock, services }: Application, ms: number): Promise<void> {
  clock.advance(ms);
  await Promise.all([services.keys.refresh(), services.signingKeys.refresh()]);
}

/** A user with a session on one device. */
async function addLoggedInDevice(app: Application): Promise<Tokens & { readonly email: string }> {
  const email = await addActiveUser(app);
  const { data, code } = await login(app, email);
  assert(code === undefined, `the login was rejected: ${code}`);
  return { ...data, email };
}

async function canRefresh(app: Application, refreshToken: string): Promise<boolean> {
  return (await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } })).status === 200;
}

async function createCookieSession(app: Application): Promise<IsValid> {
  const { cookies } = await login(app, await addActiveUser(app), { transport: 'cookie' });
  const cookie = cookieHeader(cookies);
  return async () => (await app.send('GET', '/api/v1/auth/session', { cookie })).status === 200;
}

export const accessToken: CreateExpiring = async (app) => {
  const tokens = await addLoggedInDevice(app);
  return () => isAccepted(app, tokens.accessToken);
};

const disableIdleTimeout = statement('test_expiries.disable_idle_timeout', {
  lane: 'pool',
  sql: `update sessions set idle_expires_at = expires_at where id = :id`,
  params: { id: 'uuid' },
  columns: {},
});

/** The idle timeout is disabled, because it also lasts seven days. */
export const refreshToken: CreateExpiring = async (app) => {
  const tokens = await addLoggedInDevice(app);
  await app.services.database.run(disableIdleTimeout, { id: tokens.sessionId });
  return () => canRefresh(app, tokens.refreshToken);
};

export const refreshGrace: CreateExpiring = async (app) => {
  const tokens = await addLoggedInDevice(app);
  await canRefresh(app, tokens.refreshToken);
  return () => canRefresh(app, tokens.refreshToken);
};

export const idleSession: CreateExpiring = createCookieSession;

/** Days of its lifetime that `usedSession` has used up when it returns. */
export const usedSessionSpentDays = 24;

export const usedSession: CreateExpiring = async (app) => {
  const isValid = await createCookieSession(app);
  for (let spent = 0; spent < usedSessionSpentDays; spent += 6) {
    await advanceTime(app, 6 * dayMs);
    assert(await isValid(), 'the session is in use');
    await app.services.lastSeen.flush();
  }
  return isValid;
};

/** A known device gets its own token again, an unknown device a new one. */
export const knownDevice: CreateExpiring = async (app) => {
  const { email, deviceToken } = await addLoggedInDevice(app);
  return async () => (await login(app, email, { deviceToken })).data.deviceToken === deviceToken;
};

export const cachedSession: CreateExpiring = async (app) => {
  const tokens = await addLoggedInDevice(app);
  const { revocations, sessions } = app.services;
  await revocations.read();
  await isAccepted(app, tokens.accessToken);
  return async () => {
    await revocations.read();
    const { hits } = sessions.counts;
    await isAccepted(app, tokens.accessToken);
    return sessions.counts.hits > hits;
  };
};

/** Through the `one-time-tokens` module; reading and consuming must agree. */
export function link(purpose: Purpose): CreateExpiring {
  return async ({ services }) => {
    const { id, keyId, text } = await issueLink(services, purpose, await addActiveUserId(services));
    if (isCode(purpose)) return () => isCodeValid(services, { id, keyId, purpose, text });
    return async () => {
      const now = services.clock.now();
      const found = await findActive(services.database, purpose, text, now);
      const used = await services.database.transaction((tx) => consume(tx, purpose, text, now));
      assert((found === undefined) === (used === undefined), 'reading and consuming agree');
      return used !== undefined;
    };
  };
}

type Services = Application['services'];

type CodePurpose = Parameters<typeof consumeCode>[1];

function isCode(purpose: Purpose): purpose is CodePurpose {
  return purpose === 'email_code' || purpose === 'mailbox_code';
}

/** The client that requested the code; a code is always bound to one. */
const browserHash = Buffer.alloc(32, 1);

async function isCodeValid(
  { database, clock, tokens }: Services,
  {
    id,
    keyId,
    purpose,
    text,
  }: { readonly id: string; readonly keyId: string; readonly purpose: CodePurpose; readonly text: string },
): Promise<boolean> {
  const hash = tokens.codeHash(text, { id, keyId, browserHash });
  const used = await database.transaction((tx) => consumeCode(tx, purpose, { hash, browserHash }, clock.now()));
  return used !== undefined;
}

async function addActiveUserId(services: Services): Promise<string> {
  const app = { services } as Application;
  return userIdOf(app, await addActiveUser(app));
}

async function issueLink({ tokens, clock, database }: Services, purpose: Purpose, userId: string) {
  const of = isCode(purpose) ? { browserHash } : {};
  const token = { id: tokens.newId(), purpose, userId, identifierId: null, authEpoch: 1, sealedPayload: null, ...of };
  const values = tokens.values({ ...token, now: clock.now() });
  await database.transaction((tx) => issueToken(tx, values));
  const keyId = values.tokenKeyId;
  return { id: token.id, keyId, text: tokens.secret(token.id, purpose, keyId) };
}

export const loginTicket: CreateExpiring = async ({ services }) => {
  const { database, clock } = services;
  const text = present(await issuePasswordTicket(services, await addActiveUserId(services), 1), 'the ticket');
  return async () => (await findTicket(database, { text }, clock.now())) !== undefined;
};

export const signUpTicket: CreateExpiring = async (app) => {
  const { ticket: text } = await signUp(app);
  const { database, clock } = app.services;
  return async () => (await findSignUp(database, { text }, clock.now())) !== undefined;
};

export const usedSignUpTicket: CreateExpiring = async (app) => {
  const { email, ticket: text } = await signUp(app);
  const code = await storedVerificationCode(app, await userIdOf(app, email));
  await verify(app, { ticket: text, code });
  const { database, clock } = app.services;
  return async () => (await findSignUp(database, { text }, clock.now())) !== undefined;
};

export const invitation: CreateExpiring = async (app) => {
  const id = await addPendingInvitation(app);
  const { database, tokens, keys, clock } = app.services;
  const text = tokens.secret(id, 'invitation', keys.currentKeyId('link'));
  return async () => (await findActiveInvitation(database, text, clock.now())) !== undefined;
};

export const invitationRow: CreateExpiring = async (app) =>
  survivesSweep(app.services, 'invitations', await addPendingInvitation(app));

export const retiredSigningKey: CreateExpiring = async ({ services }) => {
  const { kid } = services.signingKeys.current();
  await rotateSigningKey(services, operator, true);
  return async () => (await services.signingKeys.verifyKey(kid)) !== undefined;
};

export const restOfNextSigningKey: CreateExpiring = async ({ services }) => {
  await rotateSigningKey(services, operator, true);
  return async () => (await rotateSigningKey(services, operator, false)).kind === 'too_early';
};

export const restOfNewDataKey: CreateExpiring = async ({ services }) => {
  const id = services.keys.currentKeyId('cursor');
  await rotateDataKey(services, operator, 'cursor');
  return async () => services.keys.currentKeyId('cursor') === id;
};

/** Held by a worker that hangs; no other worker takes the job before the lease expires. */
export const jobLease: CreateExpiring = async ({ services }) => {
  const { database, clock, makeId, logger } = services;
  const [started, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const kind = 'test.lease';
  const handle = async () => {
    started.resolve();
    await end.promise;
    return { kind: 'done' } as const;
  };
  const handlers = [{ ...sweepHandler(services), kind, handle }];
  const workers = new JobWorkers({
    database,
    clock,
    makeId,
    logger,
    handlers,
    schedules: [],
    workerId: makeId(),
    concurrency: 1,
  });
  await enqueueJob(database, { id: makeId(), kind, payload: {}, now: clock.now() });
  workers.start();
  await started.promise;
  return async () => {
    const depths = await readQueueDepth(database, clock.now());
    end.resolve();
    await workers.stop({ graceMs: 1_000 });
    return depths.some((depth) => depth.kind === kind && depth.due === 0);
  };
};

function exists(table: string, column: string) {
  return statement(`test_expiries.exists_in_${table}`, {
    lane: 'pool',
    sql: `select 1 as found from ${table} where ${column}::text = :value`,
    params: { value: 'text' },
    columns: { found: 'int4?' },
  });
}

const rows = {
  users: exists('users', 'id'),
  sessions: exists('sessions', 'id'),
  refreshFamilies: exists('refresh_families', 'session_id'),
  devices: exists('devices', 'user_id'),
  revocations: exists('revocations', 'target'),
  invitations: exists('invitations', 'id'),
  identifiers: exists('identifiers', 'canonical'),
  oneTimeTokens: exists('one_time_tokens', 'id'),
  mails: exists('mail_ledger', 'id'),
  jobs: exists('jobs', 'id'),
} as const;

/** Whether the row still exists after a sweep. */
function survivesSweep(services: Services, row: keyof typeof rows, value: string): IsValid {
  return async () => {
    await sweep(services);
    return (await services.database.rows(rows[row], { value })).length > 0;
  };
}

async function sweep(services: Services): Promise<void> {
  const job = { id: '', kind: 'sweep.expired', payload: {}, attempt: 1, createdAt: services.clock.now() };
  await sweepHandler(services).handle(job, new AbortController().signal);
}

export const endedSessionRow: CreateExpiring = async (app) => {
  const { accessToken: token, sessionId } = await addLoggedInDevice(app);
  await app.send('POST', '/api/v1/auth/logout', { token });
  return survivesSweep(app.services, 'sessions', sessionId);
};

export const revocationRow: CreateExpiring = async (app) => {
  const { accessToken: token, sessionId } = await addLoggedInDevice(app);
  await app.send('POST', '/api/v1/auth/logout', { token });
  return survivesSweep(app.services, 'revocations', sessionId);
};

export const idleSessionRow: CreateExpiring = async (app) => {
  const { sessionId } = await addLoggedInDevice(app);
  return survivesSweep(app.services, 'refreshFamilies', sessionId);
};

export const deviceRow: CreateExpiring = async (app) => {
  const { userId } = await addLoggedInDevice(app);
  return survivesSweep(app.services, 'devices', userId);
};

export const oneTimeTokenRow: CreateExpiring = async ({ services }) => {
  const { id } = await issueLink(services, 'verify_email', await addActiveUserId(services));
  return survivesSweep(services, 'oneTimeTokens', id);
};

/** The address that its user released; no other user can claim it while it is held. */
export const heldAddress: CreateExpiring = async (app) => {
  const email = await addActiveUser(app);
  await changeEmail(app, email);
  return survivesSweep(app.services, 'identifiers', email);
};

export const accountPendingDeletion: CreateExpiring = async (app) => {
  const { accessToken: token, userId } = await addLoggedInDevice(app);
  const json = { currentPassword: validPassword };
  const { code } = await app.send('DELETE', '/api/v1/users/me', { token, json });
  assert(code === undefined, `the deletion was rejected: ${code}`);
  return async () => {
    await eraseDueAccounts(app.services, new AbortController().signal);
    return (await app.services.database.rows(rows.users, { value: userId })).length > 0;
  };
};

export const unverifiedUser: CreateExpiring = async (app) => {
  const email = uniqueEmail();
  await register(app, email);
  return survivesSweep(app.services, 'users', await userIdOf(app, email));
};

export const unknownAttempts: CreateExpiring = async (app) => {
  const email = uniqueEmail();
  await login(app, email);
  return async () => {
    await sweep(app.services);
    return (await failedAttemptsOfUnknown(app, email)) > 0;
  };
};

const deadLetterJob = statement('test_expiries.dead_letter', {
  lane: 'pool',
  sql: `update jobs set state = 'dead', finished_at = :now where id = :id`,
  params: { id: 'uuid', now: 'timestamptz' },
  columns: {},
});

export const deadLetter: CreateExpiring = async ({ services }) => {
  const { database, clock, makeId } = services;
  const id = makeId();
  await enqueueJob(database, { id, kind: 'test.dead_letter', payload: {}, now: clock.now() });
  await database.run(deadLetterJob, { id, now: clock.now() });
  return survivesSweep(services, 'jobs', id);
};

const markSent = statement('test_expiries.finish_mail', {
  lane: 'pool',
  sql: `update mail_ledger set state = 'sent', finished_at = :now where user_id = :userId returning id`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

export const finishedMail: CreateExpiring = async (app) => {
  const email = uniqueEmail();
  await register(app, email);
  const userId = await userIdOf(app, email);
  const mail = await app.services.database.row(markSent, { userId, now: app.clock.now() });
  return survivesSweep(app.services, 'mails', present(mail, 'the mail').id);
};

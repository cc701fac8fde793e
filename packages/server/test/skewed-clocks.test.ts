/** Two nodes on one PostgreSQL, the machine of one with a wrong clock: they behave as two nodes with one clock. */
import { beforeAll, describe, expect, it } from 'vitest';
import { openReadiness } from '#app/readiness-checks.ts';
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { sweepHandler } from '#flows/sweep/index.ts';
import { statement } from '#platform/database/index.ts';
import { enqueueJob, type JobHandler, JobWorkers } from '#platform/jobs/index.ts';
import { Application } from './support/application.ts';
import { countQueued } from './support/queued-jobs.ts';
import { signUp, verify } from './support/sign-ups.ts';
import { storedLinkToken, storedVerificationCode } from './support/stored-links.ts';
import {
  isAccepted,
  login,
  register,
  type Tokens,
  uniqueEmail,
  validPassword,
  verifyEmail,
} from './support/user-actions.ts';
import { userIdOf } from './support/user-status.ts';
import { eventually } from './support/wait.ts';

const primaryOf = statement('skewed_clocks_test.primary', {
  lane: 'pool',
  sql: `select canonical from identifiers where user_id = :userId and is_primary`,
  params: { userId: 'uuid' },
  columns: { canonical: 'text' },
});
const scheduleOf = statement('skewed_clocks_test.schedule', {
  lane: 'pool',
  sql: `select last_run_at, next_run_at from job_schedules where name = :name`,
  params: { name: 'text' },
  columns: { lastRunAt: 'timestamptz?', nextRunAt: 'timestamptz' },
});
const setNextRun = statement('skewed_clocks_test.set_next_run', {
  lane: 'pool',
  sql: `update job_schedules set next_run_at = :at where name = :name`,
  params: { name: 'text', at: 'timestamptz' },
  columns: {},
});

const hour = 3600;
const year = 365 * 24 * hour;

async function registerOn(node: Application, prover: Application): Promise<string> {
  const email = uniqueEmail();
  expect((await register(node, email)).status).toBe(201);
  const link = await storedLinkToken(prover, await userIdOf(prover, email), 'verify_email');
  expect((await verifyEmail(prover, link)).status).toBe(200);
  return email;
}

async function refresh(node: Application, refreshToken: string): Promise<Tokens> {
  const { status, data } = await node.send<Tokens>('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
  expect(status).toBe(200);
  return data;
}

async function changeEmail(node: Application, email: string, newEmail: string): Promise<string> {
  const { data } = await login(node, email);
  const json = { newEmail, currentPassword: validPassword };
  expect((await node.send('POST', '/api/v1/users/me/email', { token: data.accessToken, json })).status).toBe(202);
  const confirm = await storedLinkToken(node, data.userId, 'confirm_email_change');
  const { status } = await node.send('POST', '/api/v1/auth/confirm-email-change', { json: { token: confirm } });
  expect(status).toBe(200);
  return storedLinkToken(node, data.userId, 'undo_email_change');
}

async function undo(node: Application, token: string): Promise<number> {
  const json = { token, password: validPassword };
  return (await node.send('POST', '/api/v1/auth/undo-email-change', { json })).status;
}

let right: Application;

beforeAll(async () => {
  right = await Application.open({ manual: true, skewSeconds: 0 });
  return () => right.close();
});

describe.each([6, -6, hour, -hour, year, -year])('a node whose machine is %d s ahead', (skewSeconds) => {
  let skewed: Application;

  beforeAll(async () => {
    skewed = await Application.open({ manual: true, deploymentOf: right, skewSeconds });
    return () => skewed.close();
  });

  const bothOrders = () => [[right, skewed] as const, [skewed, right] as const];

  it('has the time of the database, and says so', async () => {
    expect(Math.abs(skewed.clock.now().getTime() - right.clock.now().getTime())).toBeLessThan(500);
    const { checks, status } = await openReadiness(skewed.services, () => undefined).read();
    const [, seconds = '', direction] = /([\d,.]+) s (ahead|behind)/.exec(checks.clock ?? '') ?? [];
    expect(direction).toBe(skewSeconds > 0 ? 'ahead' : 'behind');
    // A round trip hides up to its own length of the skew.
    expect(Math.abs(Number(seconds.replaceAll(',', '')) - Math.abs(skewSeconds))).toBeLessThan(1);
    expect(status).toBe((await openReadiness(right.services, () => undefined).read()).status);
    expect(skewed.services.clockSkew?.describe()).toBe(checks.clock);
    expect(right.services.clockSkew?.describe()).toBeUndefined();
  });

  it('shares accounts, sessions and refresh tokens with the other', async () => {
    for (const [one, other] of bothOrders()) {
      const email = await registerOn(one, other);
      const first = (await login(one, email)).data;
      expect([await isAccepted(one, first.accessToken), await isAccepted(other, first.accessToken)]).toEqual([
        true,
        true,
      ]);
      const second = await refresh(other, first.refreshToken);
      const repeated = await refresh(one, first.refreshToken);
      expect(repeated.refreshToken).toBe(second.refreshToken);
      const third = await refresh(one, second.refreshToken);
      expect(await isAccepted(other, third.accessToken)).toBe(true);
      expect((await one.send('POST', '/api/v1/auth/logout', { token: third.accessToken })).status).toBe(200);
      expect(await isAccepted(other, third.accessToken)).toBe(false);
    }
  });

  it('completes the sign-ups of the other, by link and by code, once', async () => {
    for (const [one, other] of bothOrders()) {
      for (const by of ['token', 'code'] as const) {
        const { email, ticket } = await signUp(one);
        const userId = await userIdOf(one, email);
        const token = await storedLinkToken(one, userId, 'verify_email');
        const secret = by === 'token' ? { token } : { code: await storedVerificationCode(one, userId) };
        expect((await verify(other, { ticket, ...secret })).data).toHaveProperty('accessToken');
        expect((await verify(one, { ticket })).code).toBe('invalid_ticket');
        expect((await verify(one, { ticket, token })).data).toEqual({ status: 'verified' });
      }
    }
  });

  it('lets the owner’s undo link win over the thief’s', async () => {
    for (const [owners, thiefs] of bothOrders()) {
      const email = await registerOn(owners, owners);
      const userId = await userIdOf(owners, email);
      const [moved, stolen] = [uniqueEmail('moved'), uniqueEmail('stolen')];
      const owner = await changeEmail(owners, email, moved);
      const thief = await changeEmail(thiefs, moved, stolen);
      expect(await undo(thiefs, thief)).toBe(200);
      expect(await undo(owners, owner)).toBe(200);
      expect(await right.services.database.row(primaryOf, { userId })).toEqual({ canonical: email });
    }
  });

  it('sweeps and erases nothing before its time', async () => {
    const email = await registerOn(right, right);
    const kept = (await login(right, email)).data;
    const leaving = await registerOn(right, right);
    const { data } = await login(right, leaving);
    const json = { currentPassword: validPassword };
    expect((await right.send('DELETE', '/api/v1/users/me', { token: data.accessToken, json })).status).toBeLessThan(
      300,
    );
    const job = { id: skewed.services.makeId(), kind: 'sweep.expired', payload: {}, attempt: 1 } as const;
    const { clock } = skewed.services;
    await sweepHandler(skewed.services).handle({ ...job, createdAt: clock.now() }, new AbortController().signal);
    expect(await eraseDueAccounts(skewed.services)).toBe(0);
    expect((await login(right, leaving)).data.step).toBe('cancel_deletion');
    await refresh(skewed, kept.refreshToken);
  });

  it('claims no job that the other holds, and neither stops nor repeats its schedules', async () => {
    const { database } = right.services;
    const name = right.services.makeId();
    const counts = { held: 0, scheduled: 0 };
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const handlers: JobHandler[] = [
      {
        kind: 'test.held',
        maxAttempts: 3,
        leaseSeconds: 15,
        handle: async () => {
          counts.held += 1;
          await released;
          return { kind: 'done' };
        },
      },
      {
        kind: 'test.scheduled',
        maxAttempts: 3,
        leaseSeconds: 15,
        handle: async () => {
          counts.scheduled += 1;
          return { kind: 'done' };
        },
      },
    ];
    const schedules = [{ name, kind: 'test.scheduled', everySeconds: 600 }];
    const start = ({ services: { clock, logger, makeId } }: Application) => {
      const workers = new JobWorkers({
        database,
        clock,
        makeId,
        logger,
        handlers,
        schedules,
        workerId: makeId(),
        concurrency: 4,
        pollMs: 10,
      });
      workers.start();
      return workers;
    };
    const scheduled = async () => {
      const row = await database.row(scheduleOf, { name });
      return row?.lastRunAt ? row.nextRunAt.getTime() - row.lastRunAt.getTime() : undefined;
    };
    const id = right.services.makeId();
    await enqueueJob(database, { id, kind: 'test.held', payload: {}, now: right.clock.now() });
    const first = start(right);
    // A schedule whose last run is not completed is not enqueued again.
    const hasRun = (times: number) => async () =>
      counts.scheduled === times && (await countQueued(database, 'test.scheduled')) === 0;
    await eventually(hasRun(1), { what: 'the schedule runs' });
    await eventually(() => counts.held === 1, { what: 'one node holds the job' });
    const second = start(skewed);
    // As a clock that is not corrected would have stored it.
    await database.run(setNextRun, { name, at: new Date(right.clock.now().getTime() + year * 1000) });
    await eventually(hasRun(2), { what: 'the schedule is due again' });
    expect(await scheduled()).toBe(600_000);
    await database.run(setNextRun, { name, at: right.clock.now() });
    await eventually(hasRun(3), { what: 'the schedule runs a third time' });
    release();
    await Promise.all([first, second].map((workers) => workers.stop({ graceMs: 5_000 })));
    expect(counts).toEqual({ held: 1, scheduled: 3 });
  });
});

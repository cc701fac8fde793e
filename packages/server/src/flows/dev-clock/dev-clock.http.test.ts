import { beforeAll, describe, expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { Application, type RequestOptions } from '#test/support/application.ts';
import {
  addLoggedInUser,
  isAccepted,
  mailedToken,
  mailsTo,
  register,
  uniqueEmail,
  verifyEmail,
} from '#test/support/user-actions.ts';
import { eventually } from '#test/support/wait.ts';

const path = '/dev/clock';
const dayMs = 24 * 60 * 60 * 1000;

interface ClockState {
  readonly now: string;
  readonly advancedSeconds: number;
}

const countUsers = statement('dev_clock_test.count_users', {
  lane: 'pool',
  sql: `select count(*)::int4 as users from identifiers where canonical = :email`,
  params: { email: 'text' },
  columns: { users: 'int4?' },
});

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

function advance(by: string, sent: RequestOptions = {}) {
  return app.send<ClockState>('POST', path, { json: { advance: by }, ...sent });
}

async function readClock(): Promise<ClockState> {
  return JSON.parse((await app.send('GET', path)).text) as ClockState;
}

describe('POST /dev/clock', () => {
  it('200 advances the clock of the process and returns the time', async () => {
    const before = await readClock();
    const { status, data } = await advance('31d');
    expect(status).toBe(200);
    expect(data.advancedSeconds - before.advancedSeconds).toBe(31 * 24 * 60 * 60);
    expect(Date.parse(data.now) - Date.parse(before.now)).toBeGreaterThanOrEqual(31 * dayMs);
    const next = await readClock();
    expect(next.advancedSeconds).toBe(data.advancedSeconds);
    expect(Date.parse(next.now) - Date.parse(data.now)).toBeLessThan(dayMs);
  });

  it('200 expires links', async () => {
    const email = uniqueEmail();
    await register(app, email);
    const token = await mailedToken(app, email);
    await advance('24h');
    expect((await verifyEmail(app, token)).status).not.toBe(200);
  });

  it('200 keeps a session active that was just used', async () => {
    const { accessToken, refreshToken } = await addLoggedInUser(app);
    await advance('6d');
    const first = await app.send<{ refreshToken: string; accessToken: string }>('POST', '/api/v1/auth/refresh', {
      json: { refreshToken },
    });
    expect(await isAccepted(app, accessToken)).toBe(false);
    await advance('6d');
    const second = await app.send<{ accessToken: string }>('POST', '/api/v1/auth/refresh', {
      json: { refreshToken: first.data.refreshToken },
    });
    expect(await isAccepted(app, second.data.accessToken)).toBe(true);
  });

  it('200 runs scheduled jobs: an unverified registration is deleted', async () => {
    const email = uniqueEmail();
    await register(app, email);
    await mailedToken(app, email);
    await advance('8d');
    const isDeleted = async () => (await app.services.database.row(countUsers, { email }))?.users === 0;
    await eventually(isDeleted, { what: 'the sweep has run' });
  });

  it('200 rotates keys: a login a year later returns a valid token', async () => {
    await advance('365d');
    const { accessToken } = await addLoggedInUser(app);
    expect(await isAccepted(app, accessToken)).toBe(true);
  });

  it('200 sends each mail once that was being sent when the clock moved', async () => {
    const emails = Array.from({ length: 5 }, () => uniqueEmail());
    for (const email of emails) {
      await register(app, email);
      await advance('2m');
    }
    for (const email of emails) await mailedToken(app, email);
    for (const email of emails) {
      expect(await mailsTo(app, email)).toHaveLength(1);
      expect(app.inbox.list(email)).toHaveLength(1);
    }
  });

  it.each([{}, { advance: '-1d' }, { advance: '0s' }, { advance: 86_400 }, { advance: '1d', back: true }])(
    '422 for %j, and the clock does not move',
    async (json) => {
      const { advancedSeconds } = await readClock();
      expect((await app.send('POST', path, { json })).code).toBe('validation_failed');
      expect((await readClock()).advancedSeconds).toBe(advancedSeconds);
    },
  );

  it('422 beyond ten years in total, also for concurrent requests', async () => {
    const responses = await Promise.all(Array.from({ length: 5 }, () => advance('1000d')));
    const { advancedSeconds } = await readClock();
    expect(responses.filter(({ status }) => status === 200).length).toBe(3);
    expect(responses.filter(({ code }) => code === 'validation_failed').length).toBe(2);
    expect(advancedSeconds).toBeLessThanOrEqual(3650 * 24 * 60 * 60);
  });
});

describe('/dev/clock', () => {
  it.each(['192.0.2.9', '10.0.0.1', '2001:db8::1', '::ffff:192.0.2.9'])(
    '404 for %s, and the clock does not move',
    async (peerAddress) => {
      const { advancedSeconds } = await readClock();
      expect((await app.send('GET', path, { peerAddress })).status).toBe(404);
      expect((await advance('1d', { peerAddress })).status).toBe(404);
      expect((await readClock()).advancedSeconds).toBe(advancedSeconds);
    },
  );

  it('404 in production, where nothing under /dev is mounted and the clock is not movable', async () => {
    const env = {
      NODE_ENV: 'production',
      LATCHKEY_PUBLIC_URL: 'https://auth.example.com',
      SMTP_URL: 'smtps://user:secret@mail.example.com',
      LATCHKEY_ARGON2_MEMORY_KIB: '19456',
      LATCHKEY_ARGON2_TIME: '2',
    };
    const production = await Application.open({ deploymentOf: app, env, manual: true });
    const statuses = [
      (await production.send('GET', path)).status,
      (await production.send('POST', path, { json: { advance: '1d' } })).status,
    ];
    const development = production.endpoints.filter((endpoint) => endpoint.path.startsWith('/dev'));
    await production.close();
    expect(statuses).toEqual([404, 404]);
    expect(development).toEqual([]);
    expect(production.services.movableClock).toBeUndefined();
  });
});

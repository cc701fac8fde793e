/** docs/guides/speed.md: how often an operation asks PostgreSQL when nobody is in its way. */
import { beforeAll, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { Application } from './support/application.ts';
import { roundTripsOf } from './support/statement-counts.ts';
import {
  addCookieSession,
  addLoggedInUser,
  addVerifiedUser,
  isAccepted,
  login,
  register,
  sameOrigin,
  uniqueEmail,
  validPassword,
} from './support/user-actions.ts';

/** Nothing runs by itself here: what is counted was asked for. Mails are sent by `mailer`, which is not counted. */
let app: Application;
let mailer: Application;

beforeAll(async () => {
  // Time stands still, so that what is remembered stays believed however slow this machine is.
  mailer = await Application.open({ time: new FixedClock(new Date('2030-02-03T04:05:06.000Z')) });
  app = await Application.open({ deploymentOf: mailer, manual: true });
  await app.services.revocations.read();
  return async () => {
    await app.close();
    await mailer.close();
  };
});

const sessionPath = '/api/v1/auth/session';

describe('without the database', () => {
  it.each(['/livez', '/.well-known/jwks.json', '/openapi.json', '/docs', '/docs/problems', '/assets/latchkey.css'])(
    '%s asks nothing',
    async (path) => {
      const names = await roundTripsOf(app, async () => expect((await app.send('GET', path)).status).toBe(200));
      expect(names).toEqual([]);
    },
  );

  it('a request that is refused for its form asks nothing', async () => {
    const names = await roundTripsOf(app, async () => {
      const paths = ['register', 'login', 'refresh', 'verify-email', 'resend-verification'];
      for (const path of [...paths, 'forgot-password', 'reset-password']) {
        expect((await app.send('POST', `/api/v1/auth/${path}`, { json: { wrong: 1 } })).status).toBe(422);
      }
      expect((await app.send('GET', sessionPath)).status).toBe(401);
      expect((await app.send('GET', sessionPath, { token: 'a.b.c' })).status).toBe(401);
      expect((await app.send('GET', sessionPath, { cookie: 'latchkey_session=x' })).status).toBe(401);
      expect((await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken: 'x' } })).status).toBe(401);
    });
    expect(names).toEqual([]);
  });
});

describe('the session check', () => {
  it('asks once when it is cold and never when it is warm, by token', async () => {
    const { accessToken } = await addLoggedInUser(mailer);
    expect(await roundTripsOf(app, () => isAccepted(app, accessToken))).toEqual(['sessions.find_live']);
    const warm = async () => {
      for (const _ of [1, 2, 3]) expect(await isAccepted(app, accessToken)).toBe(true);
    };
    expect(await roundTripsOf(app, warm)).toEqual([]);
  });

  it('asks once when it is cold and never when it is warm, by cookie', async () => {
    const { cookie } = await addCookieSession(mailer);
    const check = async () => expect((await app.send('GET', sessionPath, { cookie })).status).toBe(200);
    expect(await roundTripsOf(app, check)).toEqual(['sessions.find_live_by_token']);
    expect(await roundTripsOf(app, check)).toEqual([]);
  });

  it('asks nothing more for a token by a cookie’s session', async () => {
    const { cookie } = await addCookieSession(mailer);
    await app.send('GET', sessionPath, { cookie });
    const mint = () => app.send('POST', '/api/v1/auth/token', { cookie, headers: sameOrigin });
    expect(await roundTripsOf(app, mint)).toEqual([]);
  });
});

describe('register', () => {
  it('asks twice for a new address', async () => {
    const names = await roundTripsOf(app, () => register(app, uniqueEmail()));
    expect(names).toEqual(['register.create_user', 'register.find_holder']);
  });

  it('asks twice for an address that waits', async () => {
    const email = uniqueEmail();
    await register(app, email);
    expect(await roundTripsOf(app, () => register(app, email))).toEqual([
      'register.find_holder',
      'registrations.add_link',
    ]);
  });

  it('asks twice for a taken address', async () => {
    const email = await addVerifiedUser(mailer);
    expect(await roundTripsOf(app, () => register(app, email))).toEqual([
      'register.find_holder',
      'register.notify_owner',
    ]);
  });
});

describe('login', () => {
  const success = ['login.complete', 'login.reserve_attempt'];

  it.each(['token', 'cookie'])('asks twice, by %s, on the first, a known and a new device', async (transport) => {
    const email = await addVerifiedUser(mailer);
    const first = await login(app, email);
    const { deviceToken } = first.data;
    expect(await roundTripsOf(app, () => login(app, email, { transport, deviceToken }))).toEqual(success);
    expect(await roundTripsOf(app, () => login(app, email, { transport }))).toEqual(success);
    const other = await addVerifiedUser(mailer);
    expect(await roundTripsOf(app, () => login(app, other, { transport }))).toEqual(success);
  });

  it('asks twice when it fails, for a known and an unknown address alike', async () => {
    const email = await addVerifiedUser(mailer);
    const wrong = { password: `not ${validPassword}` };
    const known = await roundTripsOf(app, () => login(app, email, wrong));
    expect(known).toEqual(['audit_events.record', 'login.reserve_attempt']);
    expect(await roundTripsOf(app, () => login(app, uniqueEmail(), wrong))).toEqual(known);
  });
});

describe('a change of password', () => {
  it('asks for its limit and for the attempt before the hash, and writes in one transaction', async () => {
    const { accessToken } = await addLoggedInUser(mailer);
    await isAccepted(app, accessToken);
    const change = (currentPassword: string) => {
      const json = { currentPassword, newPassword: 'another good password' };
      return app.send('POST', '/api/v1/users/me/password', { token: accessToken, json });
    };
    const refused = await roundTripsOf(app, () => change('not the right password'));
    const counted = 'rate_limit_counters.take';
    expect(refused).toEqual(['audit_events.record', 'passwords.reserve_attempt_of_user', counted, 'users.find_key']);
    const names = await roundTripsOf(app, () => change(validPassword));
    expect(names.filter((name) => name.startsWith('transaction.'))).toEqual([
      'transaction.begin',
      'transaction.commit',
    ]);
    expect(names.length).toBeLessThanOrEqual(17);
  });
});

describe('refresh', () => {
  const refresh = (refreshToken: string) => app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } });

  it('asks once, the first time and again within the grace', async () => {
    const { refreshToken } = await addLoggedInUser(mailer);
    for (const _ of [1, 2]) {
      expect(await roundTripsOf(app, () => refresh(refreshToken))).toEqual(['refresh_tokens.rotate']);
    }
  });
});

describe('logout', () => {
  it('asks once beside the warm session check', async () => {
    const { accessToken } = await addLoggedInUser(mailer);
    await isAccepted(app, accessToken);
    const logout = () => app.send('POST', '/api/v1/auth/logout', { token: accessToken });
    expect(await roundTripsOf(app, logout)).toEqual(['sessions.end']);
  });

  it('asks once by cookie too', async () => {
    const { cookie } = await addCookieSession(mailer);
    await app.send('GET', sessionPath, { cookie });
    const logout = () => app.send('POST', '/api/v1/auth/logout', { cookie, headers: sameOrigin });
    expect(await roundTripsOf(app, logout)).toEqual(['sessions.end']);
  });
});

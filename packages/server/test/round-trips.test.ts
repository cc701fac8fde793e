/** docs/guides/speed.md: the PostgreSQL round trips of each operation without contention. */
import { beforeAll, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { Application } from './support/application.ts';
import { loginByCode, loginByLink, loginMethodsEnabled, requestCode, requestLink } from './support/login-by-mail.ts';
import { addTotpUser, codeNow, proveSecondFactor } from './support/second-factors.ts';
import { roundTripsOf } from './support/statement-counts.ts';
import { storedLinkToken } from './support/stored-links.ts';
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
import { userIdOf } from './support/user-status.ts';

/**
 * `app` starts nothing in the background, so every round trip belongs to the test. `mailer` sends the mails and is not
 * counted.
 */
let app: Application;
let mailer: Application;

beforeAll(async () => {
  // A fixed clock keeps cached sessions fresh on a slow machine.
  mailer = await Application.open({ time: new FixedClock(new Date('2030-02-03T04:05:06.000Z')) });
  app = await Application.open({ deploymentOf: mailer, manual: true, env: loginMethodsEnabled });
  await app.services.revocations.read();
  return async () => {
    await app.close();
    await mailer.close();
  };
});

const sessionPath = '/api/v1/auth/session';

describe('requests without database access', () => {
  it.each(['/livez', '/.well-known/jwks.json', '/openapi.json', '/docs', '/docs/problems', '/assets/latchkey.css'])(
    '%s makes no round trip',
    async (path) => {
      const roundTrips = await roundTripsOf(app, async () => expect((await app.send('GET', path)).status).toBe(200));
      expect(roundTrips).toEqual([]);
    },
  );

  it('a request that fails validation makes no round trip', async () => {
    const roundTrips = await roundTripsOf(app, async () => {
      const paths = ['register', 'login', 'refresh', 'verify-email', 'resend-verification'];
      for (const path of [...paths, 'forgot-password', 'reset-password']) {
        expect((await app.send('POST', `/api/v1/auth/${path}`, { json: { wrong: 1 } })).status).toBe(422);
      }
      expect((await app.send('GET', sessionPath)).status).toBe(401);
      expect((await app.send('GET', sessionPath, { token: 'a.b.c' })).status).toBe(401);
      expect((await app.send('GET', sessionPath, { cookie: 'latchkey_session=x' })).status).toBe(401);
      expect((await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken: 'x' } })).status).toBe(401);
    });
    expect(roundTrips).toEqual([]);
  });
});

describe('the session check', () => {
  it('makes one round trip when cold and none when warm, with a token', async () => {
    const { accessToken } = await addLoggedInUser(mailer);
    expect(await roundTripsOf(app, () => isAccepted(app, accessToken))).toEqual(['sessions.find_live']);
    const warm = async () => {
      for (const _ of [1, 2, 3]) expect(await isAccepted(app, accessToken)).toBe(true);
    };
    expect(await roundTripsOf(app, warm)).toEqual([]);
  });

  it('makes one round trip when cold and none when warm, with a cookie', async () => {
    const { cookie } = await addCookieSession(mailer);
    const check = async () => expect((await app.send('GET', sessionPath, { cookie })).status).toBe(200);
    expect(await roundTripsOf(app, check)).toEqual(['sessions.find_live_by_token']);
    expect(await roundTripsOf(app, check)).toEqual([]);
  });

  it('makes no further round trip for a token issued to a cookie session', async () => {
    const { cookie } = await addCookieSession(mailer);
    await app.send('GET', sessionPath, { cookie });
    const mint = () => app.send('POST', '/api/v1/auth/token', { cookie, headers: sameOrigin });
    expect(await roundTripsOf(app, mint)).toEqual([]);
  });
});

describe('register', () => {
  it('makes two for a new address', async () => {
    const roundTrips = await roundTripsOf(app, () => register(app, uniqueEmail()));
    expect(roundTrips).toEqual(['register.create_user', 'register.find_holder']);
  });

  it('makes two for an unverified address', async () => {
    const email = uniqueEmail();
    await register(app, email);
    expect(await roundTripsOf(app, () => register(app, email))).toEqual([
      'register.find_holder',
      'registrations.repeat',
    ]);
  });

  it('makes two for a verified address', async () => {
    const email = await addVerifiedUser(mailer);
    expect(await roundTripsOf(app, () => register(app, email))).toEqual([
      'register.find_holder',
      'register.notify_owner',
    ]);
  });
});

describe('login', () => {
  const success = ['login.complete', 'login.reserve_attempt'];

  it.each(['token', 'cookie'])('makes two with a %s, on the first, a known and a new device', async (transport) => {
    const email = await addVerifiedUser(mailer);
    const first = await login(app, email);
    const { deviceToken } = first.data;
    expect(await roundTripsOf(app, () => login(app, email, { transport, deviceToken }))).toEqual(success);
    expect(await roundTripsOf(app, () => login(app, email, { transport }))).toEqual(success);
    const other = await addVerifiedUser(mailer);
    expect(await roundTripsOf(app, () => login(app, other, { transport }))).toEqual(success);
  });

  it('makes two when it fails, for known and unknown addresses alike', async () => {
    const email = await addVerifiedUser(mailer);
    const wrong = { password: `not ${validPassword}` };
    const known = await roundTripsOf(app, () => login(app, email, wrong));
    expect(known).toEqual(['audit_events.record', 'login.reserve_attempt']);
    expect(await roundTripsOf(app, () => login(app, uniqueEmail(), wrong))).toEqual(known);
  });

  /** The rate limit, and the gate's transaction: lock the user, read the facts, reset the counter, consume, write. */
  const mailLogin = [
    'attempt_counters.reset',
    'login.complete',
    'logins.find_candidate',
    'one_time_tokens.consume',
    'rate_limit_counters.refund',
    'rate_limit_counters.take',
    'transaction.begin',
    'transaction.commit',
    'users.lock',
  ];

  it('by a link makes three and one transaction of seven', async () => {
    const email = await addVerifiedUser(mailer);
    const { browserToken } = (await requestLink(app, email)).data;
    const token = await storedLinkToken(app, await userIdOf(app, email), 'magic_link');
    const names = await roundTripsOf(app, () => loginByLink(app, token, { browserToken }));
    expect(names).toEqual([...mailLogin, 'one_time_tokens.find_active'].toSorted());
  });

  it('by a code makes three and one transaction of seven', async () => {
    const email = await addVerifiedUser(mailer);
    const { browserToken } = (await requestCode(app, email)).data;
    const code = await storedLinkToken(app, await userIdOf(app, email), 'email_code');
    const names = await roundTripsOf(app, () => loginByCode(app, email, code, { browserToken }));
    expect(names).toEqual([...mailLogin, 'login_by_mail.reserve_attempt'].toSorted());
  });

  it('by the code of an app makes one and one transaction, which gives the use of the rate limit back', async () => {
    const user = await addTotpUser(mailer);
    const { ticket } = (await login(app, user.email)).data;
    const code = codeNow(app, user.secret, 1);
    const names = await roundTripsOf(app, async () => {
      expect((await proveSecondFactor(app, ticket, { code })).status).toBe(200);
    });
    expect(names).toEqual([
      'attempt_counters.reset',
      'login.complete',
      'logins.consume_ticket',
      'logins.find_candidate',
      'rate_limit_counters.refund',
      'second_factor.reserve_guess',
      'totp_secrets.use_step',
      'transaction.begin',
      'transaction.commit',
      'users.lock',
    ]);
  });
});

describe('a change of password', () => {
  it('checks its limit and reserves the attempt before the hash, and writes in one transaction', async () => {
    const { accessToken } = await addLoggedInUser(mailer);
    await isAccepted(app, accessToken);
    const change = (currentPassword: string) => {
      const json = { currentPassword, newPassword: 'another good password' };
      return app.send('POST', '/api/v1/users/me/password', { token: accessToken, json });
    };
    const rejected = await roundTripsOf(app, () => change('not the right password'));
    const limitTaken = 'rate_limit_counters.take';
    expect(rejected).toEqual([
      'audit_events.record',
      'passwords.reserve_attempt_of_user',
      limitTaken,
      'users.find_key',
    ]);
    const roundTrips = await roundTripsOf(app, () => change(validPassword));
    expect(roundTrips.filter((name) => name.startsWith('transaction.'))).toEqual([
      'transaction.begin',
      'transaction.commit',
    ]);
    expect(roundTrips.length).toBeLessThanOrEqual(17);
  });
});

describe('refresh', () => {
  const refresh = (refreshToken: string) => app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } });

  it('makes one, the first time and again within the grace period', async () => {
    const { refreshToken } = await addLoggedInUser(mailer);
    for (const _ of [1, 2]) {
      expect(await roundTripsOf(app, () => refresh(refreshToken))).toEqual(['refresh_tokens.rotate']);
    }
  });
});

describe('logout', () => {
  it('makes one besides the warm session check', async () => {
    const { accessToken } = await addLoggedInUser(mailer);
    await isAccepted(app, accessToken);
    const logout = () => app.send('POST', '/api/v1/auth/logout', { token: accessToken });
    expect(await roundTripsOf(app, logout)).toEqual(['sessions.end']);
  });

  it('makes one with a cookie as well', async () => {
    const { cookie } = await addCookieSession(mailer);
    await app.send('GET', sessionPath, { cookie });
    const logout = () => app.send('POST', '/api/v1/auth/logout', { cookie, headers: sameOrigin });
    expect(await roundTripsOf(app, logout)).toEqual(['sessions.end']);
  });
});

/** Scenarios of jobs. */
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { failedLoginNoticeHandler } from '#flows/login/index.ts';
import { sweepHandler } from '#flows/sweep/index.ts';
import { advanceTime } from '#test/support/expiries.ts';
import { deleteQueued, handleQueued } from '#test/support/queued-jobs.ts';
import { setStatus } from '#test/support/user-status.ts';
import type { Application } from '../../support/application.ts';
import { addActiveUser, addPendingInvitation } from '../../support/daily-traffic.ts';
import { awaitMailRequests, runMailRequests } from '../../support/mail-requests.ts';
import { cookieHeader, login, register, sameOrigin, uniqueEmail, validPassword } from '../../support/user-actions.ts';
import {
  addScenarioUser,
  addUnverifiedUser,
  allTrue,
  canLogIn,
  canVerify,
  exhaustAttempts,
  linkToken,
  logIn,
  newPassword,
  not,
  type Prepared,
  request,
  resultOfWork,
  type Scenario,
} from './scenario.ts';

const gracePeriodMs = 7 * 24 * 3600 * 1000;

/** A queued mail request for the address. */
async function mailRequestJob(
  app: Application,
  path: string,
  email: string,
  isComplete: Prepared['isComplete'],
): Promise<Prepared> {
  await awaitMailRequests(app);
  await request(app, 'POST', `/auth/${path}`, { json: { email } });
  return { run: () => resultOfWork(() => runMailRequests(app.services)), isComplete };
}

export const jobs: readonly Scenario[] = [
  {
    name: 'job erase',
    isIdempotent: true,
    audit: ['account.erased'],
    jobs: ['erase.counters'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken: token } = await logIn(user);
      await request(app, 'DELETE', '/users/me', { token, json: { currentPassword: validPassword } });
      app.clock.advance(gracePeriodMs + 1);
      const isComplete = () =>
        allTrue([not(() => canLogIn(app, user.email)), async () => (await register(app, user.email)).status === 201]);
      return { run: () => resultOfWork(() => eraseDueAccounts(app.services)), isComplete };
    },
  },
  {
    name: 'job mail_requests.enqueue',
    isIdempotent: true,
    audit: ['password.reset_requested'],
    mail: ['reset_password'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      return mailRequestJob(app, 'forgot-password', user.email, async () => {
        const json = { token: await linkToken(user, 'reset_password'), password: newPassword };
        const reset = await request(app, 'POST', '/auth/reset-password', { json });
        return reset === 'done' && canLogIn(app, user.email, newPassword);
      });
    },
  },
  {
    name: 'job mail_requests.enqueue_with_return',
    isIdempotent: true,
    audit: ['login.link_requested'],
    mail: ['magic_link'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      await awaitMailRequests(app);
      const form = { email: user.email, password: '', act: 'magic_link', continue: '/account/security' };
      const { cookies } = await app.send('POST', '/login', { form, headers: sameOrigin });
      const isComplete = async () => {
        const link = { token: await linkToken(user, 'magic_link') };
        const pressed = await app.send('POST', '/login/magic-link', { form: link, cookie: cookieHeader(cookies) });
        return pressed.headers.get('location') === '/account/security';
      };
      return { run: () => resultOfWork(() => runMailRequests(app.services)), isComplete };
    },
  },
  {
    name: 'job mail_requests.enqueue, for an unknown address',
    isIdempotent: true,
    audit: ['password.reset_requested'],
    prepare: async (app) => {
      const email = uniqueEmail('unknown');
      return mailRequestJob(app, 'forgot-password', email, async () => (await register(app, email)).status === 201);
    },
  },
  {
    name: 'job mail_requests.enqueue, for a disabled user',
    isIdempotent: true,
    audit: ['password.reset_requested'],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      await setStatus(app, email, 'disabled');
      return mailRequestJob(
        app,
        'forgot-password',
        email,
        not(() => canLogIn(app, email)),
      );
    },
  },
  {
    name: 'job mail_requests.enqueue, for an unverified address',
    isIdempotent: true,
    audit: ['email.verification_requested'],
    mail: ['verify_email'],
    prepare: async (app) => {
      const { email } = await addUnverifiedUser(app);
      return mailRequestJob(app, 'resend-verification', email, () => canVerify(app, email));
    },
  },
  {
    name: 'job mail_requests.enqueue, for a verified address',
    isIdempotent: true,
    audit: ['email.verification_requested'],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      return mailRequestJob(app, 'resend-verification', email, () => canLogIn(app, email));
    },
  },
  {
    name: 'job login.failed_login_notice',
    isIdempotent: true,
    audit: [],
    mail: ['failed_logins'],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const handler = failedLoginNoticeHandler(app.services);
      await deleteQueued(app.services.database, handler.kind);
      await exhaustAttempts(app, email);
      const sendNotice = () => resultOfWork(() => handleQueued(app.services.database, handler));
      return { run: sendNotice, isComplete: not(() => canLogIn(app, email)) };
    },
  },
  {
    name: 'job sweep.expired',
    audit: [],
    commitsInParts: true,
    // Only in the sweeps that come a year after an earlier scenario.
    optionalRows: ['- data_keys month current', '- data_keys month retired'],
    prepare: async (app) => {
      const monthMs = 31 * 24 * 3600 * 1000;
      const job = { id: '', kind: 'sweep.expired', payload: {}, attempt: 1, createdAt: app.clock.now() };
      const sweep = () => sweepHandler(app.services).handle(job, new AbortController().signal);
      // Rows of earlier scenarios are swept first.
      await advanceTime(app, 7 * monthMs);
      await sweep();
      await login(app, uniqueEmail('unknown'));
      await register(app, uniqueEmail('abandoned'));
      await addPendingInvitation(app);
      const { accessToken: token } = await logIn(await addScenarioUser(app));
      await request(app, 'POST', '/auth/logout', { token });
      await advanceTime(app, monthMs);
      return { run: () => resultOfWork(sweep), isComplete: async () => canLogIn(app, await addActiveUser(app)) };
    },
  },
];

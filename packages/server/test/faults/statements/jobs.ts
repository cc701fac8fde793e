/** What jobs do by themselves. */
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { failedLoginNoticeHandler } from '#flows/login/index.ts';
import { sweepHandler } from '#flows/sweep/index.ts';
import { advanceTime } from '#test/support/expiries.ts';
import { deleteQueued, handleQueued } from '#test/support/queued-jobs.ts';
import { setStatus } from '#test/support/user-status.ts';
import type { Application } from '../../support/application.ts';
import { addActiveUser, addPendingInvitation } from '../../support/daily-traffic.ts';
import { awaitMailRequests, runMailRequests } from '../../support/mail-requests.ts';
import { login, register, uniqueEmail, validPassword } from '../../support/user-actions.ts';
import {
  allHold,
  ask,
  type Begun,
  canLogIn,
  canVerify,
  linkOf,
  logIn,
  newcomer,
  newPassword,
  not,
  regular,
  type Scenario,
  shutOut,
  toldOf,
} from './scenario.ts';

const graceMs = 7 * 24 * 3600 * 1000;

/** Somebody asked for a mail to the address, and only the job is left to do. */
async function asked(app: Application, path: string, email: string, isSettled: Begun['isSettled']): Promise<Begun> {
  await awaitMailRequests(app);
  await ask(app, 'POST', `/auth/${path}`, { json: { email } });
  return { ask: () => toldOf(() => runMailRequests(app.services)), isSettled };
}

export const jobs: readonly Scenario[] = [
  {
    name: 'job erase',
    once: true,
    audit: ['account.erased'],
    jobs: ['erase.counters'],
    begin: async (app) => {
      const person = await regular(app);
      const { accessToken: token } = await logIn(person);
      await ask(app, 'DELETE', '/users/me', { token, json: { currentPassword: validPassword } });
      app.clock.advance(graceMs + 1);
      const isSettled = () =>
        allHold([
          not(() => canLogIn(app, person.email)),
          async () => (await register(app, person.email)).status === 201,
        ]);
      return { ask: () => toldOf(() => eraseDueAccounts(app.services)), isSettled };
    },
  },
  {
    name: 'job mail_requests.enqueue',
    once: true,
    audit: ['password.reset_requested'],
    mail: ['reset_password'],
    begin: async (app) => {
      const person = await regular(app);
      return asked(app, 'forgot-password', person.email, async () => {
        const json = { token: await linkOf(person, 'reset_password'), password: newPassword };
        const reset = await ask(app, 'POST', '/auth/reset-password', { json });
        return reset === 'done' && canLogIn(app, person.email, newPassword);
      });
    },
  },
  {
    name: 'job mail_requests.enqueue, for nobody',
    once: true,
    audit: ['password.reset_requested'],
    begin: async (app) => {
      const email = uniqueEmail('unknown');
      return asked(app, 'forgot-password', email, async () => (await register(app, email)).status === 201);
    },
  },
  {
    name: 'job mail_requests.enqueue, for somebody disabled',
    once: true,
    audit: ['password.reset_requested'],
    begin: async (app) => {
      const { email } = await regular(app);
      await setStatus(app, email, 'disabled');
      return asked(
        app,
        'forgot-password',
        email,
        not(() => canLogIn(app, email)),
      );
    },
  },
  {
    name: 'job mail_requests.enqueue, for an address to prove',
    once: true,
    audit: ['email.verification_requested'],
    mail: ['verify_email'],
    begin: async (app) => {
      const { email } = await newcomer(app);
      return asked(app, 'resend-verification', email, () => canVerify(app, email));
    },
  },
  {
    name: 'job mail_requests.enqueue, for an address that is proven',
    once: true,
    audit: ['email.verification_requested'],
    begin: async (app) => {
      const { email } = await regular(app);
      return asked(app, 'resend-verification', email, () => canLogIn(app, email));
    },
  },
  {
    name: 'job login.failed_login_notice',
    once: true,
    audit: [],
    mail: ['failed_logins'],
    begin: async (app) => {
      const { email } = await regular(app);
      const handler = failedLoginNoticeHandler(app.services);
      await deleteQueued(app.services.database, handler.kind);
      await shutOut(app, email);
      const tell = () => toldOf(() => handleQueued(app.services.database, handler));
      return { ask: tell, isSettled: not(() => canLogIn(app, email)) };
    },
  },
  {
    name: 'job sweep.expired',
    audit: [],
    inParts: true,
    begin: async (app) => {
      const monthMs = 31 * 24 * 3600 * 1000;
      const job = { id: '', kind: 'sweep.expired', payload: {}, attempt: 1, createdAt: app.clock.now() };
      const sweep = () => sweepHandler(app.services).handle(job, new AbortController().signal);
      // What the time before left behind is not of this time.
      await advanceTime(app, 7 * monthMs);
      await sweep();
      await login(app, uniqueEmail('unknown'));
      await register(app, uniqueEmail('abandoned'));
      await addPendingInvitation(app);
      const { accessToken: token } = await logIn(await regular(app));
      await ask(app, 'POST', '/auth/logout', { token });
      await advanceTime(app, monthMs);
      return { ask: () => toldOf(sweep), isSettled: async () => canLogIn(app, await addActiveUser(app)) };
    },
  },
];

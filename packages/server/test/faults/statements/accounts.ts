/** Scenarios of passwords, addresses and accounts. */
import { present } from '#kernel/assert.ts';
import type { Application } from '../../support/application.ts';
import { cookieHeader, isAccepted, login, sameOrigin, uniqueEmail, validPassword } from '../../support/user-actions.ts';
import {
  addScenarioUser,
  allTrue,
  canLogIn,
  linkToken,
  logIn,
  newPassword,
  not,
  type Prepared,
  type Result,
  request,
  type Scenario,
  type ScenarioUser,
  startOnPage,
  submitForm,
} from './scenario.ts';

const withCurrentPassword = { currentPassword: validPassword };

/** The new password works, the old one is rejected, and earlier sessions are revoked. */
function hasNewPassword({ app, email }: ScenarioUser, accessToken: string): Promise<boolean> {
  return allTrue([
    () => canLogIn(app, email, newPassword),
    not(() => canLogIn(app, email)),
    not(() => isAccepted(app, accessToken)),
  ]);
}

async function passwordReset(app: Application, reset: (token: string) => Promise<Result>): Promise<Prepared> {
  const user = await addScenarioUser(app);
  const { accessToken } = await logIn(user);
  await request(app, 'POST', '/auth/forgot-password', { json: { email: user.email } });
  const token = await linkToken(user, 'reset_password');
  return { run: () => reset(token), isComplete: () => hasNewPassword(user, accessToken) };
}

/** A user with a pending change of address. */
async function addUserWithPendingChange(
  app: Application,
): Promise<ScenarioUser & { readonly token: string; readonly newEmail: string }> {
  const user = await addScenarioUser(app);
  const { accessToken: token } = await logIn(user);
  const newEmail = uniqueEmail('moved');
  await request(app, 'POST', '/users/me/email', { token, json: { newEmail, ...withCurrentPassword } });
  return { ...user, token, newEmail };
}

function confirm(app: Application, token: string): Promise<Result> {
  return request(app, 'POST', '/auth/confirm-email-change', { json: { token } });
}

async function confirmation(app: Application, consume: (token: string) => Promise<Result>): Promise<Prepared> {
  const user = await addUserWithPendingChange(app);
  const link = await linkToken(user, 'confirm_email_change');
  const undo = async () => {
    const json = { token: await linkToken(user, 'undo_email_change'), password: newPassword };
    return (await request(app, 'POST', '/auth/undo-email-change', { json })) === 'done';
  };
  const isComplete = () =>
    allTrue([
      () => canLogIn(app, user.newEmail),
      not(() => canLogIn(app, user.email)),
      not(() => isAccepted(app, user.token)),
      undo,
      () => canLogIn(app, user.email, newPassword),
    ]);
  return { run: () => consume(link), isComplete };
}

async function undo(app: Application, consume: (token: string) => Promise<Result>): Promise<Prepared> {
  const user = await addUserWithPendingChange(app);
  await confirm(app, await linkToken(user, 'confirm_email_change'));
  const { accessToken } = await logIn({ ...user, email: user.newEmail });
  const link = await linkToken(user, 'undo_email_change');
  const isComplete = () =>
    allTrue([() => hasNewPassword(user, accessToken), not(() => canLogIn(app, user.newEmail, newPassword))]);
  return { run: () => consume(link), isComplete };
}

async function addUserPendingDeletion(app: Application): Promise<ScenarioUser> {
  const user = await addScenarioUser(app);
  const { accessToken: token } = await logIn(user);
  await request(app, 'DELETE', '/users/me', { token, json: withCurrentPassword });
  return user;
}

async function cancellation(
  app: Application,
  cancel: (user: ScenarioUser) => Promise<() => Promise<Result>>,
): Promise<Prepared> {
  const user = await addUserPendingDeletion(app);
  return { run: await cancel(user), isComplete: () => canLogIn(app, user.email) };
}

/** Requests a link; complete when the link sets a new password. */
async function resetRequest(app: Application, requestLink: (email: string) => Promise<Result>): Promise<Prepared> {
  const user = await addScenarioUser(app);
  const { accessToken } = await logIn(user);
  const isComplete = async () => {
    const json = { token: await linkToken(user, 'reset_password'), password: newPassword };
    return (
      (await request(app, 'POST', '/auth/reset-password', { json })) === 'done' && hasNewPassword(user, accessToken)
    );
  };
  return { run: () => requestLink(user.email), isComplete };
}

const passwords: readonly Scenario[] = [
  {
    name: 'password.forgot',
    audit: [],
    jobs: ['mail_requests.enqueue'],
    prepare: (app) => resetRequest(app, (email) => request(app, 'POST', '/auth/forgot-password', { json: { email } })),
  },
  {
    name: 'password.forgot_submit',
    audit: [],
    jobs: ['mail_requests.enqueue'],
    prepare: (app) => resetRequest(app, (email) => submitForm(app, '/forgot-password', { email })),
  },
  {
    name: 'password.reset',
    audit: ['password.reset'],
    mail: ['password_reset_done'],
    retryResult: 'invalid_token',
    prepare: (app) =>
      passwordReset(app, (token) =>
        request(app, 'POST', '/auth/reset-password', { json: { token, password: newPassword } }),
      ),
  },
  {
    name: 'password.reset_submit',
    audit: ['password.reset'],
    mail: ['password_reset_done'],
    retryResult: 'page 400',
    prepare: (app) =>
      passwordReset(app, (token) => submitForm(app, '/reset-password', { token, password: newPassword })),
  },
  {
    name: 'password.change',
    audit: ['password.changed'],
    mail: ['password_changed'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const [{ accessToken: token }, other] = [await logIn(user), await logIn(user)];
      const json = { ...withCurrentPassword, newPassword };
      const change = () => request(app, 'POST', '/users/me/password', { token, json });
      return { run: change, isComplete: () => hasNewPassword(user, other.accessToken) };
    },
  },
  {
    name: 'password.change, with a cookie',
    audit: ['password.changed'],
    mail: ['password_changed'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const other = await logIn(user);
      const cookie = cookieHeader((await login(app, user.email, { transport: 'cookie' })).cookies);
      const json = { ...withCurrentPassword, newPassword };
      const change = () => request(app, 'POST', '/users/me/password', { cookie, json, headers: sameOrigin });
      return { run: change, isComplete: () => hasNewPassword(user, other.accessToken) };
    },
  },
  {
    name: 'password.change, with a wrong password',
    result: 'invalid_password',
    audit: ['password.change_refused'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken: token } = await logIn(user);
      const json = { currentPassword: 'not the right one', newPassword };
      const change = () => request(app, 'POST', '/users/me/password', { token, json });
      return { run: change, isComplete: () => canLogIn(app, user.email) };
    },
  },
];

const addresses: readonly Scenario[] = [
  {
    name: 'change_email.request',
    audit: ['email.change_requested'],
    mail: ['email_change_confirm', 'email_change_requested'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken: token } = await logIn(user);
      const newEmail = uniqueEmail('moved');
      const requestChange = () =>
        request(app, 'POST', '/users/me/email', { token, json: { newEmail, ...withCurrentPassword } });
      const consume = async () => (await confirm(app, await linkToken(user, 'confirm_email_change'))) === 'done';
      const isComplete = () => allTrue([() => canLogIn(app, user.email), consume, () => canLogIn(app, newEmail)]);
      return { run: requestChange, isComplete };
    },
  },
  {
    name: 'change_email.cancel',
    audit: ['email.change_canceled'],
    prepare: async (app) => {
      const user = await addUserWithPendingChange(app);
      const link = await linkToken(user, 'confirm_email_change');
      const cancel = () => request(app, 'DELETE', '/users/me/email', { token: user.token });
      const consume = async () => (await confirm(app, link)) === 'done';
      return { run: cancel, isComplete: () => allTrue([not(consume), () => canLogIn(app, user.email)]) };
    },
  },
  {
    name: 'change_email.confirm',
    audit: ['email.changed'],
    mail: ['email_changed_notice'],
    retryResult: 'invalid_token',
    prepare: (app) => confirmation(app, (token) => confirm(app, token)),
  },
  {
    name: 'change_email.submit_confirm',
    audit: ['email.changed'],
    mail: ['email_changed_notice'],
    retryResult: 'page 400',
    prepare: (app) => confirmation(app, (token) => submitForm(app, '/confirm-email-change', { token })),
  },
  {
    name: 'change_email.undo',
    audit: ['email.change_undone'],
    mail: ['email_change_undone'],
    retryResult: 'invalid_token',
    prepare: (app) =>
      undo(app, (token) => request(app, 'POST', '/auth/undo-email-change', { json: { token, password: newPassword } })),
  },
  {
    name: 'change_email.submit_undo',
    audit: ['email.change_undone'],
    mail: ['email_change_undone'],
    retryResult: 'page 400',
    prepare: (app) => undo(app, (token) => submitForm(app, '/undo-email-change', { token, password: newPassword })),
  },
];

const others: readonly Scenario[] = [
  {
    name: 'profile.change',
    audit: ['profile.changed'],
    prepare: async (app) => {
      const { accessToken: token } = await logIn(await addScenarioUser(app));
      const isNamed = async () => {
        const { data } = await app.send<{ readonly name: string }>('GET', '/api/v1/users/me', { token });
        return data.name === 'Grace Hopper';
      };
      return {
        run: () => request(app, 'PATCH', '/users/me', { token, json: { name: 'Grace Hopper' } }),
        isComplete: isNamed,
      };
    },
  },
  {
    name: 'account.delete',
    audit: ['account.deletion_scheduled'],
    mail: ['account_deletion_scheduled'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken: token } = await logIn(user);
      const cancel = async () => {
        const json = { token: await linkToken(user, 'cancel_deletion') };
        return (await request(app, 'POST', '/auth/cancel-deletion', { json })) === 'done';
      };
      const isComplete = () =>
        allTrue([
          not(() => isAccepted(app, token)),
          async () => (await logIn(user)).step === 'cancel_deletion',
          cancel,
          () => canLogIn(app, user.email),
        ]);
      return { run: () => request(app, 'DELETE', '/users/me', { token, json: withCurrentPassword }), isComplete };
    },
  },
  {
    name: 'account.cancel_deletion, by link',
    audit: ['account.deletion_canceled'],
    mail: ['account_deletion_canceled'],
    retryResult: 'invalid_token',
    prepare: (app) =>
      cancellation(app, async (user) => {
        const json = { token: await linkToken(user, 'cancel_deletion') };
        return () => request(app, 'POST', '/auth/cancel-deletion', { json });
      }),
  },
  {
    name: 'account.cancel_deletion, by ticket',
    audit: ['account.deletion_canceled'],
    mail: ['account_deletion_canceled'],
    retryResult: 'invalid_ticket',
    prepare: (app) =>
      cancellation(app, async (user) => {
        const json = { ticket: present((await logIn(user)).ticket, 'the ticket') };
        return () => request(app, 'POST', '/auth/cancel-deletion', { json });
      }),
  },
  {
    name: 'account.submit_cancel_deletion',
    audit: ['account.deletion_canceled'],
    mail: ['account_deletion_canceled'],
    retryResult: 'page 400',
    prepare: (app) =>
      cancellation(app, async (user) => {
        const token = await linkToken(user, 'cancel_deletion');
        return () => submitForm(app, '/cancel-deletion', { token });
      }),
  },
  {
    name: 'login.submit_cancel_deletion',
    audit: ['account.deletion_canceled'],
    mail: ['account_deletion_canceled'],
    retryResult: 'page 401',
    prepare: (app) =>
      cancellation(app, async (user) => {
        const { cookie, fields } = await startOnPage(user);
        return () => submitForm(app, '/login/cancel-deletion', fields, cookie);
      }),
  },
];

export const accounts: readonly Scenario[] = [...passwords, ...addresses, ...others];

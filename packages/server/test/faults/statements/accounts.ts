/** What people do with the account that they have. */
import { present } from '#kernel/assert.ts';
import type { Application } from '../../support/application.ts';
import { cookieHeader, isAccepted, login, sameOrigin, uniqueEmail, validPassword } from '../../support/user-actions.ts';
import {
  allHold,
  ask,
  type Begun,
  canLogIn,
  linkOf,
  logIn,
  newPassword,
  not,
  type Regular,
  regular,
  type Scenario,
  submit,
  type Told,
} from './scenario.ts';

const owned = { currentPassword: validPassword };

/** The new password opens the account, the old one does not, and a session of before is dead. */
function isRenewed({ app, email }: Regular, accessToken: string): Promise<boolean> {
  return allHold([
    () => canLogIn(app, email, newPassword),
    not(() => canLogIn(app, email)),
    not(() => isAccepted(app, accessToken)),
  ]);
}

async function resetting(app: Application, reset: (token: string) => Promise<Told>): Promise<Begun> {
  const person = await regular(app);
  const { accessToken } = await logIn(person);
  await ask(app, 'POST', '/auth/forgot-password', { json: { email: person.email } });
  const token = await linkOf(person, 'reset_password');
  return { ask: () => reset(token), isSettled: () => isRenewed(person, accessToken) };
}

/** Somebody who has asked for another address. */
async function moving(app: Application): Promise<Regular & { readonly token: string; readonly newEmail: string }> {
  const person = await regular(app);
  const { accessToken: token } = await logIn(person);
  const newEmail = uniqueEmail('moved');
  await ask(app, 'POST', '/users/me/email', { token, json: { newEmail, ...owned } });
  return { ...person, token, newEmail };
}

function confirm(app: Application, token: string): Promise<Told> {
  return ask(app, 'POST', '/auth/confirm-email-change', { json: { token } });
}

async function confirming(app: Application, press: (token: string) => Promise<Told>): Promise<Begun> {
  const person = await moving(app);
  const link = await linkOf(person, 'confirm_email_change');
  const undo = async () => {
    const json = { token: await linkOf(person, 'undo_email_change'), password: newPassword };
    return (await ask(app, 'POST', '/auth/undo-email-change', { json })) === 'done';
  };
  const isSettled = () =>
    allHold([
      () => canLogIn(app, person.newEmail),
      not(() => canLogIn(app, person.email)),
      not(() => isAccepted(app, person.token)),
      undo,
      () => canLogIn(app, person.email, newPassword),
    ]);
  return { ask: () => press(link), isSettled };
}

async function undoing(app: Application, press: (token: string) => Promise<Told>): Promise<Begun> {
  const person = await moving(app);
  await confirm(app, await linkOf(person, 'confirm_email_change'));
  const { accessToken } = await logIn({ ...person, email: person.newEmail });
  const link = await linkOf(person, 'undo_email_change');
  const isSettled = () =>
    allHold([() => isRenewed(person, accessToken), not(() => canLogIn(app, person.newEmail, newPassword))]);
  return { ask: () => press(link), isSettled };
}

/** Somebody whose account is closing. */
async function closing(app: Application): Promise<Regular> {
  const person = await regular(app);
  const { accessToken: token } = await logIn(person);
  await ask(app, 'DELETE', '/users/me', { token, json: owned });
  return person;
}

async function keeping(app: Application, keep: (person: Regular) => Promise<() => Promise<Told>>): Promise<Begun> {
  const person = await closing(app);
  return { ask: await keep(person), isSettled: () => canLogIn(app, person.email) };
}

const passwords: readonly Scenario[] = [
  {
    name: 'password.forgot',
    audit: [],
    jobs: ['mail_requests.enqueue'],
    begin: async (app) => {
      const person = await regular(app);
      const { accessToken } = await logIn(person);
      const forget = () => ask(app, 'POST', '/auth/forgot-password', { json: { email: person.email } });
      const isSettled = async () => {
        const json = { token: await linkOf(person, 'reset_password'), password: newPassword };
        return (await ask(app, 'POST', '/auth/reset-password', { json })) === 'done' && isRenewed(person, accessToken);
      };
      return { ask: forget, isSettled };
    },
  },
  {
    name: 'password.reset',
    audit: ['password.reset'],
    mail: ['password_reset_done'],
    again: 'invalid_token',
    begin: (app) =>
      resetting(app, (token) => ask(app, 'POST', '/auth/reset-password', { json: { token, password: newPassword } })),
  },
  {
    name: 'password.reset_submit',
    audit: ['password.reset'],
    mail: ['password_reset_done'],
    again: 'page 400',
    begin: (app) => resetting(app, (token) => submit(app, '/reset-password', { token, password: newPassword })),
  },
  {
    name: 'password.change',
    audit: ['password.changed'],
    mail: ['password_changed'],
    again: 'not_authenticated',
    begin: async (app) => {
      const person = await regular(app);
      const [{ accessToken: token }, other] = [await logIn(person), await logIn(person)];
      const json = { ...owned, newPassword };
      const change = () => ask(app, 'POST', '/users/me/password', { token, json });
      return { ask: change, isSettled: () => isRenewed(person, other.accessToken) };
    },
  },
  {
    name: 'password.change, by cookie',
    audit: ['password.changed'],
    mail: ['password_changed'],
    again: 'not_authenticated',
    begin: async (app) => {
      const person = await regular(app);
      const other = await logIn(person);
      const cookie = cookieHeader((await login(app, person.email, { transport: 'cookie' })).cookies);
      const json = { ...owned, newPassword };
      const change = () => ask(app, 'POST', '/users/me/password', { cookie, json, headers: sameOrigin });
      return { ask: change, isSettled: () => isRenewed(person, other.accessToken) };
    },
  },
  {
    name: 'password.change, with a wrong one',
    told: 'invalid_password',
    audit: ['password.change_refused'],
    begin: async (app) => {
      const person = await regular(app);
      const { accessToken: token } = await logIn(person);
      const json = { currentPassword: 'not the right one', newPassword };
      const change = () => ask(app, 'POST', '/users/me/password', { token, json });
      return { ask: change, isSettled: () => canLogIn(app, person.email) };
    },
  },
];

const addresses: readonly Scenario[] = [
  {
    name: 'change_email.request',
    audit: ['email.change_requested'],
    mail: ['email_change_confirm', 'email_change_requested'],
    begin: async (app) => {
      const person = await regular(app);
      const { accessToken: token } = await logIn(person);
      const newEmail = uniqueEmail('moved');
      const request = () => ask(app, 'POST', '/users/me/email', { token, json: { newEmail, ...owned } });
      const press = async () => (await confirm(app, await linkOf(person, 'confirm_email_change'))) === 'done';
      const isSettled = () => allHold([() => canLogIn(app, person.email), press, () => canLogIn(app, newEmail)]);
      return { ask: request, isSettled };
    },
  },
  {
    name: 'change_email.cancel',
    audit: ['email.change_cancelled'],
    begin: async (app) => {
      const person = await moving(app);
      const link = await linkOf(person, 'confirm_email_change');
      const cancel = () => ask(app, 'DELETE', '/users/me/email', { token: person.token });
      const press = async () => (await confirm(app, link)) === 'done';
      return { ask: cancel, isSettled: () => allHold([not(press), () => canLogIn(app, person.email)]) };
    },
  },
  {
    name: 'change_email.confirm',
    audit: ['email.changed'],
    mail: ['email_changed_notice'],
    again: 'invalid_token',
    begin: (app) => confirming(app, (token) => confirm(app, token)),
  },
  {
    name: 'change_email.submit_confirm',
    audit: ['email.changed'],
    mail: ['email_changed_notice'],
    again: 'page 400',
    begin: (app) => confirming(app, (token) => submit(app, '/confirm-email-change', { token })),
  },
  {
    name: 'change_email.undo',
    audit: ['email.change_undone'],
    mail: ['email_change_undone'],
    again: 'invalid_token',
    begin: (app) =>
      undoing(app, (token) => ask(app, 'POST', '/auth/undo-email-change', { json: { token, password: newPassword } })),
  },
  {
    name: 'change_email.submit_undo',
    audit: ['email.change_undone'],
    mail: ['email_change_undone'],
    again: 'page 400',
    begin: (app) => undoing(app, (token) => submit(app, '/undo-email-change', { token, password: newPassword })),
  },
];

const ends: readonly Scenario[] = [
  {
    name: 'profile.change',
    audit: ['profile.changed'],
    begin: async (app) => {
      const { accessToken: token } = await logIn(await regular(app));
      const isNamed = async () => {
        const { data } = await app.send<{ readonly name: string }>('GET', '/api/v1/users/me', { token });
        return data.name === 'Grace Hopper';
      };
      return {
        ask: () => ask(app, 'PATCH', '/users/me', { token, json: { name: 'Grace Hopper' } }),
        isSettled: isNamed,
      };
    },
  },
  {
    name: 'account.delete',
    audit: ['account.deletion_scheduled'],
    mail: ['account_deletion_scheduled'],
    again: 'not_authenticated',
    begin: async (app) => {
      const person = await regular(app);
      const { accessToken: token } = await logIn(person);
      const keep = async () => {
        const json = { token: await linkOf(person, 'cancel_deletion') };
        return (await ask(app, 'POST', '/auth/cancel-deletion', { json })) === 'done';
      };
      const isSettled = () =>
        allHold([
          not(() => isAccepted(app, token)),
          async () => (await logIn(person)).step === 'cancel_deletion',
          keep,
          () => canLogIn(app, person.email),
        ]);
      return { ask: () => ask(app, 'DELETE', '/users/me', { token, json: owned }), isSettled };
    },
  },
  {
    name: 'account.cancel_deletion, by link',
    audit: ['account.deletion_canceled'],
    mail: ['account_deletion_canceled'],
    again: 'invalid_token',
    begin: (app) =>
      keeping(app, async (person) => {
        const json = { token: await linkOf(person, 'cancel_deletion') };
        return () => ask(app, 'POST', '/auth/cancel-deletion', { json });
      }),
  },
  {
    name: 'account.cancel_deletion, by ticket',
    audit: ['account.deletion_canceled'],
    mail: ['account_deletion_canceled'],
    again: 'invalid_ticket',
    begin: (app) =>
      keeping(app, async (person) => {
        const json = { ticket: present((await logIn(person)).ticket, 'the ticket') };
        return () => ask(app, 'POST', '/auth/cancel-deletion', { json });
      }),
  },
  {
    name: 'account.submit_cancel_deletion',
    audit: ['account.deletion_canceled'],
    mail: ['account_deletion_canceled'],
    again: 'page 400',
    begin: (app) =>
      keeping(app, async (person) => {
        const token = await linkOf(person, 'cancel_deletion');
        return () => submit(app, '/cancel-deletion', { token });
      }),
  },
];

export const accounts: readonly Scenario[] = [...passwords, ...addresses, ...ends];

/** Scenarios of the forms of the account's pages. */

import type { Application } from '../../support/application.ts';
import { addPasskey } from '../../support/passkeys.ts';
import { cookieHeader, isAccepted, login, uniqueEmail, validPassword } from '../../support/user-actions.ts';
import {
  addScenarioUser,
  allTrue,
  canLogIn,
  linkToken,
  logIn,
  newPassword,
  not,
  request,
  type Scenario,
  type ScenarioUser,
  submitForm,
} from './scenario.ts';

/** A user with a session of an application, and one of the browser that sends the form. */
async function addVisitor(app: Application) {
  const user = await addScenarioUser(app);
  const { accessToken, sessionId } = await logIn(user);
  const cookie = cookieHeader((await login(app, user.email, { transport: 'cookie' })).cookies);
  return { user, accessToken, sessionId, cookie };
}

const confirm = { act: 'confirm' } as const;

async function confirmed(user: ScenarioUser): Promise<boolean> {
  const json = { token: await linkToken(user, 'confirm_email_change') };
  return (await request(user.app, 'POST', '/auth/confirm-email-change', { json })) === 'done';
}

const profile: readonly Scenario[] = [
  {
    name: 'profile.submit',
    audit: ['profile.changed'],
    prepare: async (app) => {
      const { accessToken: token, cookie } = await addVisitor(app);
      const isNamed = async () => {
        const { data } = await app.send<{ readonly name: string }>('GET', '/api/v1/users/me', { token });
        return data.name === 'Grace Hopper';
      };
      const form = { name: 'Grace Hopper', locale: 'en' };
      return { run: () => submitForm(app, '/account/profile', form, cookie), isComplete: isNamed };
    },
  },
  {
    name: 'change_email.submit_request',
    audit: ['email.change_requested'],
    mail: ['email_change_confirm', 'email_change_requested'],
    prepare: async (app) => {
      const { user, cookie } = await addVisitor(app);
      const newEmail = uniqueEmail('moved');
      return {
        run: () => submitForm(app, '/account/profile/email', { newEmail }, cookie),
        isComplete: () =>
          allTrue([() => canLogIn(app, user.email), () => confirmed(user), () => canLogIn(app, newEmail)]),
      };
    },
  },
  {
    name: 'change_email.submit_cancel',
    audit: ['email.change_canceled'],
    prepare: async (app) => {
      const { user, cookie, accessToken: token } = await addVisitor(app);
      const json = { newEmail: uniqueEmail('moved'), currentPassword: validPassword };
      await request(app, 'POST', '/users/me/email', { token, json });
      return {
        run: () => submitForm(app, '/account/profile/cancel-email', confirm, cookie),
        isComplete: () => allTrue([not(() => confirmed(user)), () => canLogIn(app, user.email)]),
      };
    },
  },
];

const security: readonly Scenario[] = [
  {
    name: 'password.submit_change',
    audit: ['password.changed'],
    mail: ['password_changed'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const { user, accessToken, cookie } = await addVisitor(app);
      const form = { currentPassword: validPassword, password: newPassword };
      return {
        run: () => submitForm(app, '/account/security/password', form, cookie),
        isComplete: () =>
          allTrue([() => canLogIn(app, user.email, newPassword), not(() => isAccepted(app, accessToken))]),
      };
    },
  },
  {
    name: 'passkeys.submit_rename',
    audit: ['passkey.renamed'],
    prepare: async (app) => {
      const { accessToken: token, cookie } = await addVisitor(app);
      const { id } = (await addPasskey(app, { token })).data.passkey;
      return {
        run: () => submitForm(app, '/account/security/rename-passkey', { id, name: 'My key' }, cookie),
        isComplete: async () => {
          const { data } = await app.send<PasskeyList>('GET', '/api/v1/users/me/passkeys', { token });
          return data.passkeys.some(({ name }) => name === 'My key');
        },
      };
    },
  },
  {
    name: 'passkeys.submit_resume',
    audit: ['passkey.resumed'],
    retryResult: 'done',
    prepare: async (app) => {
      const { user, accessToken } = await addVisitor(app);
      const { id } = (await addPasskey(app, { token: accessToken })).data.passkey;
      // A recovery by mail suspends it.
      await request(app, 'POST', '/auth/forgot-password', { json: { email: user.email } });
      const json = { token: await linkToken(user, 'reset_password'), password: validPassword };
      await request(app, 'POST', '/auth/reset-password', { json });
      const { accessToken: token } = await logIn(user);
      const cookie = cookieHeader((await login(app, user.email, { transport: 'cookie' })).cookies);
      return {
        run: () => submitForm(app, '/account/security/resume-passkey', { id }, cookie),
        isComplete: async () => {
          const { data } = await app.send<PasskeyList>('GET', '/api/v1/users/me/passkeys', { token });
          return data.passkeys.every(({ suspended }) => !suspended);
        },
      };
    },
  },
];

interface PasskeyList {
  readonly passkeys: readonly { readonly name: string; readonly suspended: boolean }[];
}

const sessions: readonly Scenario[] = [
  {
    name: 'sessions.submit_end',
    audit: ['session.ended'],
    prepare: async (app) => {
      const { accessToken, sessionId: id, cookie } = await addVisitor(app);
      return {
        run: () => submitForm(app, '/account/sessions/end', { id }, cookie),
        isComplete: not(() => isAccepted(app, accessToken)),
      };
    },
  },
  {
    name: 'sessions.submit_end_others',
    audit: ['session.others_ended'],
    prepare: async (app) => {
      const { accessToken, cookie } = await addVisitor(app);
      return {
        run: () => submitForm(app, '/account/sessions/end-others', confirm, cookie),
        isComplete: not(() => isAccepted(app, accessToken)),
      };
    },
  },
  {
    name: 'devices.submit_forget',
    audit: ['device.forgotten'],
    prepare: async (app) => {
      const { cookie } = await addVisitor(app);
      const listed = () =>
        app.send<{ devices: readonly { id: string }[] }>('GET', '/api/v1/users/me/devices', { cookie });
      const id = (await listed()).data.devices[0]?.id ?? '';
      return {
        run: () => submitForm(app, '/account/sessions/forget-device', { id }, cookie),
        isComplete: async () => (await listed()).data.devices.every((device) => device.id !== id),
      };
    },
  },
  {
    name: 'account.submit_delete',
    audit: ['account.deletion_scheduled'],
    mail: ['account_deletion_scheduled'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const { user, accessToken, cookie } = await addVisitor(app);
      return {
        run: () => submitForm(app, '/account/data/delete', { typed: user.email }, cookie),
        isComplete: () =>
          allTrue([
            not(() => isAccepted(app, accessToken)),
            async () => (await logIn(user)).step === 'cancel_deletion',
          ]),
      };
    },
  },
];

export const accountPages: readonly Scenario[] = [...profile, ...security, ...sessions];

/** Scenarios of the steps of a login: the mailbox, a second factor, a new password. */

import type { CreationOptionsJson } from '#protocol/webauthn/index.ts';
import type { Application } from '../../support/application.ts';
import { wrongCode } from '../../support/login-by-mail.ts';
import {
  addSetupLink,
  addUserWithRole,
  beginEnrollment,
  changePasswordAtLogin,
  confirmEnrollment,
  enrollmentTicket,
  mustChangePassword,
  requestCodeFor,
  ticketFor,
  verifyMailbox,
} from '../../support/login-steps.ts';
import { passkeyOptionsIn, registerFor } from '../../support/passkeys.ts';
import { renderedForm } from '../../support/rendered-form.ts';
import { codeNow } from '../../support/second-factors.ts';
import { storedLinkToken } from '../../support/stored-links.ts';
import { login, sameOrigin, validPassword } from '../../support/user-actions.ts';
import {
  addScenarioUser,
  canLogIn,
  newPassword,
  pageTicketOf,
  request,
  resultOf,
  type Scenario,
  startOnPage,
  submitForm,
} from './scenario.ts';

const steps: readonly Scenario[] = [
  {
    name: 'login.confirm_mailbox',
    commitsInParts: true,
    audit: ['mailbox_code.requested'],
    mail: ['mailbox_code'],
    prepare: async (app) => {
      const { email, userId } = await addUserWithRole(app);
      const ticket = await ticketFor(app, email, 'confirm_mailbox');
      return {
        run: () => request(app, 'POST', '/auth/login/confirm-mailbox', { json: { ticket } }),
        isComplete: async () => {
          const code = await storedLinkToken(app, userId, 'mailbox_code');
          return (await verifyMailbox(app, ticket, code)).data.step === 'enroll_second_factor';
        },
      };
    },
  },
  {
    name: 'login.mailbox_code',
    commitsInParts: true,
    audit: ['login.step_required'],
    retryResult: 'invalid_ticket',
    prepare: async (app) => {
      const { email, userId } = await addUserWithRole(app);
      const ticket = await ticketFor(app, email, 'confirm_mailbox');
      const json = { ticket, code: await requestCodeFor(app, ticket, userId) };
      return {
        run: () => request(app, 'POST', '/auth/login/confirm-mailbox/verify', { json }),
        isComplete: async () => (await login(app, email)).data.step === 'confirm_mailbox',
      };
    },
  },
  {
    name: 'login.mailbox_code, with a wrong code',
    commitsInParts: true,
    result: 'invalid_code',
    audit: ['login.failed'],
    prepare: async (app) => {
      const { email, userId } = await addUserWithRole(app);
      const ticket = await ticketFor(app, email, 'confirm_mailbox');
      const code = await requestCodeFor(app, ticket, userId);
      const json = { ticket, code: wrongCode(code) };
      return {
        run: () => request(app, 'POST', '/auth/login/confirm-mailbox/verify', { json }),
        isComplete: async () => (await login(app, email)).data.step === 'confirm_mailbox',
      };
    },
  },
  {
    name: 'login.enroll',
    audit: [],
    prepare: async (app) => {
      const ticket = await enrollmentTicket(app, await addUserWithRole(app));
      return {
        run: () => request(app, 'POST', '/auth/login/enroll', { json: { ticket, kind: 'totp' } }),
        isComplete: async () => {
          const code = codeNow(app, await beginEnrollment(app, ticket));
          return (await confirmEnrollment(app, ticket, code)).status === 200;
        },
      };
    },
  },
  {
    name: 'login.confirm_enrollment',
    audit: ['factor.enrolled', 'login.succeeded'],
    mail: ['second_factor_added'],
    retryResult: 'invalid_ticket',
    prepare: async (app) => {
      const user = await addUserWithRole(app);
      const ticket = await enrollmentTicket(app, user);
      const json = { ticket, code: codeNow(app, await beginEnrollment(app, ticket)) };
      return {
        run: () => request(app, 'POST', '/auth/login/enroll/confirm', { json }),
        isComplete: async () => (await login(app, user.email)).data.step === 'second_factor',
      };
    },
  },
  {
    name: 'login.confirm_enrollment, with a passkey',
    audit: ['factor.enrolled', 'login.succeeded'],
    mail: ['security_key_added'],
    retryResult: 'invalid_ticket',
    prepare: async (app) => {
      const { email, ...user } = await addUserWithRole(app);
      const ticket = await enrollmentTicket(app, { email, ...user });
      const passkey = await registrationOf(app, ticket);
      const run = () => request(app, 'POST', '/auth/login/enroll/confirm', { json: { ticket, passkey } });
      return { run, isComplete: async () => (await login(app, email)).data.step === 'second_factor' };
    },
  },
  {
    name: 'login.change_password',
    commitsInParts: true,
    audit: ['login.succeeded', 'password.changed'],
    mail: ['password_changed'],
    retryResult: 'invalid_ticket',
    prepare: async (app) => {
      const { email, userId } = await addScenarioUser(app);
      await mustChangePassword(app, userId);
      const ticket = await ticketFor(app, email, 'change_password');
      return {
        run: async () => resultOf(await changePasswordAtLogin(app, ticket, newPassword)),
        isComplete: () => canLogIn(app, email, newPassword),
      };
    },
  },
];

/** A passkey for the login of a ticket. */
async function registrationOf(app: Application, ticket: string) {
  const json = { ticket, kind: 'passkey' };
  const { data } = await app.send<{ publicKey: CreationOptionsJson }>('POST', '/api/v1/auth/login/enroll', { json });
  return registerFor(app, data.publicKey).response;
}

/** A browser that has signed in with a password and proves the mailbox next, and the code that it was sent. */
async function mailboxOnPage(app: Application) {
  const user = await addUserWithRole(app);
  const ticket = await startOnPage({ app, email: user.email });
  await submitForm(app, '/login/confirm-mailbox', ticket.fields, ticket.cookie);
  return { ...user, ticket, code: await storedLinkToken(app, user.userId, 'mailbox_code') };
}

/** The same browser after that: it sets an app up next. */
async function enrollingOnPage(app: Application) {
  const { email, ticket, code } = await mailboxOnPage(app);
  const { fields, cookie } = ticket;
  const form = { ...fields, code };
  const proven = await app.send('POST', '/login/confirm-mailbox/code', { form, cookie, headers: sameOrigin });
  return { email, ticket: await pageTicketOf(app, proven) };
}

const owners: readonly Scenario[] = [
  {
    name: 'owner.set_up',
    audit: ['login.step_required', 'owner.set_up'],
    mail: ['password_changed'],
    retryResult: 'invalid_token',
    prepare: async (app) => {
      const { email, token } = await addSetupLink(app);
      const json = { token, name: 'Grace', password: validPassword };
      const run = () => request(app, 'POST', '/auth/setup', { json });
      return { run, isComplete: async () => (await login(app, email)).data.step === 'confirm_mailbox' };
    },
  },
  {
    name: 'owner.submit_set_up',
    audit: ['login.step_required', 'owner.set_up'],
    mail: ['password_changed'],
    retryResult: 'page 400',
    prepare: async (app) => {
      const { email, token } = await addSetupLink(app);
      const run = () => submitForm(app, '/setup', { token, name: 'Grace', password: validPassword });
      return { run, isComplete: async () => (await login(app, email)).data.step === 'confirm_mailbox' };
    },
  },
];

const pages: readonly Scenario[] = [
  {
    name: 'login.submit_confirm_mailbox',
    commitsInParts: true,
    audit: ['mailbox_code.requested'],
    mail: ['mailbox_code'],
    prepare: async (app) => {
      const { email } = await addUserWithRole(app);
      const { fields, cookie } = await startOnPage({ app, email });
      const run = () => submitForm(app, '/login/confirm-mailbox', fields, cookie);
      return { run, isComplete: async () => (await login(app, email)).data.step === 'confirm_mailbox' };
    },
  },
  {
    name: 'login.submit_mailbox_code',
    commitsInParts: true,
    audit: ['login.step_required'],
    retryResult: 'page 401',
    prepare: async (app) => {
      const { email, ticket, code } = await mailboxOnPage(app);
      const run = () => submitForm(app, '/login/confirm-mailbox/code', { ...ticket.fields, code }, ticket.cookie);
      return { run, isComplete: async () => (await login(app, email)).data.step === 'confirm_mailbox' };
    },
  },
  {
    name: 'login.submit_enroll, to begin',
    audit: [],
    prepare: async (app) => {
      const { ticket } = await enrollingOnPage(app);
      const run = () => submitForm(app, '/login/enroll', { ...ticket.fields, act: 'begin' }, ticket.cookie);
      return { run, isComplete: async () => (await run()) === 'done' };
    },
  },
  {
    name: 'login.submit_enroll, to confirm',
    audit: ['factor.enrolled', 'login.succeeded'],
    mail: ['second_factor_added'],
    retryResult: 'page 401',
    prepare: async (app) => {
      const { email, ticket } = await enrollingOnPage(app);
      const { fields, cookie } = ticket;
      const begin = { ...fields, act: 'begin' };
      const { text } = await app.send('POST', '/login/enroll', { form: begin, cookie, headers: sameOrigin });
      const secret = (/<output id="key"[^>]*>([^<]+)</.exec(text)?.[1] ?? '').replaceAll(' ', '');
      const form = { ...fields, act: 'confirm', code: codeNow(app, secret) };
      const isComplete = async () => (await login(app, email)).data.step === 'second_factor';
      return { run: () => submitForm(app, '/login/enroll', form, cookie), isComplete };
    },
  },
  {
    name: 'login.submit_enroll_passkey',
    audit: ['factor.enrolled', 'login.succeeded'],
    mail: ['security_key_added'],
    retryResult: 'page 401',
    prepare: async (app) => {
      const { email, ticket } = await enrollingOnPage(app);
      const { fields, cookie } = ticket;
      const { text } = await app.send('GET', '/login/enroll/passkey', {
        headers: { cookie: `${cookie}; ${renderedForm.cookie}` },
      });
      const options = JSON.parse(passkeyOptionsIn(text)) as CreationOptionsJson;
      const credential = JSON.stringify(registerFor(app, options).response);
      const form = { ...fields, credential, kind: 'passkey' };
      const isComplete = async () => (await login(app, email)).data.step === 'second_factor';
      return { run: () => submitForm(app, '/login/enroll/passkey', form, cookie), isComplete };
    },
  },
  {
    name: 'login.submit_change_password',
    commitsInParts: true,
    audit: ['login.succeeded', 'password.changed'],
    mail: ['password_changed'],
    retryResult: 'page 401',
    prepare: async (app) => {
      const { email, userId } = await addScenarioUser(app);
      await mustChangePassword(app, userId);
      const { fields, cookie } = await startOnPage({ app, email });
      const run = () => submitForm(app, '/login/change-password', { ...fields, password: newPassword }, cookie);
      return { run, isComplete: () => canLogIn(app, email, newPassword) };
    },
  },
];

export const loginSteps: readonly Scenario[] = [...steps, ...owners, ...pages];

/** Scenarios of second factors and step-up. */
import type { Application } from '../../support/application.ts';
import { addUserWithoutPassword, newestMailboxCode, proveMailbox } from '../../support/mailbox-codes.ts';
import { beginTotp, codeNow, confirmTotp, proveSecondFactor, type TotpUser } from '../../support/second-factors.ts';
import { cookieHeader, isAccepted, login, sameOrigin, type Tokens, validPassword } from '../../support/user-actions.ts';
import {
  addScenarioUser,
  allTrue,
  canLogIn,
  logIn,
  not,
  type Prepared,
  type Result,
  request,
  type Scenario,
  type ScenarioUser,
  startOnPage,
  submitForm,
} from './scenario.ts';

const totpPath = '/users/me/totp';

/** A user with an authenticator app, whose code of this moment is used: that of the next step is not. */
async function addUserOfTwoFactors(app: Application): Promise<TotpUser> {
  const user = await addScenarioUser(app);
  const { accessToken: token } = await logIn(user);
  const secret = await beginTotp(app, { token });
  const { data } = await confirmTotp(app, { token }, secret);
  return { ...data, email: user.email, secret, recoveryCodes: data.recoveryCodes ?? [] };
}

/** Whether the password leads to the second factor, and a recovery code completes the login. */
async function canUseTwoFactors(app: Application, { email, recoveryCodes, deviceToken }: TotpUser): Promise<boolean> {
  const { data } = await login(app, email, { deviceToken });
  if (data.step !== 'second_factor') return false;
  const recoveryCode = recoveryCodes.at(-1) ?? '';
  return (await proveSecondFactor(app, data.ticket, { recoveryCode, deviceToken })).status === 200;
}

async function secondFactorOf(
  app: Application,
  prove: (user: TotpUser, ticket: string) => Promise<Result>,
): Promise<Prepared> {
  const user = await addUserOfTwoFactors(app);
  const { ticket = '' } = (await login(app, user.email, { deviceToken: user.deviceToken })).data;
  return { run: () => prove(user, ticket), isComplete: () => canUseTwoFactors(app, user) };
}

async function secondFactorOnPage(
  app: Application,
  path: string,
  fieldsOf: (user: TotpUser) => Readonly<Record<string, string>>,
): Promise<Prepared> {
  const user = await addUserOfTwoFactors(app);
  const { cookie, fields } = await startOnPage({ app, email: user.email });
  const run = () => submitForm(app, path, { ...fields, ...fieldsOf(user) }, cookie);
  return { run, isComplete: () => canUseTwoFactors(app, user) };
}

const logins: readonly Scenario[] = [
  {
    name: 'login.second_factor',
    commitsInParts: true,
    audit: ['login.succeeded'],
    retryResult: 'invalid_ticket',
    prepare: (app) =>
      secondFactorOf(app, ({ secret, deviceToken }, ticket) => {
        const json = { ticket, code: codeNow(app, secret, 1), deviceToken };
        return request(app, 'POST', '/auth/login/second-factor', { json });
      }),
  },
  {
    name: 'login.second_factor, by a recovery code',
    commitsInParts: true,
    audit: ['login.succeeded', 'recovery_code.used'],
    mail: ['recovery_code_used'],
    retryResult: 'invalid_ticket',
    prepare: (app) =>
      secondFactorOf(app, ({ recoveryCodes, deviceToken }, ticket) => {
        const json = { ticket, recoveryCode: recoveryCodes[0], deviceToken };
        return request(app, 'POST', '/auth/login/second-factor', { json });
      }),
  },
  {
    name: 'login.second_factor, with a wrong code',
    commitsInParts: true,
    result: 'invalid_code',
    audit: ['login.failed'],
    prepare: (app) =>
      secondFactorOf(app, ({ deviceToken }, ticket) => {
        const json = { ticket, code: '000000', deviceToken };
        return request(app, 'POST', '/auth/login/second-factor', { json });
      }),
  },
  {
    name: 'login.submit_second_factor',
    commitsInParts: true,
    audit: ['login.succeeded'],
    mail: ['new_device'],
    retryResult: 'page 401',
    prepare: (app) =>
      secondFactorOnPage(app, '/login/second-factor', ({ secret }) => ({ code: codeNow(app, secret, 1) })),
  },
  {
    name: 'login.submit_recovery_code',
    commitsInParts: true,
    audit: ['login.succeeded', 'recovery_code.used'],
    mail: ['new_device', 'recovery_code_used'],
    retryResult: 'page 401',
    prepare: (app) =>
      secondFactorOnPage(app, '/login/recovery-code', ({ recoveryCodes }) => ({
        recoveryCode: recoveryCodes[0] ?? '',
      })),
  },
];

const changes: readonly Scenario[] = [
  {
    name: 'step_up.prove',
    commitsInParts: true,
    audit: ['session.stepped_up'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken: token } = await logIn(user);
      return {
        run: () => request(app, 'POST', '/auth/step-up', { token, json: { password: validPassword } }),
        isComplete: () => allTrue([not(() => isAccepted(app, token)), () => canLogIn(app, user.email)]),
      };
    },
  },
  {
    name: 'step_up.ask_code',
    commitsInParts: true,
    audit: ['mailbox_code.requested'],
    mail: ['mailbox_code'],
    prepare: async (app) => {
      const { accessToken: token, email } = await addUserWithoutPassword(app);
      return {
        run: () => request(app, 'POST', '/auth/step-up/email-code', { token }),
        isComplete: async () => (await proveMailbox(app, token, await newestMailboxCode(app, email))).status === 200,
      };
    },
  },
  {
    name: 'step_up.prove, by a mailed code',
    commitsInParts: true,
    audit: ['session.stepped_up'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const { accessToken: token, email } = await addUserWithoutPassword(app);
      await request(app, 'POST', '/auth/step-up/email-code', { token });
      const json = { emailCode: await newestMailboxCode(app, email) };
      return {
        run: () => request(app, 'POST', '/auth/step-up', { token, json }),
        isComplete: not(() => isAccepted(app, token)),
      };
    },
  },
  {
    name: 'factors.set_mfa',
    audit: ['mfa.turned_off'],
    mail: ['two_step_off'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const { accessToken: token, email } = await addUserOfTwoFactors(app);
      return {
        run: () => request(app, 'PUT', '/users/me/mfa', { token, json: { enabled: false } }),
        isComplete: () => canLogIn(app, email),
      };
    },
  },
  {
    name: 'totp.begin',
    audit: [],
    prepare: async (app) => {
      const { accessToken: token } = await logIn(await addScenarioUser(app));
      const isComplete = async () =>
        (await confirmTotp(app, { token }, await beginTotp(app, { token }))).status === 200;
      return { run: () => request(app, 'POST', totpPath, { token, json: {} }), isComplete };
    },
  },
  {
    name: 'totp.confirm',
    audit: ['factor.enrolled'],
    mail: ['second_factor_added'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken: token } = await logIn(user);
      const json = { code: codeNow(app, await beginTotp(app, { token })) };
      const isComplete = async () => (await login(app, user.email)).data.step === 'second_factor';
      return { run: () => request(app, 'POST', `${totpPath}/confirm`, { token, json }), isComplete };
    },
  },
  {
    name: 'totp.remove',
    audit: ['factor.removed'],
    mail: ['second_factor_removed'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const { accessToken: token, email }: Tokens & { email: string } = await addUserOfTwoFactors(app);
      return { run: () => request(app, 'DELETE', totpPath, { token }), isComplete: () => canLogIn(app, email) };
    },
  },
  {
    name: 'recovery_codes.make',
    audit: ['recovery_codes.made'],
    mail: ['recovery_codes_made'],
    prepare: async (app) => {
      const user = await addUserOfTwoFactors(app);
      const { accessToken: token, recoveryCodes } = user;
      const json = { recoveryCode: recoveryCodes[0] };
      const isComplete = async () => (await request(app, 'POST', '/auth/step-up', { token, json })) === 'invalid_code';
      return { run: () => request(app, 'POST', '/users/me/recovery-codes', { token, json: {} }), isComplete };
    },
  },
];

/** A browser that signed in with a password alone. */
async function browserOf(user: ScenarioUser): Promise<string> {
  return cookieHeader((await login(user.app, user.email, { transport: 'cookie' })).cookies);
}

/** A browser of a user with two factors, who proved a recovery code. */
async function browserOfTwoFactors(app: Application) {
  const user = await addUserOfTwoFactors(app);
  const { ticket } = (await login(app, user.email, { transport: 'cookie' })).data;
  const recoveryCode = user.recoveryCodes[1] ?? '';
  return { user, cookie: cookieHeader((await proveSecondFactor(app, ticket, { recoveryCode })).cookies) };
}

const security = '/account/security';

const pages: readonly Scenario[] = [
  {
    name: 'step_up.submit',
    commitsInParts: true,
    audit: ['session.stepped_up'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const cookie = await browserOf(user);
      const run = () => submitForm(app, '/step-up', { password: validPassword }, cookie);
      const isActive = async () => (await request(app, 'GET', '/auth/session', { cookie })) === 'done';
      return { run, isComplete: () => allTrue([not(isActive), () => canLogIn(app, user.email)]) };
    },
  },
  {
    name: 'totp.submit, to begin',
    audit: [],
    prepare: async (app) => {
      const cookie = await browserOf(await addScenarioUser(app));
      const run = () => submitForm(app, `${security}/app`, { act: 'begin' }, cookie);
      return { run, isComplete: async () => (await run()) === 'done' };
    },
  },
  {
    name: 'totp.submit, to confirm',
    audit: ['factor.enrolled'],
    mail: ['second_factor_added'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const cookie = await browserOf(user);
      const secret = await beginTotp(app, { cookie, headers: sameOrigin });
      const form = { act: 'confirm', code: codeNow(app, secret) };
      const isComplete = async () => (await login(app, user.email)).data.step === 'second_factor';
      return { run: () => submitForm(app, `${security}/app`, form, cookie), isComplete };
    },
  },
  {
    name: 'totp.submit_remove',
    audit: ['factor.removed'],
    mail: ['second_factor_removed'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const { user, cookie } = await browserOfTwoFactors(app);
      const run = () => submitForm(app, `${security}/remove-app`, { act: 'confirm' }, cookie);
      return { run, isComplete: () => canLogIn(app, user.email) };
    },
  },
  {
    name: 'recovery_codes.submit',
    audit: ['recovery_codes.made'],
    mail: ['recovery_codes_made'],
    prepare: async (app) => {
      const { user, cookie } = await browserOfTwoFactors(app);
      const run = () => submitForm(app, `${security}/recovery-codes`, { act: 'confirm' }, cookie);
      const isComplete = async () => {
        const json = { recoveryCode: user.recoveryCodes[0] };
        return (await request(app, 'POST', '/auth/step-up', { cookie, headers: sameOrigin, json })) === 'invalid_code';
      };
      return { run, isComplete };
    },
  },
];

export const secondFactors: readonly Scenario[] = [...logins, ...changes, ...pages];

/** Scenarios of login, refresh and logout. */
import { present } from '#kernel/assert.ts';
import type { Application, RequestOptions } from '../../support/application.ts';
import { cookieHeader, isAccepted, login, sameOrigin, type Tokens, validPassword } from '../../support/user-actions.ts';
import {
  addScenarioUser,
  allTrue,
  canLogIn,
  logIn,
  not,
  type Prepared,
  request,
  resultOf,
  type Scenario,
  type ScenarioUser,
  submitForm,
} from './scenario.ts';

const refreshPath = '/auth/refresh';
const afterGracePeriodMs = 11_000;

async function canRefresh(app: Application, { refreshToken }: Tokens): Promise<boolean> {
  return (await request(app, 'POST', refreshPath, { json: { refreshToken } })) === 'done';
}

/** Neither token of the session is accepted. */
function isRevoked(app: Application, tokens: Tokens): () => Promise<boolean> {
  return not(async () => (await isAccepted(app, tokens.accessToken)) || (await canRefresh(app, tokens)));
}

/** Retries keep the newest tokens, as a client does. */
async function refresh(app: Application, headers: NonNullable<RequestOptions['headers']>): Promise<Prepared> {
  const first = await logIn(await addScenarioUser(app));
  let newest = first;
  const refresh = async () => {
    const json = { refreshToken: first.refreshToken };
    const response = await app.send<Tokens>('POST', `/api/v1${refreshPath}`, { json, headers });
    if (response.status === 200) newest = response.data;
    return resultOf(response);
  };
  const isComplete = () => allTrue([() => isAccepted(app, newest.accessToken), () => canRefresh(app, newest)]);
  return { run: refresh, isComplete };
}

async function logout(app: Application, send: (tokens: Tokens) => Promise<string>): Promise<Prepared> {
  const user = await addScenarioUser(app);
  const tokens = await logIn(user);
  return {
    run: () => send(tokens),
    isComplete: () => allTrue([isRevoked(app, tokens), () => canLogIn(app, user.email)]),
  };
}

async function passwordLogin(user: ScenarioUser, more: Readonly<Record<string, unknown>>): Promise<Prepared> {
  const { app, email } = user;
  return { run: async () => resultOf(await login(app, email, more)), isComplete: () => canLogIn(app, email) };
}

export const sessions: readonly Scenario[] = [
  {
    name: 'login.password',
    audit: ['login.succeeded'],
    prepare: async (app) => passwordLogin(await addScenarioUser(app), {}),
  },
  {
    name: 'login.password, with a cookie on a new device',
    audit: ['login.succeeded'],
    mail: ['new_device'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      await logIn(user);
      return passwordLogin(user, { transport: 'cookie' });
    },
  },
  {
    name: 'login.password, of an account pending deletion',
    audit: ['login.step_required'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken: token } = await logIn(user);
      await request(app, 'DELETE', '/users/me', { token, json: { currentPassword: validPassword } });
      const isComplete = async () => {
        const { ticket } = await logIn(user);
        const json = { ticket: present(ticket, 'the ticket') };
        return (await request(app, 'POST', '/auth/cancel-deletion', { json })) === 'done' && canLogIn(app, user.email);
      };
      return { run: async () => resultOf(await login(app, user.email)), isComplete };
    },
  },
  {
    name: 'login.password, with a wrong password',
    result: 'invalid_credentials',
    audit: ['login.failed'],
    prepare: async (app) => passwordLogin(await addScenarioUser(app), { password: 'not the right one' }),
  },
  {
    name: 'login.submit',
    audit: ['login.succeeded'],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const form = { email, password: validPassword };
      return { run: () => submitForm(app, '/login', form), isComplete: () => canLogIn(app, email) };
    },
  },
  {
    name: 'login.submit, with a wrong password',
    result: 'page 401',
    audit: ['login.failed'],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const form = { email, password: 'not the right one' };
      return { run: () => submitForm(app, '/login', form), isComplete: () => canLogIn(app, email) };
    },
  },
  {
    name: 'refresh.rotate',
    audit: [],
    prepare: (app) => refresh(app, {}),
  },
  {
    name: 'refresh.rotate, with another user agent',
    audit: ['session.moved'],
    commitsInParts: true,
    prepare: (app) => refresh(app, { 'user-agent': 'Another' }),
  },
  {
    name: 'refresh.rotate, with a rotated token',
    result: 'invalid_refresh_token',
    audit: ['refresh_token.reused'],
    mail: ['refresh_token_reuse'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const rotated = await logIn(user);
      const json = { refreshToken: rotated.refreshToken };
      const { data } = await app.send<Tokens>('POST', `/api/v1${refreshPath}`, { json });
      app.clock.advance(afterGracePeriodMs);
      const isComplete = () => allTrue([isRevoked(app, data), () => canLogIn(app, user.email)]);
      return { run: () => request(app, 'POST', refreshPath, { json }), isComplete };
    },
  },
  {
    name: 'logout.this_session',
    audit: ['session.logged_out'],
    retryResult: 'not_authenticated',
    prepare: (app) => logout(app, ({ accessToken: token }) => request(app, 'POST', '/auth/logout', { token })),
  },
  {
    name: 'logout.this_session, with a cookie',
    audit: ['session.logged_out'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const cookie = cookieHeader((await login(app, email, { transport: 'cookie' })).cookies);
      const isActive = async () => (await request(app, 'GET', '/auth/session', { cookie })) === 'done';
      const headers = sameOrigin;
      return { run: () => request(app, 'POST', '/auth/logout', { cookie, headers }), isComplete: not(isActive) };
    },
  },
  {
    name: 'logout.submit',
    audit: ['session.logged_out'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const cookie = cookieHeader((await login(app, email, { transport: 'cookie' })).cookies);
      const isActive = async () => (await request(app, 'GET', '/auth/session', { cookie })) === 'done';
      return { run: () => submitForm(app, '/logout', { act: 'this' }, cookie), isComplete: not(isActive) };
    },
  },
  {
    name: 'logout.everywhere',
    audit: ['session.logged_out_everywhere'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const [session, otherSession] = [await logIn(user), await logIn(user)];
      const token = session.accessToken;
      const isComplete = () =>
        allTrue([isRevoked(app, session), isRevoked(app, otherSession), () => canLogIn(app, user.email)]);
      return { run: () => request(app, 'POST', '/auth/logout-all', { token }), isComplete };
    },
  },
  {
    name: 'session.token',
    audit: [],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const cookie = cookieHeader((await login(app, email, { transport: 'cookie' })).cookies);
      const isComplete = async () => (await app.send('GET', '/api/v1/auth/session', { cookie })).status === 200;
      return { run: () => request(app, 'POST', '/auth/token', { cookie, headers: sameOrigin }), isComplete };
    },
  },
  {
    name: 'sessions.end_one',
    audit: ['session.ended'],
    retryResult: 'session_not_found',
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const [session, otherSession] = [await logIn(user), await logIn(user)];
      const token = session.accessToken;
      const end = () => request(app, 'DELETE', `/users/me/sessions/${otherSession.sessionId}`, { token });
      return { run: end, isComplete: () => allTrue([isRevoked(app, otherSession), () => isAccepted(app, token)]) };
    },
  },
  {
    name: 'devices.forget',
    audit: ['device.forgotten'],
    retryResult: 'device_not_found',
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken: token } = await logIn(user);
      const listed = () =>
        app.send<{ devices: readonly { id: string }[] }>('GET', '/api/v1/users/me/devices', { token });
      const [device] = (await listed()).data.devices;
      return {
        run: () => request(app, 'DELETE', `/users/me/devices/${device?.id}`, { token }),
        isComplete: async () => (await listed()).data.devices.every(({ id }) => id !== device?.id),
      };
    },
  },
  {
    name: 'sessions.end_others',
    audit: ['session.others_ended'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const [session, otherSession] = [await logIn(user), await logIn(user)];
      const token = session.accessToken;
      const end = () => request(app, 'DELETE', '/users/me/sessions', { token });
      return { run: end, isComplete: () => allTrue([isRevoked(app, otherSession), () => isAccepted(app, token)]) };
    },
  },
];

/** Coming in and going out. */
import { present } from '#kernel/assert.ts';
import type { Application, RequestOptions } from '../../support/application.ts';
import { cookieHeader, isAccepted, login, sameOrigin, type Tokens, validPassword } from '../../support/user-actions.ts';
import {
  allHold,
  ask,
  type Begun,
  canLogIn,
  logIn,
  not,
  type Regular,
  regular,
  type Scenario,
  toldBy,
} from './scenario.ts';

const refreshPath = '/auth/refresh';
const afterTheGraceMs = 11_000;

async function canRefresh(app: Application, { refreshToken }: Tokens): Promise<boolean> {
  return (await ask(app, 'POST', refreshPath, { json: { refreshToken } })) === 'done';
}

/** Neither of the session's tokens opens anything. */
function isGracePeriodOver(app: Application, tokens: Tokens): () => Promise<boolean> {
  return not(async () => (await isAccepted(app, tokens.accessToken)) || (await canRefresh(app, tokens)));
}

/** Asks with the newest refresh token that was answered, as a client does. */
async function refreshing(app: Application, headers: NonNullable<RequestOptions['headers']>): Promise<Begun> {
  const first = await logIn(await regular(app));
  let newest = first;
  const refresh = async () => {
    const json = { refreshToken: first.refreshToken };
    const answer = await app.send<Tokens>('POST', `/api/v1${refreshPath}`, { json, headers });
    if (answer.status === 200) newest = answer.data;
    return toldBy(answer);
  };
  const isSettled = () => allHold([() => isAccepted(app, newest.accessToken), () => canRefresh(app, newest)]);
  return { ask: refresh, isSettled };
}

async function leaving(app: Application, leave: (tokens: Tokens) => Promise<string>): Promise<Begun> {
  const person = await regular(app);
  const tokens = await logIn(person);
  return {
    ask: () => leave(tokens),
    isSettled: () => allHold([isGracePeriodOver(app, tokens), () => canLogIn(app, person.email)]),
  };
}

async function loggingIn(person: Regular, more: Readonly<Record<string, unknown>>): Promise<Begun> {
  const { app, email } = person;
  return { ask: async () => toldBy(await login(app, email, more)), isSettled: () => canLogIn(app, email) };
}

export const sessions: readonly Scenario[] = [
  {
    name: 'login.password',
    audit: ['login.succeeded'],
    begin: async (app) => loggingIn(await regular(app), {}),
  },
  {
    name: 'login.password, by cookie on a new device',
    audit: ['login.succeeded'],
    mail: ['new_device'],
    begin: async (app) => {
      const person = await regular(app);
      await logIn(person);
      return loggingIn(person, { transport: 'cookie' });
    },
  },
  {
    name: 'login.password, of an account that is closing',
    audit: ['login.step_required'],
    begin: async (app) => {
      const person = await regular(app);
      const { accessToken: token } = await logIn(person);
      await ask(app, 'DELETE', '/users/me', { token, json: { currentPassword: validPassword } });
      const isSettled = async () => {
        const { ticket } = await logIn(person);
        const json = { ticket: present(ticket, 'the ticket') };
        return (await ask(app, 'POST', '/auth/cancel-deletion', { json })) === 'done' && canLogIn(app, person.email);
      };
      return { ask: async () => toldBy(await login(app, person.email)), isSettled };
    },
  },
  {
    name: 'login.password, with a wrong one',
    told: 'invalid_credentials',
    audit: ['login.failed'],
    begin: async (app) => loggingIn(await regular(app), { password: 'not the right one' }),
  },
  {
    name: 'refresh.rotate',
    audit: ['session.refreshed'],
    begin: (app) => refreshing(app, {}),
  },
  {
    name: 'refresh.rotate, from elsewhere',
    audit: ['session.moved', 'session.refreshed'],
    inParts: true,
    begin: (app) => refreshing(app, { 'user-agent': 'Another' }),
  },
  {
    name: 'refresh.rotate, of a used token',
    told: 'invalid_refresh_token',
    audit: ['refresh_token.reused'],
    mail: ['refresh_token_reuse'],
    begin: async (app) => {
      const person = await regular(app);
      const used = await logIn(person);
      const json = { refreshToken: used.refreshToken };
      const { data } = await app.send<Tokens>('POST', `/api/v1${refreshPath}`, { json });
      app.clock.advance(afterTheGraceMs);
      const isSettled = () => allHold([isGracePeriodOver(app, data), () => canLogIn(app, person.email)]);
      return { ask: () => ask(app, 'POST', refreshPath, { json }), isSettled };
    },
  },
  {
    name: 'logout.this_session',
    audit: ['session.logged_out'],
    again: 'not_authenticated',
    begin: (app) => leaving(app, ({ accessToken: token }) => ask(app, 'POST', '/auth/logout', { token })),
  },
  {
    name: 'logout.this_session, by cookie',
    audit: ['session.logged_out'],
    again: 'not_authenticated',
    begin: async (app) => {
      const { email } = await regular(app);
      const cookie = cookieHeader((await login(app, email, { transport: 'cookie' })).cookies);
      const isActive = async () => (await ask(app, 'GET', '/auth/session', { cookie })) === 'done';
      const headers = sameOrigin;
      return { ask: () => ask(app, 'POST', '/auth/logout', { cookie, headers }), isSettled: not(isActive) };
    },
  },
  {
    name: 'logout.everywhere',
    audit: ['session.logged_out_everywhere'],
    again: 'not_authenticated',
    begin: async (app) => {
      const person = await regular(app);
      const [here, there] = [await logIn(person), await logIn(person)];
      const token = here.accessToken;
      const isSettled = () =>
        allHold([isGracePeriodOver(app, here), isGracePeriodOver(app, there), () => canLogIn(app, person.email)]);
      return { ask: () => ask(app, 'POST', '/auth/logout-all', { token }), isSettled };
    },
  },
  {
    name: 'session.token',
    audit: [],
    begin: async (app) => {
      const { accessToken: token } = await logIn(await regular(app));
      return { ask: () => ask(app, 'POST', '/auth/token', { token }), isSettled: () => isAccepted(app, token) };
    },
  },
  {
    name: 'sessions.end_one',
    audit: ['session.ended'],
    again: 'session_not_found',
    begin: async (app) => {
      const person = await regular(app);
      const [here, there] = [await logIn(person), await logIn(person)];
      const token = here.accessToken;
      const end = () => ask(app, 'DELETE', `/users/me/sessions/${there.sessionId}`, { token });
      return { ask: end, isSettled: () => allHold([isGracePeriodOver(app, there), () => isAccepted(app, token)]) };
    },
  },
  {
    name: 'sessions.end_others',
    audit: ['session.others_ended'],
    begin: async (app) => {
      const person = await regular(app);
      const [here, there] = [await logIn(person), await logIn(person)];
      const token = here.accessToken;
      const end = () => ask(app, 'DELETE', '/users/me/sessions', { token });
      return { ask: end, isSettled: () => allHold([isGracePeriodOver(app, there), () => isAccepted(app, token)]) };
    },
  },
];

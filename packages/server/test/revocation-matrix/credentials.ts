/** Every thing that can end: how it comes to be, and what it is good for when it is tried for real. */
import { issueTicket } from '#domain/authentication/index.ts';
import { issueToken } from '#domain/one-time-tokens/index.ts';
import type { Credential, Outcome } from '#domain/users/index.ts';
import { createInvitation } from '#flows/admin-invitations/index.ts';
import { enableUser } from '#flows/admin-users/index.ts';
import { present } from '#kernel/assert.ts';
import type { ProblemCode } from '#kernel/problem.ts';
import { statement } from '#platform/database/index.ts';
import type { AppResponse, RequestOptions } from '../support/application.ts';
import { loginByCode, loginByLink, requestCode, requestLink } from '../support/login-by-mail.ts';
import { cookieHeader, register, type Tokens, uniqueEmail, validPassword } from '../support/user-actions.ts';
import { type Acting, act, actingOf, ask, close, link, logIn, moveTo, type Somebody, tell } from './somebody.ts';

/** Tries the thing; `answer` is what the acting session was told by the effect. */
export type Trial = (answer?: AppResponse<Tokens>) => Promise<Outcome>;

const findUser = statement('what_ends_test.find_user', {
  lane: 'pool',
  sql: `select u.status, u.auth_epoch, i.id as identifier_id, i.verified_at
    from users u join identifiers i on i.user_id = u.id and i.is_primary where u.id = :userId`,
  params: { userId: 'uuid' },
  columns: { status: 'text', authEpoch: 'int4', identifierId: 'uuid', verifiedAt: 'timestamptz?' },
});

const findDevice = statement('what_ends_test.find_device', {
  lane: 'pool',
  sql: `select d.id from devices d join users u on u.id = d.user_id
    where d.id = :id and d.auth_epoch = u.auth_epoch and d.expires_at > :now`,
  params: { id: 'uuid', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

const thirdPassword = 'a third horse, a third battery';

const stored = ({ app, userId }: Somebody) => app.services.database.row(findUser, { userId });

/** `lives` for an answer that took the thing, `ends` for the refusal that a dead one gets; anything else is a fault. */
function judge({ status, code }: AppResponse, refusal: ProblemCode, taken?: ProblemCode): 'lives' | 'ends' {
  if (status < 300 || (taken !== undefined && code === taken)) return 'lives';
  if (code === refusal) return 'ends';
  throw new Error(`unexpected answer ${status} ${code}`);
}

async function opens({ app }: Somebody, { token, cookie }: RequestOptions): Promise<'lives' | 'ends'> {
  const sent = { ...(token === undefined ? {} : { token }), ...(cookie === undefined ? {} : { cookie }) };
  return judge(await app.send('GET', '/api/v1/auth/session', sent), 'not_authenticated');
}

async function refreshes({ app }: Somebody, refreshToken: string): Promise<'lives' | 'ends'> {
  const answer = await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
  return judge(answer, 'invalid_refresh_token');
}

/** Session and refresh tokens of one holder, which live and end together. */
async function holds(somebody: Somebody, { credentials, refreshToken }: Acting): Promise<'lives' | 'ends'> {
  const session = await opens(somebody, credentials);
  if (refreshToken !== undefined && (await refreshes(somebody, refreshToken)) !== session)
    throw new Error('a session and its refresh tokens differ');
  return session;
}

/** A login that is remembered by this process, as most are when something happens to them. */
async function warm(somebody: Somebody, sent: RequestOptions): Promise<void> {
  if ((await opens(somebody, sent)) !== 'lives') throw new Error('the session was dead before the effect');
}

/** Presses a link; of a disabled user once more after they were enabled. */
async function press(somebody: Somebody, path: string, json: object): Promise<Outcome> {
  const { app, userId } = somebody;
  const once = async () => judge(await app.send('POST', `/api/v1/auth/${path}`, { json }), 'invalid_token');
  const first = await once();
  if (first === 'lives' || (await stored(somebody))?.status !== 'disabled') return first;
  await enableUser(app.services, userId);
  return (await once()) === 'lives' ? 'rests' : 'ends';
}

/** Whether a login from the device counts as known; where nobody may log in, whether its row would. */
async function recognizes(somebody: Somebody, deviceToken: string): Promise<'lives' | 'ends'> {
  const { app } = somebody;
  const { status, data } = await logIn(somebody, { deviceToken });
  if (status === 200 && data.step === undefined) return data.deviceToken === deviceToken ? 'lives' : 'ends';
  const id = present(app.services.devices.read(deviceToken), 'the id of the device');
  const row = await app.services.database.row(findDevice, { id, now: app.clock.now() });
  return row === undefined ? 'ends' : 'lives';
}

/** As a login issues it that needs a further step, which no active user's does yet. */
async function issueOpenTicket({ app, userId }: Somebody): Promise<string> {
  const { database, users, makeId, clients } = app.services;
  const proven = [{ amr: 'pwd', kind: 'knowledge', userVerified: false }] as const;
  const ticket = await database.transaction(async (tx) => {
    const { authEpoch } = present(await users.lock(tx, userId), 'the user');
    const login = { userId, authEpoch, clientId: clients.default.id, transport: 'token', proven } as const;
    return issueTicket(tx, makeId, login, app.clock.now());
  });
  return present(ticket, 'a ticket').text;
}

/** A verification link beside a proven address: nothing sends one, and should one be left it must end like the others. */
async function issueVerification(somebody: Somebody): Promise<string> {
  const { database, tokens } = somebody.app.services;
  const { authEpoch, identifierId } = present(await stored(somebody), 'the user');
  const of = { userId: somebody.userId, identifierId, authEpoch, sealedPayload: null } as const;
  const values = tokens.values({ id: tokens.newId(), purpose: 'verify_email', ...of, now: somebody.app.clock.now() });
  await database.transaction((tx) => issueToken(tx, values));
  return tokens.secret(values.tokenId, 'verify_email', values.tokenKeyId);
}

/** Invites somebody else, who has nothing to do with what happens to this one. */
async function invite({ app }: Somebody): Promise<string> {
  const { services } = app;
  const asTyped = uniqueEmail('invited');
  const invited = { email: { asTyped, canonical: asTyped }, locale: 'en', role: null };
  const outcome = await createInvitation(services, invited);
  if (outcome.kind !== 'created') throw new Error(outcome.kind);
  return services.tokens.secret(outcome.invitationId, 'invitation', services.keys.currentKeyId('link'));
}

/** By thing: makes it and answers how to try it. */
export const makers: Readonly<Record<Credential, (somebody: Somebody) => Promise<Trial>>> = {
  acting_session: async (somebody) => {
    const before = present(somebody.acting, 'the acting session');
    await warm(somebody, before.credentials);
    return async (answer) => {
      const old = await holds(somebody, before);
      const hasNew = answer !== undefined && (answer.cookies.length > 1 || answer.data?.accessToken !== undefined);
      if (old === 'lives' || !hasNew) return old;
      return (await holds(somebody, actingOf(answer, before))) === 'lives' ? 'renewed' : 'ends';
    };
  },
  session: async (somebody) => {
    const { data, cookies } = await logIn(somebody, { transport: 'cookie' });
    const cookie = cookieHeader(cookies);
    somebody.namedSessionId = data.sessionId;
    await warm(somebody, { cookie });
    return () => opens(somebody, { cookie });
  },
  refresh_family: async (somebody) => {
    const { refreshToken, sessionId } = (await logIn(somebody)).data;
    somebody.namedSessionId = sessionId;
    return () => refreshes(somebody, refreshToken);
  },
  access_token: async (somebody) => {
    const { accessToken: token, sessionId } = (await logIn(somebody)).data;
    somebody.namedSessionId = sessionId;
    await warm(somebody, { token });
    return () => opens(somebody, { token });
  },
  ticket: async (somebody) => {
    const isPendingDeletion = (await stored(somebody))?.status === 'pending_deletion';
    const ticket = isPendingDeletion ? (await logIn(somebody)).data.ticket : await issueOpenTicket(somebody);
    return async () => {
      const answer = await somebody.app.send('POST', '/api/v1/auth/cancel-deletion', { json: { ticket } });
      return judge(answer, 'invalid_ticket', 'login_incomplete');
    };
  },
  verify_email: async (somebody) => {
    if ((await stored(somebody))?.verifiedAt === null) {
      await register(somebody.app, somebody.email);
      const token = await link(somebody, 'verify_email');
      return () => press(somebody, 'verify-email', { token });
    }
    const token = await issueVerification(somebody);
    return () => press(somebody, 'verify-email', { token, password: thirdPassword });
  },
  reset_password: async (somebody) => {
    await tell(somebody, 'forgot-password', { email: somebody.email });
    const token = await link(somebody, 'reset_password');
    return () => press(somebody, 'reset-password', { token, password: thirdPassword });
  },
  magic_link: async (somebody) => {
    const { browserToken } = (await requestLink(somebody.app, somebody.email)).data;
    const token = await link(somebody, 'magic_link');
    return async () => judge(await loginByLink(somebody.app, token, { browserToken }), 'invalid_token');
  },
  email_code: async (somebody) => {
    const { app, email } = somebody;
    const { browserToken } = (await requestCode(app, email)).data;
    const code = await link(somebody, 'email_code');
    return async () => judge(await loginByCode(app, email, code, { browserToken }), 'invalid_code');
  },
  confirm_email_change: async (somebody) => {
    const json = { newEmail: uniqueEmail('wanted'), currentPassword: somebody.password };
    await ask(somebody, 'POST', '/api/v1/users/me/email', json);
    const token = await link(somebody, 'confirm_email_change');
    return () => press(somebody, 'confirm-email-change', { token });
  },
  undo_email_change: async (somebody) => {
    await moveTo(somebody, uniqueEmail('moved'));
    await act(somebody);
    const token = await link(somebody, 'undo_email_change');
    return () => press(somebody, 'undo-email-change', { token, password: thirdPassword });
  },
  cancel_deletion: async (somebody) => {
    if ((await stored(somebody))?.status !== 'pending_deletion') await close(somebody);
    const token = await link(somebody, 'cancel_deletion');
    return () => press(somebody, 'cancel-deletion', { token });
  },
  invitation: async (somebody) => {
    const token = await invite(somebody);
    return () => press(somebody, 'accept-invitation', { token, name: 'Bob', password: validPassword });
  },
  acting_device: async (somebody) => {
    const { deviceToken } = present(somebody.acting, 'the acting session');
    return () => recognizes(somebody, deviceToken);
  },
  known_device: async (somebody) => {
    const { deviceToken } = (await logIn(somebody)).data;
    return () => recognizes(somebody, deviceToken);
  },
};

/** Every revocable credential: how it is issued, and how a test uses it to see whether it is still valid. */

import { randomBytes } from 'node:crypto';
import { compareMailboxCode } from '#domain/authentication/index.ts';
import { resumeIdentity } from '#domain/federated-identities/index.ts';
import { consumeCode, issueToken } from '#domain/one-time-tokens/index.ts';
import type { Credential, Outcome } from '#domain/users/index.ts';
import { createInvitation } from '#flows/admin-invitations/index.ts';
import { enableUser } from '#flows/admin-users/index.ts';
import { present } from '#kernel/assert.ts';
import type { ProblemCode } from '#kernel/problem.ts';
import { statement } from '#platform/database/index.ts';
import type { AppResponse, RequestOptions } from '../support/application.ts';
import { loginByCode, loginByLink, requestCode, requestLink } from '../support/login-by-mail.ts';
import { operator } from '../support/operator.ts';
import { addPasskey, loginByPasskey, passkeysPath } from '../support/passkeys.ts';
import { issuePasswordTicket } from '../support/password-ticket.ts';
import { linkNewIdentity, signInAs } from '../support/shared-provider.ts';
import { cookieHeader, register, type Tokens, uniqueEmail, validPassword } from '../support/user-actions.ts';
import {
  type ActingUser,
  changeEmailTo,
  deleteAccount,
  type HeldSession,
  linkToken,
  logIn,
  request,
  sessionOf,
  startSession,
  submit,
} from './acting-user.ts';

/** Uses the credential; `response` is the response of the effect to the acting session. */
export type Probe = (response?: AppResponse<Tokens>) => Promise<Outcome>;

const findUser = statement('revocation_matrix_test.find_user', {
  lane: 'pool',
  sql: `select u.status, u.auth_epoch, i.id as identifier_id, i.verified_at
    from users u join identifiers i on i.user_id = u.id and i.is_primary where u.id = :userId`,
  params: { userId: 'uuid' },
  columns: { status: 'text', authEpoch: 'int4', identifierId: 'uuid', verifiedAt: 'timestamptz?' },
});

const findDevice = statement('revocation_matrix_test.find_device', {
  lane: 'pool',
  sql: `select d.id from devices d join users u on u.id = d.user_id
    where d.id = :id and d.auth_epoch = u.auth_epoch and d.expires_at > :now`,
  params: { id: 'uuid', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

const thirdPassword = 'a third horse, a third battery';

const findRow = ({ app, userId }: ActingUser) => app.services.database.row(findUser, { userId });

/** `valid` when the credential was accepted, `revoked` when it was rejected with `refusal`; anything else is a fault. */
function outcomeOf({ status, code }: AppResponse, refusal: ProblemCode, accepted?: ProblemCode): 'valid' | 'revoked' {
  if (status < 300 || (accepted !== undefined && code === accepted)) return 'valid';
  if (code === refusal) return 'revoked';
  throw new Error(`unexpected response ${status} ${code}`);
}

async function checkSession({ app }: ActingUser, { token, cookie }: RequestOptions): Promise<'valid' | 'revoked'> {
  const sent = { ...(token === undefined ? {} : { token }), ...(cookie === undefined ? {} : { cookie }) };
  return outcomeOf(await app.send('GET', '/api/v1/auth/session', sent), 'not_authenticated');
}

async function checkRefresh({ app }: ActingUser, refreshToken: string): Promise<'valid' | 'revoked'> {
  const response = await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
  return outcomeOf(response, 'invalid_refresh_token');
}

/** Session and refresh tokens of one holder; they must have the same outcome. */
async function checkHeldSession(
  user: ActingUser,
  { credentials, refreshToken }: HeldSession,
): Promise<'valid' | 'revoked'> {
  const session = await checkSession(user, credentials);
  if (refreshToken !== undefined && (await checkRefresh(user, refreshToken)) !== session)
    throw new Error('a session and its refresh tokens differ');
  return session;
}

/** Puts the session into the session cache, where most are when an effect revokes them. */
async function warmCache(user: ActingUser, sent: RequestOptions): Promise<void> {
  if ((await checkSession(user, sent)) !== 'valid') throw new Error('the session was revoked before the effect');
}

/** Consumes a link; for a disabled user once more after enabling the account. */
async function consumeLink(user: ActingUser, path: string, json: object): Promise<Outcome> {
  const { app, userId } = user;
  const consume = async () => outcomeOf(await app.send('POST', `/api/v1/auth/${path}`, { json }), 'invalid_token');
  const first = await consume();
  if (first === 'valid' || (await findRow(user))?.status !== 'disabled') return first;
  await enableUser(app.services, operator, userId);
  return (await consume()) === 'valid' ? 'suspended' : 'revoked';
}

/** Ends the suspension of a passkey: that of a disabled user, or that of a recovery. */
async function resumePasskey(user: ActingUser, id: string): Promise<void> {
  const status = (await findRow(user))?.status;
  if (status === undefined) return;
  if (status === 'disabled') await enableUser(user.app.services, operator, user.userId);
  const { accessToken: token } = (await logIn(user)).data;
  await user.app.send('PATCH', `${passkeysPath}/${id}`, { token, json: { suspended: false } });
}

/** Ends the suspension of an identity: that of a disabled user, or that of a recovery. */
async function endSuspension(user: ActingUser, id: string): Promise<void> {
  if ((await findRow(user))?.status === 'disabled') await enableUser(user.app.services, operator, user.userId);
  await user.app.services.database.transaction((tx) => resumeIdentity(tx, id, user.userId));
}

/** Whether a login from the device counts as known. When the user cannot log in, the row decides. */
async function checkDevice(user: ActingUser, deviceToken: string): Promise<'valid' | 'revoked'> {
  const { app } = user;
  const { status, data } = await logIn(user, { deviceToken });
  if (status === 200 && data.step === undefined) return data.deviceToken === deviceToken ? 'valid' : 'revoked';
  const id = present(app.services.devices.read(deviceToken), 'the id of the device');
  const row = await app.services.database.row(findDevice, { id, now: app.clock.now() });
  return row === undefined ? 'revoked' : 'valid';
}

/** The ticket of a login that requires a further step; today only users pending deletion get one. */
async function issuePendingTicket({ app, userId }: ActingUser): Promise<string> {
  const { authEpoch } = present(await app.services.database.row(findUser, { userId }), 'the user');
  return present(await issuePasswordTicket(app.services, userId, authEpoch), 'a ticket');
}

/** A verification link for an already verified address. No flow issues one, but the revocation must cover it. */
async function issueVerification(user: ActingUser): Promise<string> {
  const { database, tokens } = user.app.services;
  const { authEpoch, identifierId } = present(await findRow(user), 'the user');
  const of = { userId: user.userId, identifierId, authEpoch, sealedPayload: null } as const;
  const values = tokens.values({ id: tokens.newId(), purpose: 'verify_email', ...of, now: user.app.clock.now() });
  await database.transaction((tx) => issueToken(tx, values));
  return tokens.secret(values.tokenId, 'verify_email', values.tokenKeyId);
}

/** A code that is bound to what no effect ends by itself, so that the user's epoch alone decides. */
async function issueMailboxCode(user: ActingUser): Promise<Probe> {
  const { database, tokens, clock } = user.app.services;
  const { userId } = user;
  const { authEpoch, identifierId } = present(await findRow(user), 'the user');
  const binding = randomBytes(32);
  const of = { userId, identifierId, authEpoch, sealedPayload: null, browserHash: binding } as const;
  const values = tokens.values({ id: tokens.newId(), purpose: 'mailbox_code', ...of, now: clock.now() });
  await database.transaction((tx) => issueToken(tx, values));
  const code = tokens.secret(values.tokenId, 'mailbox_code', values.tokenKeyId);
  return async () => {
    if ((await findRow(user))?.status === undefined) return 'revoked';
    if ((await findRow(user))?.status === 'disabled') return 'revoked';
    const proof = await compareMailboxCode(user.app.services, { userId, binding }, code);
    if (proof === undefined) return 'revoked';
    const use = { hash: proof.hash, browserHash: binding };
    const consumed = await database.transaction((tx) => consumeCode(tx, 'mailbox_code', use, clock.now()));
    return consumed === undefined ? 'revoked' : 'valid';
  };
}

/** An invitation of another address. */
async function invite({ app }: ActingUser): Promise<string> {
  const { services } = app;
  const asTyped = uniqueEmail('invited');
  const invited = { email: { asTyped, canonical: asTyped }, locale: 'en', role: null };
  const outcome = await createInvitation(services, operator, invited);
  if (outcome.kind !== 'created') throw new Error(outcome.kind);
  return services.tokens.secret(outcome.invitationId, 'invitation', services.keys.currentKeyId('link'));
}

/** Issues each credential and returns its probe. */
export const credentialProbes: Readonly<Record<Credential, (user: ActingUser) => Promise<Probe>>> = {
  acting_session: async (user) => {
    const before = present(user.acting, 'the acting session');
    await warmCache(user, before.credentials);
    return async (response) => {
      const old = await checkHeldSession(user, before);
      const isReissued =
        response !== undefined && (response.cookies.length > 1 || response.data?.accessToken !== undefined);
      if (old === 'valid' || !isReissued) return old;
      return (await checkHeldSession(user, sessionOf(response, before))) === 'valid' ? 'renewed' : 'revoked';
    };
  },
  session: async (user) => {
    const { data, cookies } = await logIn(user, { transport: 'cookie' });
    const cookie = cookieHeader(cookies);
    user.namedSessionId = data.sessionId;
    await warmCache(user, { cookie });
    return () => checkSession(user, { cookie });
  },
  refresh_family: async (user) => {
    const { refreshToken, sessionId } = (await logIn(user)).data;
    user.namedSessionId = sessionId;
    return () => checkRefresh(user, refreshToken);
  },
  access_token: async (user) => {
    const { accessToken: token, sessionId } = (await logIn(user)).data;
    user.namedSessionId = sessionId;
    await warmCache(user, { token });
    return () => checkSession(user, { token });
  },
  ticket: async (user) => {
    const isPendingDeletion = (await findRow(user))?.status === 'pending_deletion';
    const ticket = isPendingDeletion ? (await logIn(user)).data.ticket : await issuePendingTicket(user);
    return async () => {
      const response = await user.app.send('POST', '/api/v1/auth/cancel-deletion', { json: { ticket } });
      return outcomeOf(response, 'invalid_ticket', 'login_incomplete');
    };
  },
  verify_email: async (user) => {
    if ((await findRow(user))?.verifiedAt === null) {
      await register(user.app, user.email);
      const token = await linkToken(user, 'verify_email');
      return () => consumeLink(user, 'verify-email', { token });
    }
    const token = await issueVerification(user);
    return () => consumeLink(user, 'verify-email', { token, password: thirdPassword });
  },
  reset_password: async (user) => {
    await submit(user, 'forgot-password', { email: user.email });
    const token = await linkToken(user, 'reset_password');
    return () => consumeLink(user, 'reset-password', { token, password: thirdPassword });
  },
  magic_link: async (user) => {
    const { browserToken } = (await requestLink(user.app, user.email)).data;
    const token = await linkToken(user, 'magic_link');
    return async () => outcomeOf(await loginByLink(user.app, token, { browserToken }), 'invalid_token');
  },
  email_code: async (user) => {
    const { app, email } = user;
    const { browserToken } = (await requestCode(app, email)).data;
    const code = await linkToken(user, 'email_code');
    return async () => outcomeOf(await loginByCode(app, email, code, { browserToken }), 'invalid_code');
  },
  setup: async (user) => {
    const { database, tokens, clock } = user.app.services;
    const { authEpoch } = present(await findRow(user), 'the user');
    const of = { userId: user.userId, identifierId: null, authEpoch, sealedPayload: null } as const;
    const values = tokens.values({ id: tokens.newId(), purpose: 'setup', ...of, now: clock.now() });
    await database.transaction((tx) => issueToken(tx, values));
    const token = tokens.secret(values.tokenId, 'setup', values.tokenKeyId);
    return () => consumeLink(user, 'setup', { token, name: 'Ada', password: thirdPassword });
  },
  mailbox_code: issueMailboxCode,
  confirm_email_change: async (user) => {
    const json = { newEmail: uniqueEmail('wanted'), currentPassword: user.password };
    await request(user, 'POST', '/api/v1/users/me/email', json);
    const token = await linkToken(user, 'confirm_email_change');
    return () => consumeLink(user, 'confirm-email-change', { token });
  },
  undo_email_change: async (user) => {
    await changeEmailTo(user, uniqueEmail('moved'));
    await startSession(user);
    const token = await linkToken(user, 'undo_email_change');
    return () => consumeLink(user, 'undo-email-change', { token, password: thirdPassword });
  },
  cancel_deletion: async (user) => {
    if ((await findRow(user))?.status !== 'pending_deletion') await deleteAccount(user);
    const token = await linkToken(user, 'cancel_deletion');
    return () => consumeLink(user, 'cancel-deletion', { token });
  },
  invitation: async (user) => {
    const token = await invite(user);
    return () => consumeLink(user, 'accept-invitation', { token, name: 'Bob', password: validPassword });
  },
  passkey: async (user) => {
    const { app } = user;
    const { passkey, data } = await addPasskey(app, present(user.acting, 'the acting session').credentials);
    user.namedPasskeyId = data.passkey.id;
    const use = async () => {
      const response = await loginByPasskey(app, passkey);
      if (response.code === 'account_disabled' || response.code === 'unknown_passkey') return 'revoked';
      return outcomeOf(response, 'invalid_passkey');
    };
    return async () => {
      if ((await use()) === 'valid') return 'valid';
      await resumePasskey(user, data.passkey.id);
      return (await use()) === 'valid' ? 'suspended' : 'revoked';
    };
  },
  identity: async (user) => {
    const { app } = user;
    const { person, identityId } = await linkNewIdentity(app, user.userId);
    user.namedIdentityId = identityId;
    const use = async () => {
      const { status, headers } = await signInAs(app, person);
      const location = headers.get('location');
      // An identity of no one leads to a registration, because its email is not proven.
      if (location === '/check-mail' || status === 401 || status === 403) return 'revoked';
      if (status === 303) return 'valid';
      throw new Error(`unexpected response ${status}`);
    };
    return async () => {
      if ((await use()) === 'valid') return 'valid';
      await endSuspension(user, identityId);
      return (await use()) === 'valid' ? 'suspended' : 'revoked';
    };
  },
  acting_device: async (user) => {
    const { deviceToken } = present(user.acting, 'the acting session');
    return () => checkDevice(user, deviceToken);
  },
  known_device: async (user) => {
    const { deviceToken } = (await logIn(user)).data;
    return () => checkDevice(user, deviceToken);
  },
};

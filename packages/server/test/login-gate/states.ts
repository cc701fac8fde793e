/** The states of a user that the gate distinguishes, and the credentials that a client may hold in each of them. */
import { randomBytes } from 'node:crypto';
import type { Ticket } from '#domain/authentication/tickets.ts';
import { issueToken, type Purpose } from '#domain/one-time-tokens/index.ts';
import { disableUser, endSessions, grantRole } from '#flows/admin-users/index.ts';
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { formatSecret, hashSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import {
  type ActingUser,
  addActingUser,
  addUnverifiedUser,
  changeEmailTo,
  deleteAccount,
  linkToken,
  logIn,
  request,
  sessionOf,
  startSession,
  submit,
  withTotp,
} from '../revocation-matrix/acting-user.ts';
import type { Application, RequestOptions } from '../support/application.ts';
import { mustChangePasswordOf } from '../support/must-change.ts';
import { operator } from '../support/operator.ts';
import { addPasskey, passkeyLoginOptions, signChallenge, type TestPasskey } from '../support/passkeys.ts';
import { issuePageTicket, issuePasswordTicket, issueSignUpTicket } from '../support/password-ticket.ts';
import { renderedForm } from '../support/rendered-form.ts';
import { uniqueEmail } from '../support/user-actions.ts';

const endGracePeriod = statement('login_gate_test.end_grace_period', {
  lane: 'pool',
  sql: `update users set deletes_at = :now where id = :userId and status = 'pending_deletion'`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: {},
});

const unverifyEmail = statement('login_gate_test.unverify_email', {
  lane: 'pool',
  sql: `update identifiers set verified_at = null where user_id = :userId and is_primary`,
  params: { userId: 'uuid' },
  columns: {},
});

const findStatus = statement('login_gate_test.find_status', {
  lane: 'pool',
  sql: `select status from users where id = :userId`,
  params: { userId: 'uuid' },
  columns: { status: 'text' },
});

const findUser = statement('login_gate_test.find_user', {
  lane: 'pool',
  sql: `select u.auth_epoch, i.id as identifier_id from users u join identifiers i on i.user_id = u.id and i.is_primary
    where u.id = :userId`,
  params: { userId: 'uuid' },
  columns: { authEpoch: 'int4', identifierId: 'uuid' },
});

/** Schedules the deletion with a session of its own. */
async function scheduleDeletion(user: ActingUser): Promise<void> {
  await startSession(user);
  await deleteAccount(user);
}

async function passGracePeriod(user: ActingUser): Promise<void> {
  const row = await user.app.services.database.row(findStatus, { userId: user.userId });
  if (row?.status !== 'pending_deletion') await scheduleDeletion(user);
  await user.app.services.database.run(endGracePeriod, { userId: user.userId, now: user.app.clock.now() });
}

/** A passkey is added, by a session of its own. A security key turns two factors on. */
async function addKey(user: ActingUser, kind: 'passkey' | 'security_key'): Promise<TestPasskey> {
  await startSession(user);
  const { credentials } = present(user.acting, 'the acting session');
  const { passkey, data } = await addPasskey(user.app, credentials, { kind });
  user.recoveryCodes = [...(data.recoveryCodes ?? user.recoveryCodes ?? [])];
  return passkey;
}

/** An authenticator app is set up, by a session of its own. */
async function turnTwoFactorsOn(user: ActingUser): Promise<void> {
  await startSession(user);
  await withTotp(user);
}

async function raiseEpoch({ app, userId }: ActingUser): Promise<void> {
  const { database, users } = app.services;
  await database.transaction((tx) => users.raiseEpoch(tx, userId));
}

/** No flow does this: a fact that turns stricter raises the epoch. It shows which facts are read again. */
export async function mustChangePasswordInSameEpoch({ app, userId }: ActingUser): Promise<void> {
  await mustChangePasswordOf(app.services.database, userId);
}

/**
 * How a user enters each state. Every one of them raises the epoch, but the first two, which are the initial ones, and a
 * passkey, which is only a further way in.
 */
const entries = {
  active: async () => undefined,
  unverified: async () => undefined,
  'must change password': async (user: ActingUser) => {
    await raiseEpoch(user);
    await mustChangePasswordInSameEpoch(user);
  },
  disabled: async ({ app, userId }: ActingUser) => {
    await disableUser(app.services, operator, userId);
  },
  'two factors': turnTwoFactorsOn,
  'required by role': async ({ app, userId }: ActingUser) => {
    await grantRole(app.services, operator, userId, 'owner');
  },
  'pending deletion': scheduleDeletion,
  'grace period over': passGracePeriod,
  erased: async (user: ActingUser) => {
    await passGracePeriod(user);
    await eraseDueAccounts(user.app.services, new AbortController().signal);
  },
  passkey: async (user: ActingUser) => {
    await addKey(user, 'passkey');
  },
  'security key': async (user: ActingUser) => {
    await addKey(user, 'security_key');
  },
} as const satisfies Readonly<Record<string, (user: ActingUser) => Promise<void>>>;

export type State = keyof typeof entries;

/** The columns of the reviewed table. */
export const states = Object.keys(entries) as readonly State[];

/** Brings a user into a state. */
export function enterState(user: ActingUser, state: State): Promise<void> {
  return entries[state](user);
}

/** Every fact of a decision turned stricter, for a user who could log in until then. */
export const restrictions: Readonly<Record<string, (user: ActingUser) => Promise<void>>> = {
  'must change password': entries['must change password'],
  disabled: entries.disabled,
  'two factors': async (user) => {
    await entries['two factors'](user);
    await endSessions(user.app.services, operator, user.userId);
  },
  'required by role': entries['required by role'],
  'pending deletion': entries['pending deletion'],
  'grace period over': entries['grace period over'],
  erased: entries.erased,
  'email unverified': async (user) => {
    await raiseEpoch(user);
    await user.app.services.database.run(unverifyEmail, { userId: user.userId });
  },
  'password changed': async (user) => {
    await submit(user, 'forgot-password', { email: user.email });
    const token = await linkToken(user, 'reset_password');
    await submit(user, 'reset-password', { token, password: 'another horse, another battery' });
  },
};

/** The credentials of a user, by the name of the field that takes them, and their sessions. */
export interface Holder {
  readonly user: ActingUser;
  readonly fields: Readonly<Record<string, readonly string[]>>;
  readonly sessions: readonly RequestOptions[];
  /** Tickets that pages issued to this browser. */
  readonly pageTickets: readonly Ticket[];
  /** The cookie of the browser that requested the user's links and codes. */
  readonly browserCookie: string;
}

/** The inputs that only a login provides. */
const sessionInputs = ['session', 'refreshToken', 'deviceToken', 'id'];

/** The inputs on which it depends what a holder holds. */
export const heldInputs = [...sessionInputs, 'token', 'code', 'ticket', 'pageTicket', 'signUp', 'credential'] as const;

/** The links that can be issued without a payload, so that one can be planted even in a state that gets none. */
const plainPurposes: readonly Purpose[] = ['verify_email', 'reset_password', 'magic_link', 'cancel_deletion', 'setup'];

/**
 * A user in a state, with everything that a client may have kept from before it, and with links, codes and tickets of the
 * current epoch: more than a flow would issue, so that the gate alone has to reject them.
 *
 * @param needed the fields of the endpoint and `session`; links, tickets and sessions exist only where it takes them.
 */
export async function addHolder(app: Application, state: State, needed: ReadonlySet<string>): Promise<Holder> {
  const user = await (state === 'unverified' ? addUnverifiedUser(app) : addActingUser(app));
  const browser = formatSecret(secretPrefixes.loginBrowser, randomBytes(32));
  const isVerified = state !== 'unverified';
  const changes = isVerified && needed.has('token') ? await requestEmailChanges(user) : [];
  const needsSession = sessionInputs.some((input) => needed.has(input));
  const sessions = isVerified && needsSession ? [await logIn(user), await logIn(user, { transport: 'cookie' })] : [];
  const assertions = isVerified ? await assertionsFor(user, browser, needed) : [];
  const before = await issueSecrets(user, browser, needed);
  await enterState(user, state);
  const after = await issueSecrets(user, browser, needed);
  const [byToken] = sessions;
  const fields = {
    email: [user.email],
    password: [user.password],
    currentPassword: [user.password],
    newPassword: ['another horse, another battery'],
    newEmail: [uniqueEmail('wanted')],
    name: ['Ada'],
    locale: ['en'],
    choice: ['verify'],
    transport: ['token', 'cookie'],
    browserToken: [browser],
    refreshToken: byToken === undefined ? [] : [byToken.data.refreshToken],
    deviceToken: byToken === undefined ? [] : [byToken.data.deviceToken],
    id: byToken === undefined ? [user.userId] : [byToken.data.sessionId, deviceOf(app, byToken.data.deviceToken)],
    token: [...changes, ...before.links, ...after.links],
    code: [...before.codes, ...after.codes],
    // Nobody holds the second factor itself: that is what the first one must not be enough for.
    recoveryCode: ['000000-000000-000000-000000'],
    emailCode: ['000000'],
    enabled: ['true', 'false'],
    ticket: [...before.tickets, ...after.tickets],
    act: ['this', 'magic_link', 'email_code', 'send', 'begin', 'confirm', 'confirmed', 'resend'],
    kind: ['totp', 'passkey', 'security_key'],
    credential: [...assertions, JSON.stringify(unknownKey), JSON.stringify(unknownAttestation)],
    passkey: [JSON.stringify(unknownKey)],
    provider: ['none'],
    identity: ['01890000-0000-7000-8000-000000000000'],
    state: [unknownId],
    idToken: ['e30.e30.AAAA'],
    nonce: [unknownId],
  };
  const held = sessions.map((response) => sessionOf(response).credentials);
  const pageTickets = [...before.pageTickets, ...after.pageTickets];
  return { user, fields, sessions: held, pageTickets, browserCookie: `latchkey_login=${browser}` };
}

const unknownId = 'A'.repeat(43);
const unknown = { id: unknownId, rawId: unknownId, type: 'public-key' };

/** Responses of an authenticator that no user has. */
const unknownKey = {
  ...unknown,
  response: { clientDataJSON: 'e30', authenticatorData: 'AAAA', signature: 'AAAA' },
};
const unknownAttestation = { ...unknown, response: { clientDataJSON: 'e30', attestationObject: 'AAAA' } };

/** The assertion of a passkey of the user, which is two factors by itself, for a login of this browser. */
async function assertionsFor(user: ActingUser, browser: string, needed: ReadonlySet<string>): Promise<string[]> {
  if (!needed.has('credential')) return [];
  const passkey = await addKey(user, 'passkey');
  const { publicKey } = await passkeyLoginOptions(user.app, browser);
  return [JSON.stringify(signChallenge(user.app, passkey, publicKey))];
}

/** The links of a change of address: one that undoes a finished change, one that confirms a further one. */
async function requestEmailChanges(user: ActingUser): Promise<string[]> {
  await startSession(user);
  await changeEmailTo(user, uniqueEmail('moved'));
  await startSession(user);
  const json = { newEmail: uniqueEmail('wanted'), currentPassword: user.password };
  await request(user, 'POST', '/api/v1/users/me/email', json);
  return [await linkToken(user, 'undo_email_change'), await linkToken(user, 'confirm_email_change')];
}

interface Secrets {
  readonly links: readonly string[];
  readonly codes: readonly string[];
  readonly tickets: readonly string[];
  readonly pageTickets: readonly Ticket[];
}

/** Secrets of the user's current epoch; none once the user is erased. */
async function issueSecrets(user: ActingUser, browser: string, needed: ReadonlySet<string>): Promise<Secrets> {
  const row = await user.app.services.database.row(findUser, { userId: user.userId });
  if (row === undefined) return { links: [], codes: [], tickets: [], pageTickets: [] };
  const issue = (purpose: Purpose) => issueSecret(user, row, purpose, hashSecret(browser));
  return {
    links: needed.has('token') ? await Promise.all(plainPurposes.map(issue)) : [],
    codes: needed.has('code') ? [await issue('email_code')] : [],
    tickets: needed.has('ticket') ? await issueTickets(user, row.authEpoch, needed) : [],
    pageTickets: needed.has('pageTicket') ? await issuePageTickets(user, row.authEpoch, needed) : [],
  };
}

async function issueSecret(
  { app, userId }: ActingUser,
  { authEpoch, identifierId }: { readonly authEpoch: number; readonly identifierId: string },
  purpose: Purpose,
  browserHash: Buffer,
): Promise<string> {
  const { database, tokens, clock } = app.services;
  const bound = purpose === 'magic_link' || purpose === 'email_code' ? { browserHash } : {};
  const token = { id: tokens.newId(), purpose, userId, identifierId, authEpoch, sealedPayload: null, ...bound };
  const values = tokens.values({ ...token, now: clock.now() });
  await database.transaction((tx) => issueToken(tx, values));
  return tokens.secret(values.tokenId, purpose, values.tokenKeyId);
}

/** The ticket of a password. A disabled user gets none. */
async function issueTickets(
  { app, userId }: ActingUser,
  authEpoch: number,
  needed: ReadonlySet<string>,
): Promise<string[]> {
  const ticket = await issuePasswordTicket(app.services, userId, authEpoch);
  const ofSignUp = needed.has('signUp') ? [(await issueSignUpTicket(app.services, userId, authEpoch)).text] : [];
  return ticket === undefined ? ofSignUp : [ticket, ...ofSignUp];
}

async function issuePageTickets(
  { app, userId }: ActingUser,
  authEpoch: number,
  needed: ReadonlySet<string>,
): Promise<Ticket[]> {
  const { browserHash } = renderedForm;
  const ticket = await issuePageTicket(app.services, userId, authEpoch, browserHash);
  const ofSignUp = needed.has('signUp') ? [await issueSignUpTicket(app.services, userId, authEpoch, browserHash)] : [];
  return ticket === undefined ? ofSignUp : [ticket, ...ofSignUp];
}

/** The id of a known device, which its token contains. */
function deviceOf({ services }: Application, deviceToken: string): string {
  return present(services.devices.read(deviceToken), 'the device of the token');
}

/** A ticket as the login of a user whose deletion is pending returns it. */
export async function ticketOf(user: ActingUser): Promise<string> {
  return present((await logIn(user)).data.ticket, 'a ticket');
}

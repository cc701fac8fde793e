/** Creates the principals of the authorization matrix and the requests that they send. */
import { generateKeyPairSync } from 'node:crypto';
import { issueToken } from '#domain/one-time-tokens/index.ts';
import { disableUser } from '#flows/admin-users/index.ts';
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { signJwt } from '#protocol/jose/index.ts';
import { type ActingUser, addActingUser, deleteAccount, logIn } from '../revocation-matrix/acting-user.ts';
import type { Application, RequestOptions } from '../support/application.ts';
import { operator } from '../support/operator.ts';
import { issuePasswordTicket } from '../support/password-ticket.ts';
import { cookieHeader, type Tokens } from '../support/user-actions.ts';
import type { PrincipalName } from './authorization.ts';

/** The request of one principal. */
export interface PrincipalRequest {
  readonly sent: RequestOptions;
  /** An id for operations that name a session: of the requesting user if there is one, else of another user. */
  readonly sessionId: string;
}

export type CreatePrincipal = (app: Application) => Promise<PrincipalRequest>;

const crossSite = { 'sec-fetch-site': 'cross-site', origin: 'https://elsewhere.example' } as const;
const sameOrigin = { 'sec-fetch-site': 'same-origin' } as const;

/** A user with three sessions: two with tokens, one with a cookie. */
interface SessionHolder {
  readonly user: ActingUser;
  readonly tokens: Tokens;
  readonly other: Tokens;
  readonly cookie: string;
}

async function addSessionHolder(app: Application): Promise<SessionHolder> {
  const user = await addActingUser(app);
  const tokens = (await logIn(user)).data;
  const other = (await logIn(user)).data;
  const { cookies } = await logIn(user, { transport: 'cookie' });
  return { user, tokens, other, cookie: cookieHeader(cookies) };
}

function withCookie(headers: Readonly<Record<string, string>>): CreatePrincipal {
  return async (app) => {
    const { cookie, other } = await addSessionHolder(app);
    return { sent: { cookie, headers }, sessionId: other.sessionId };
  };
}

/** A principal that sends a credential of its user as bearer token. */
function withBearer(read: (holder: SessionHolder) => string | Promise<string>): CreatePrincipal {
  return async (app) => {
    const holder = await addSessionHolder(app);
    return { sent: { token: await read(holder) }, sessionId: holder.other.sessionId };
  };
}

function sessionCookie(text: string): string {
  return `latchkey_session=${text}`;
}

const raiseEpoch = statement('test_principals.raise_epoch', {
  lane: 'pool',
  sql: `update users set auth_epoch = auth_epoch + 1 where id = :userId`,
  params: { userId: 'uuid' },
  columns: {},
});

const endGracePeriod = statement('test_principals.end_grace', {
  lane: 'pool',
  sql: `update users set deletes_at = :now where id = :userId and status = 'pending_deletion'`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: {},
});

async function issuePendingTicket({ app, userId }: ActingUser): Promise<string> {
  return present(await issuePasswordTicket(app.services, userId, 1), 'a ticket');
}

async function issueLink({ app, userId }: ActingUser): Promise<string> {
  const { database, tokens, clock } = app.services;
  const of = { userId, identifierId: null, authEpoch: 1, sealedPayload: null } as const;
  const values = tokens.values({ id: tokens.newId(), purpose: 'reset_password', ...of, now: clock.now() });
  await database.transaction((tx) => issueToken(tx, values));
  return tokens.secret(values.tokenId, 'reset_password', values.tokenKeyId);
}

type Claims = Readonly<Record<string, unknown>>;

function claimsOf({ accessToken }: Tokens): Claims {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString('utf8')) as Claims;
}

/** The claims of an active token with changes, signed with the current key. */
function resigned(change: Claims, typ = 'at+jwt'): CreatePrincipal {
  return withBearer(({ user, tokens }) =>
    signJwt({ key: user.app.services.signingKeys.current(), typ, claims: { ...claimsOf(tokens), ...change } }),
  );
}

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Principals that some operation with a session accepts. */
const authenticated: Partial<Record<PrincipalName, CreatePrincipal>> = {
  'active token': withBearer(({ tokens }) => tokens.accessToken),
  'active cookie, same-origin': withCookie(sameOrigin),
  'active cookie, own Origin only': async (app) => {
    return withCookie({ origin: new URL(app.services.config.http.publicUrl).origin })(app);
  },
  'active cookie, cross-site': withCookie(crossSite),
  'active cookie, same-site': withCookie({ 'sec-fetch-site': 'same-site' }),
  'active cookie, foreign Origin only': withCookie({ origin: 'https://elsewhere.example' }),
  'active cookie, no site headers': withCookie({}),
  'active token and another user’s cookie, cross-site': async (app) => {
    const [holder, otherHolder] = [await addSessionHolder(app), await addSessionHolder(app)];
    const sent = { token: holder.tokens.accessToken, cookie: otherHolder.cookie, headers: crossSite };
    return { sent, sessionId: holder.other.sessionId };
  },
  'token of another user': async (app) => {
    const [holder, otherHolder] = [await addSessionHolder(app), await addSessionHolder(app)];
    return { sent: { token: otherHolder.tokens.accessToken }, sessionId: holder.tokens.sessionId };
  },
};

/** Principals without valid credentials. */
const unauthenticated: Partial<Record<PrincipalName, CreatePrincipal>> = {
  anonymous: async (app) => ({ sent: {}, sessionId: (await addSessionHolder(app)).tokens.sessionId }),
  'revoked token and active cookie': async (app) => {
    const { tokens, cookie, user } = await addSessionHolder(app);
    await app.send('POST', '/api/v1/auth/logout', { token: tokens.accessToken });
    const { data } = await logIn(user);
    return { sent: { token: tokens.accessToken, cookie, headers: sameOrigin }, sessionId: data.sessionId };
  },
  'Basic and active cookie': async (app) => {
    const { other, cookie } = await addSessionHolder(app);
    const headers = { ...sameOrigin, authorization: 'Basic eDp5' };
    return { sent: { cookie, headers }, sessionId: other.sessionId };
  },
  'expired token': withBearer(({ user, tokens }) => {
    const { signingKeys, clock } = user.app.services;
    const exp = Math.floor(clock.now().getTime() / 1000);
    const claims = { ...claimsOf(tokens), iat: exp - 900, exp };
    return signJwt({ key: signingKeys.current(), typ: 'at+jwt', claims });
  }),
  'token of a revoked session': withBearer(async ({ user, tokens }) => {
    await user.app.send('POST', '/api/v1/auth/logout', { token: tokens.accessToken });
    return tokens.accessToken;
  }),
  'cookie of a revoked session': async (app) => {
    const { cookie, tokens } = await addSessionHolder(app);
    await app.send('POST', '/api/v1/auth/logout', { cookie, headers: sameOrigin });
    return { sent: { cookie, headers: sameOrigin }, sessionId: tokens.sessionId };
  },
  'token of a disabled user': withBearer(async ({ user, tokens }) => {
    await disableUser(user.app.services, operator, user.userId);
    return tokens.accessToken;
  }),
  'cookie of a disabled user': async (app) => {
    const { cookie, tokens, user } = await addSessionHolder(app);
    await disableUser(app.services, operator, user.userId);
    return { sent: { cookie, headers: sameOrigin }, sessionId: tokens.sessionId };
  },
  'token of a user pending deletion': withBearer(async (holder) => {
    await requestDeletion(holder);
    return holder.tokens.accessToken;
  }),
  'token of an erased user': withBearer(async (holder) => {
    const { app, userId } = holder.user;
    await requestDeletion(holder);
    await app.services.database.run(endGracePeriod, { userId, now: app.clock.now() });
    await eraseDueAccounts(app.services, new AbortController().signal);
    return holder.tokens.accessToken;
  }),
  // Only the row changes; the session row and the revocation feed stay as they are.
  'token with an older epoch': withBearer(async ({ user, tokens }) => {
    await user.app.services.database.run(raiseEpoch, { userId: user.userId });
    return tokens.accessToken;
  }),
  'token without a session': resigned({ sid: '01890000-0000-7000-8000-000000000000' }),
  'token for a wrong subject': resigned({ sub: '01890000-0000-7000-8000-000000000000' }),
  'refresh token as bearer': withBearer(({ tokens }) => tokens.refreshToken),
  'ticket as bearer': withBearer(({ user }) => issuePendingTicket(user)),
  'one-time token as bearer': withBearer(({ user }) => issueLink(user)),
  'device token as bearer': withBearer(({ tokens }) => tokens.deviceToken),
  'session secret as bearer': withBearer(({ cookie }) => /latchkey_session=([^;]+)/.exec(cookie)?.[1] ?? ''),
  'access token as cookie': async (app) => {
    const { tokens, other } = await addSessionHolder(app);
    return { sent: { cookie: sessionCookie(tokens.accessToken), headers: sameOrigin }, sessionId: other.sessionId };
  },
  'refresh token as cookie': async (app) => {
    const { tokens, other } = await addSessionHolder(app);
    return { sent: { cookie: sessionCookie(tokens.refreshToken), headers: sameOrigin }, sessionId: other.sessionId };
  },
  'JWT with another type': resigned({}, 'JWT'),
  'JWT with another audience': resigned({ aud: 'https://elsewhere.example' }),
  'JWT with another issuer': resigned({ iss: 'https://elsewhere.example' }),
  'JWT without algorithm': withBearer(({ user, tokens }) => {
    const { kid } = user.app.services.signingKeys.current();
    return `${base64url({ alg: 'none', kid, typ: 'at+jwt' })}.${base64url(claimsOf(tokens))}.`;
  }),
  'JWT signed by another key with the same kid': withBearer(({ user, tokens }) => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = { ...user.app.services.signingKeys.current(), privateKey };
    return signJwt({ key, typ: 'at+jwt', claims: claimsOf(tokens) });
  }),
};

/** Their cookie counts on pages, beside a header that the API rejects. */
const withActiveCookie: readonly PrincipalName[] = ['revoked token and active cookie', 'Basic and active cookie'];

/** Whether a request of the principal may revoke its session. */
export function mayAct(name: PrincipalName): boolean {
  return authenticated[name] !== undefined || withActiveCookie.includes(name);
}

async function requestDeletion({ user, tokens }: SessionHolder): Promise<void> {
  const acting = { credentials: { token: tokens.accessToken }, refreshToken: undefined, deviceToken: '' };
  await deleteAccount({ ...user, acting });
}

/** The principals of one database. */
export class Principals {
  readonly #app: Application;
  readonly #existing = new Map<PrincipalName, Promise<PrincipalRequest>>();

  constructor(app: Application) {
    this.#app = app;
  }

  /** A principal that several requests share. */
  shared(name: PrincipalName): Promise<PrincipalRequest> {
    const existing = this.#existing.get(name) ?? this.fresh(name);
    this.#existing.set(name, existing);
    return existing;
  }

  /** A new principal, for a request that may revoke its session. */
  fresh(name: PrincipalName): Promise<PrincipalRequest> {
    return present(authenticated[name] ?? unauthenticated[name], name)(this.#app);
  }
}

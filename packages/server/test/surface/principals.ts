/** Everybody of the authorisation matrix, made as they come about, and what each of them sends. */
import { generateKeyPairSync } from 'node:crypto';
import { issueTicket } from '#domain/authentication/index.ts';
import { issueToken } from '#domain/one-time-tokens/index.ts';
import { disableUser } from '#flows/admin-users/index.ts';
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { signJwt } from '#protocol/jose/index.ts';
import { addSomebody, close, logIn, type Somebody } from '../revocation-matrix/somebody.ts';
import type { Application, RequestOptions } from '../support/application.ts';
import { cookieHeader, type Tokens } from '../support/user-actions.ts';
import type { PrincipalName } from './authorisation.ts';

/** Who asks. */
export interface Asking {
  readonly sent: RequestOptions;
  /** A session that may be named: of the one who asks when somebody does, else of somebody else. */
  readonly sessionId: string;
}

/** Makes somebody who asks. */
export type MakePrincipal = (app: Application) => Promise<Asking>;

const crossSite = { 'sec-fetch-site': 'cross-site', origin: 'https://elsewhere.example' } as const;
const sameOrigin = { 'sec-fetch-site': 'same-origin' } as const;

/** Sessions of one person: two by token, one by cookie. */
interface Person {
  readonly somebody: Somebody;
  readonly tokens: Tokens;
  readonly other: Tokens;
  readonly cookie: string;
}

async function addPerson(app: Application): Promise<Person> {
  const somebody = await addSomebody(app);
  const tokens = (await logIn(somebody)).data;
  const other = (await logIn(somebody)).data;
  const { cookies } = await logIn(somebody, { transport: 'cookie' });
  return { somebody, tokens, other, cookie: cookieHeader(cookies) };
}

function byCookie(headers: Readonly<Record<string, string>>): MakePrincipal {
  return async (app) => {
    const { cookie, other } = await addPerson(app);
    return { sent: { cookie, headers }, sessionId: other.sessionId };
  };
}

/** A bearer of whatever a person has. */
function bearing(read: (person: Person) => string | Promise<string>): MakePrincipal {
  return async (app) => {
    const person = await addPerson(app);
    return { sent: { token: await read(person) }, sessionId: person.other.sessionId };
  };
}

function cookieOf(text: string): string {
  return `latchkey_session=${text}`;
}

const raiseEpoch = statement('test_principals.raise_epoch', {
  lane: 'pool',
  sql: `update users set auth_epoch = auth_epoch + 1 where id = :userId`,
  params: { userId: 'uuid' },
  columns: {},
});

const endGrace = statement('test_principals.end_grace', {
  lane: 'pool',
  sql: `update users set deletes_at = :now where id = :userId and status = 'pending_deletion'`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: {},
});

async function issueOpenTicket({ app, userId }: Somebody): Promise<string> {
  const { database, makeId, clients } = app.services;
  const proven = [{ amr: 'pwd', kind: 'knowledge', userVerified: false }] as const;
  const login = { userId, authEpoch: 1, clientId: clients.default.id, transport: 'token', proven } as const;
  const ticket = await database.transaction((tx) => issueTicket(tx, makeId, login, app.clock.now()));
  return present(ticket, 'a ticket').text;
}

async function issueLink({ app, userId }: Somebody): Promise<string> {
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

/** A live token again by our own key, with something else in it. */
function resigned(change: Claims, typ = 'at+jwt'): MakePrincipal {
  return bearing(({ somebody, tokens }) =>
    signJwt({ key: somebody.app.services.signingKeys.current(), typ, claims: { ...claimsOf(tokens), ...change } }),
  );
}

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Whoever gets in somewhere. */
const inside: Partial<Record<PrincipalName, MakePrincipal>> = {
  'live token': bearing(({ tokens }) => tokens.accessToken),
  'live cookie, same-origin': byCookie(sameOrigin),
  'live cookie, our Origin alone': async (app) => {
    return byCookie({ origin: new URL(app.services.config.http.publicUrl).origin })(app);
  },
  'live cookie, cross-site': byCookie(crossSite),
  'live cookie, same-site': byCookie({ 'sec-fetch-site': 'same-site' }),
  'live cookie, a foreign Origin alone': byCookie({ origin: 'https://elsewhere.example' }),
  'live cookie, nothing said of the site': byCookie({}),
  'live token beside a stranger’s cookie, cross-site': async (app) => {
    const [person, stranger] = [await addPerson(app), await addPerson(app)];
    const sent = { token: person.tokens.accessToken, cookie: stranger.cookie, headers: crossSite };
    return { sent, sessionId: person.other.sessionId };
  },
  'token of somebody else': async (app) => {
    const [person, stranger] = [await addPerson(app), await addPerson(app)];
    return { sent: { token: stranger.tokens.accessToken }, sessionId: person.tokens.sessionId };
  },
};

/** Whoever has nothing that opens anything. */
const outside: Partial<Record<PrincipalName, MakePrincipal>> = {
  nobody: async (app) => ({ sent: {}, sessionId: (await addPerson(app)).tokens.sessionId }),
  'dead token beside a live cookie': async (app) => {
    const { tokens, cookie, somebody } = await addPerson(app);
    await app.send('POST', '/api/v1/auth/logout', { token: tokens.accessToken });
    const { data } = await logIn(somebody);
    return { sent: { token: tokens.accessToken, cookie, headers: sameOrigin }, sessionId: data.sessionId };
  },
  'Basic beside a live cookie': async (app) => {
    const { other, cookie } = await addPerson(app);
    const headers = { ...sameOrigin, authorization: 'Basic eDp5' };
    return { sent: { cookie, headers }, sessionId: other.sessionId };
  },
  'expired token': bearing(({ somebody, tokens }) => {
    const { signingKeys, clock } = somebody.app.services;
    const exp = Math.floor(clock.now().getTime() / 1000);
    const claims = { ...claimsOf(tokens), iat: exp - 900, exp };
    return signJwt({ key: signingKeys.current(), typ: 'at+jwt', claims });
  }),
  'token of an ended session': bearing(async ({ somebody, tokens }) => {
    await somebody.app.send('POST', '/api/v1/auth/logout', { token: tokens.accessToken });
    return tokens.accessToken;
  }),
  'cookie of an ended session': async (app) => {
    const { cookie, tokens } = await addPerson(app);
    await app.send('POST', '/api/v1/auth/logout', { cookie, headers: sameOrigin });
    return { sent: { cookie, headers: sameOrigin }, sessionId: tokens.sessionId };
  },
  'token of a disabled user': bearing(async ({ somebody, tokens }) => {
    await disableUser(somebody.app.services, somebody.userId);
    return tokens.accessToken;
  }),
  'cookie of a disabled user': async (app) => {
    const { cookie, tokens, somebody } = await addPerson(app);
    await disableUser(app.services, somebody.userId);
    return { sent: { cookie, headers: sameOrigin }, sessionId: tokens.sessionId };
  },
  'token of a closing user': bearing(async (person) => {
    await deleteAccount(person);
    return person.tokens.accessToken;
  }),
  'token of an erased user': bearing(async (person) => {
    const { app, userId } = person.somebody;
    await deleteAccount(person);
    await app.services.database.run(endGrace, { userId, now: app.clock.now() });
    await eraseDueAccounts(app.services, new AbortController().signal);
    return person.tokens.accessToken;
  }),
  // The row alone: neither the session's row nor what is announced to nodes.
  'token of an older epoch': bearing(async ({ somebody, tokens }) => {
    await somebody.app.services.database.run(raiseEpoch, { userId: somebody.userId });
    return tokens.accessToken;
  }),
  'token of no session': resigned({ sid: '01890000-0000-7000-8000-000000000000' }),
  'token for a wrong subject': resigned({ sub: '01890000-0000-7000-8000-000000000000' }),
  'refresh token as bearer': bearing(({ tokens }) => tokens.refreshToken),
  'ticket as bearer': bearing(({ somebody }) => issueOpenTicket(somebody)),
  'one-time token as bearer': bearing(({ somebody }) => issueLink(somebody)),
  'device token as bearer': bearing(({ tokens }) => tokens.deviceToken),
  'session secret as bearer': bearing(({ cookie }) => /latchkey_session=([^;]+)/.exec(cookie)?.[1] ?? ''),
  'access token as cookie': async (app) => {
    const { tokens, other } = await addPerson(app);
    return { sent: { cookie: cookieOf(tokens.accessToken), headers: sameOrigin }, sessionId: other.sessionId };
  },
  'refresh token as cookie': async (app) => {
    const { tokens, other } = await addPerson(app);
    return { sent: { cookie: cookieOf(tokens.refreshToken), headers: sameOrigin }, sessionId: other.sessionId };
  },
  'JWT of another type': resigned({}, 'JWT'),
  'JWT of another audience': resigned({ aud: 'https://elsewhere.example' }),
  'JWT of another issuer': resigned({ iss: 'https://elsewhere.example' }),
  'JWT without algorithm': bearing(({ somebody, tokens }) => {
    const { kid } = somebody.app.services.signingKeys.current();
    return `${base64url({ alg: 'none', kid, typ: 'at+jwt' })}.${base64url(claimsOf(tokens))}.`;
  }),
  'JWT by another key of our name': bearing(({ somebody, tokens }) => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = { ...somebody.app.services.signingKeys.current(), privateKey };
    return signJwt({ key, typ: 'at+jwt', claims: claimsOf(tokens) });
  }),
};

async function deleteAccount({ somebody, tokens }: Person): Promise<void> {
  const acting = { credentials: { token: tokens.accessToken }, refreshToken: undefined, deviceToken: '' };
  await close({ ...somebody, acting });
}

/** Everybody of one database. */
export class Principals {
  readonly #app: Application;
  readonly #made = new Map<PrincipalName, Promise<Asking>>();

  constructor(app: Application) {
    this.#app = app;
  }

  /** Somebody of that name, the same each time. */
  of(name: PrincipalName): Promise<Asking> {
    const made = this.#made.get(name) ?? this.fresh(name);
    this.#made.set(name, made);
    return made;
  }

  /** Somebody of that name for one request, which may end what they have. */
  fresh(name: PrincipalName): Promise<Asking> {
    return present(inside[name] ?? outside[name], name)(this.#app);
  }
}

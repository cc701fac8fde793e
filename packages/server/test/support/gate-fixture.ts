/** The gate on a database, with users whose factors the test chooses, and readers of the rows that a login writes. */
import { createHash, randomBytes } from 'node:crypto';
import { type AttemptKind, attemptKey, attemptKinds, UnfinishedAttempts } from '#domain/attempts/index.ts';
import { findCandidate, type LoginGate, type Proof } from '#domain/authentication/index.ts';
import { DeviceTokens } from '#domain/devices/index.ts';
import { MailLedger } from '#domain/mail-ledger/index.ts';
import { issueToken, OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { passwordAssociatedData, setPassword } from '#domain/passwords/index.ts';
import { makeRecoveryCodes } from '#domain/recovery-codes/index.ts';
import { RefreshTokens } from '#domain/refresh-tokens/index.ts';
import { AccessTokens } from '#domain/session-issuance/index.ts';
import { SigningKeys } from '#domain/signing-keys/index.ts';
import { addPendingTotp, confirmTotp, sealTotpSecret } from '#domain/totp/index.ts';
import { Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import type { JsonObject } from '#kernel/json.ts';
import type { Requester } from '#kernel/requester.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { noUse, type RefundValues } from '#platform/rate-limit/index.ts';
import { newTotpSecret, totpSecretText } from '#protocol/totp/index.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from './domain-fixture.ts';

const sessions = statement('test_gate.sessions', {
  lane: 'pool',
  sql: `select id, acr, amr, auth_time, factor_times, transport, device_id, auth_epoch, end_reason, token_hash is not null as has_cookie
    from sessions where user_id = :userId order by created_at, id`,
  params: { userId: 'uuid' },
  columns: {
    id: 'uuid',
    acr: 'text',
    amr: 'text[]',
    authTime: 'timestamptz',
    factorTimes: 'jsonb',
    transport: 'text',
    deviceId: 'uuid?',
    authEpoch: 'int4',
    endReason: 'text?',
    hasCookie: 'bool',
  },
});

const events = statement('test_gate.events', {
  lane: 'pool',
  sql: `select id, session_id, body from audit_events where user_id = :userId order by at, id`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', sessionId: 'uuid?', body: 'bytea' },
});

const mails = statement('test_gate.mails', {
  lane: 'pool',
  sql: `select id, template, locale, identifier_id, sealed_params from mail_ledger where user_id = :userId
    order by created_at, id`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', template: 'text', locale: 'text', identifierId: 'uuid?', sealedParams: 'bytea?' },
});

const counters = statement('test_gate.counters', {
  lane: 'pool',
  sql: `select kind, failures from attempt_counters where key = :key order by kind`,
  params: { key: 'bytea' },
  columns: { kind: 'text', failures: 'int4' },
});

const insertCounter = statement('test_gate.insert_counter', {
  lane: 'pool',
  sql: `insert into attempt_counters (kind, key, known, failures, last_failed_at)
    values (:kind, :key, true, :failures, :now)
    on conflict (kind, key) do update set failures = excluded.failures, last_failed_at = excluded.last_failed_at`,
  params: { kind: 'text', key: 'bytea', failures: 'int4', now: 'timestamptz' },
  columns: {},
});

const openTickets = statement('test_gate.open_tickets', {
  lane: 'pool',
  sql: `select count(*)::int4 as open from logins where user_id = :userId and consumed_at is null`,
  params: { userId: 'uuid' },
  columns: { open: 'int4' },
});

/** The requester of every login of this fixture. */
export const requester: Requester = {
  address: '203.0.113.7',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  requestId: 'request',
};

export interface GateFixture extends DomainFixture {
  readonly gate: LoginGate;
  readonly tokens: OneTimeTokens;
  readonly users: Users;
}

/** An authenticator app that was set up; `text` is its secret in base 32. */
export interface TestAuthenticator {
  readonly secretId: string;
  readonly text: string;
}

/** Opens the fixture on a migrated database: once per database. */
export async function openGateFixture(database: Database): Promise<GateFixture> {
  const fixture = await openDomainFixture(database);
  const signingKeys = await new SigningKeys({ ...fixture, algorithm: 'ES256' }).open();
  const users = new Users(fixture);
  const issuer = 'https://login.example';
  const gate: LoginGate = {
    ...fixture,
    users,
    unfinishedAttempts: new UnfinishedAttempts(fixture),
    secondFactorFor: 'admins',
    passkeys: { accepted: 'any', rpId: 'login.example', origins: [issuer], name: 'Login' },
    devices: new DeviceTokens(fixture.keys),
    accessTokens: new AccessTokens({ ...fixture, signingKeys, issuer }),
    refreshTokens: new RefreshTokens(fixture),
    mail: new MailLedger({ makeId: fixture.makeId, publicUrl: issuer }),
  };
  return { ...fixture, gate, users, tokens: new OneTimeTokens(fixture) };
}

/** A user with a password, and failures in each counter. */
export async function addPasswordUser(fixture: GateFixture): Promise<TestUser> {
  const user = await addUser(fixture);
  const now = fixture.clock.now();
  const sealed = fixture.keys.seal('password', 'a hash', passwordAssociatedData(user.id));
  await fixture.database.transaction((tx) => setPassword(tx, user.id, sealed, now));
  for (const kind of attemptKinds) await countFailures(fixture, user, kind, 2);
  return user;
}

/** Sets a counter of the user. */
export async function countFailures(
  { database, clock }: DomainFixture,
  user: Pick<TestUser, 'id'>,
  kind: AttemptKind,
  failures: number,
): Promise<void> {
  await database.run(insertCounter, { kind, key: attemptKey(user.id), failures, now: clock.now() });
}

/** The kinds of the user's counters that are above zero. */
export async function failedKinds({ database }: DomainFixture, user: Pick<TestUser, 'id'>): Promise<string[]> {
  return (await database.rows(counters, { key: attemptKey(user.id) })).map(({ kind }) => kind);
}

/** The failures in one of the user's counters. */
export async function failuresOf(
  { database }: DomainFixture,
  user: Pick<TestUser, 'id'>,
  of: (typeof attemptKinds)[number],
): Promise<number> {
  const rows = await database.rows(counters, { key: attemptKey(user.id) });
  return rows.find(({ kind }) => kind === of)?.failures ?? 0;
}

/** Every counter but these. */
export function otherKinds(...reset: readonly (typeof attemptKinds)[number][]): string[] {
  return attemptKinds.filter((kind) => !reset.includes(kind)).toSorted();
}

/** Sets an authenticator app up and turns two factors on. The epoch stays, so earlier tickets of the user remain valid. */
export async function addAuthenticator(fixture: GateFixture, user: TestUser): Promise<TestAuthenticator> {
  const secret = newTotpSecret();
  const secretId = fixture.makeId();
  const now = fixture.clock.now();
  await fixture.database.transaction(async (tx) => {
    const sealedSecret = sealTotpSecret(user.key, secretId, secret);
    await addPendingTotp(tx, { id: secretId, userId: user.id, sealedSecret, now });
    await confirmTotp(tx, { userId: user.id, secretId, step: 0 }, now);
    await fixture.users.setMfa(tx, user.id, true);
  });
  return { secretId, text: totpSecretText(secret) };
}

/** Makes ten recovery codes. */
export function addRecoveryCodes(fixture: GateFixture, user: TestUser): Promise<readonly string[]> {
  return fixture.database.transaction((tx) => makeRecoveryCodes(tx, fixture, user.id, fixture.clock.now()));
}

/** A right password, with the candidate as the statement reads it that counts the attempt. */
export async function passwordProof(
  fixture: GateFixture,
  user: Pick<TestUser, 'id'>,
  { deviceId, rehash = { sealed: null, of: Buffer.alloc(0) }, refund }: RightPassword = {},
): Promise<Proof<'password'> & { readonly rehashes: () => number }> {
  const { database, clock } = fixture;
  const read = database.transaction((tx) => findCandidate(tx, { userId: user.id, deviceId, now: clock.now() }));
  const candidate = present(await read, 'the candidate');
  let computed = 0;
  const compute = async () => {
    computed += 1;
    return rehash;
  };
  const quota = refund === undefined ? noUse : { refundParams: () => refund };
  return { by: 'password', candidate, quota, rehash: compute, rehashes: () => computed };
}

interface RightPassword {
  readonly deviceId?: string;
  readonly rehash?: { readonly sealed: Buffer | null; readonly of: Buffer };
  /** The use of the rate limit that the attempt took. */
  readonly refund?: RefundValues;
}

/** A mailed link or code that the browser of the login requested. */
export async function mailedProof(
  fixture: GateFixture,
  user: TestUser,
  by: 'magic_link' | 'email_code',
): Promise<Proof<'magic_link' | 'email_code'>> {
  const { tokens, clock, database } = fixture;
  const id = tokens.newId();
  const browserHash = createHash('sha256').update(randomBytes(32)).digest();
  const token = { id, purpose: by, userId: user.id, identifierId: user.identifierId, authEpoch: 1 };
  const values = tokens.values({ ...token, sealedPayload: null, browserHash, now: clock.now() });
  await database.transaction((tx) => issueToken(tx, values));
  if (by === 'email_code') return { by, userId: user.id, hash: values.tokenHash, browserHash };
  return { by, userId: user.id, text: tokens.secret(id, by, values.tokenKeyId), browserHash };
}

/** The user's sessions, oldest first. */
export function sessionsOf({ database }: DomainFixture, user: Pick<TestUser, 'id'>) {
  return database.rows(sessions, { userId: user.id });
}

/** An audit event, with the personal data decrypted. */
export interface ReadEvent {
  readonly action: string;
  readonly actor: JsonObject;
  readonly facts: JsonObject | undefined;
  readonly sessionId: string | undefined;
  readonly personal: JsonObject | undefined;
}

/** The user's audit events, oldest first. */
export async function eventsOf({ database }: DomainFixture, user: TestUser): Promise<ReadEvent[]> {
  const rows = await database.rows(events, { userId: user.id });
  return rows.map(({ id, sessionId, body }) => {
    const { action, actor, facts, personal } = JSON.parse(body.toString('utf8'));
    const sealed = Buffer.from(personal?.sealed ?? '', 'base64url');
    const data =
      personal === undefined ? undefined : openJson(user, sealed, { table: 'audit_events', column: 'body', row: id });
    return { action, actor, facts, sessionId: sessionId ?? undefined, personal: data };
  });
}

/** A queued mail, with its parameters decrypted. */
export interface ReadMail {
  readonly template: string;
  readonly locale: string;
  readonly identifierId: string | null;
  readonly params: JsonObject;
}

/** The mails to the user, oldest first. */
export async function mailsOf({ database }: DomainFixture, user: TestUser): Promise<ReadMail[]> {
  const rows = await database.rows(mails, { userId: user.id });
  return rows.map(({ id, sealedParams, ...mail }) => {
    const cell = { table: 'mail_ledger', column: 'sealed_params', row: id };
    return { ...mail, params: sealedParams === null ? {} : openJson(user, sealedParams, cell) };
  });
}

/** How many tickets of the user are not consumed. */
export async function openTicketsOf({ database }: DomainFixture, user: Pick<TestUser, 'id'>): Promise<number> {
  return (await database.row(openTickets, { userId: user.id }))?.open ?? 0;
}

function openJson(
  { key }: Pick<TestUser, 'key'>,
  sealed: Buffer,
  cell: { readonly table: string; readonly column: string; readonly row: string },
): JsonObject {
  return JSON.parse(key.open(sealed, cell).toString('utf8')) as JsonObject;
}

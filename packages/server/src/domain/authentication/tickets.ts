/** Tickets: the secret that names a login in progress, and the one UPDATE that consumes it. */
import { randomBytes } from 'node:crypto';
import { isActive } from '#domain/users/index.ts';
import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { addSeconds, earlier } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import { formatSecret, hashSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import type { ProvenFactor } from './next-step.ts';

/** The time to take the next step. */
export const ticketLifetimeSeconds = 10 * 60;

/** The time for all steps of one login together. */
const loginLifetimeSeconds = 30 * 60;

/** A login that needs a further step. */
export interface LoginInProgress {
  readonly userId: string;
  /** The epoch in which the factors were proven; a later one invalidates the ticket. */
  readonly authEpoch: number;
  readonly clientId: string;
  readonly transport: 'cookie' | 'token';
  readonly proven: readonly ProvenFactor[];
  /** When the first factor was proven. */
  readonly beganAt: Date;
  /** The hash of the browser that a page issued the ticket to; null for a ticket of the API. */
  readonly browserHash: Buffer | null;
  /** The path of ours that the login leads to, as the page received it. */
  readonly continueTo: string | null;
}

/** A login in progress as it is stored. */
export interface StoredLogin extends LoginInProgress {
  /** Not secret: a form carries it, so that a form of an earlier ticket is told apart. Each ticket has its own. */
  readonly id: string;
}

/** A ticket that a client presents. */
export interface PresentedTicket {
  readonly text: string;
  /** The browser that a page's request comes from. Without it only tickets of the API are found. */
  readonly browserHash?: Buffer | undefined;
}

/** A ticket as the client gets it. Only its hash is stored. */
export interface Ticket {
  readonly id: string;
  readonly text: string;
  readonly expiresAt: Date;
}

const insert = statement('logins.issue_ticket', {
  lane: 'pool',
  sql: `insert into logins (id, ticket_hash, client_id, user_id, auth_epoch, transport, proven, began_at, browser_hash,
      continue_to, created_at, expires_at)
    select :id, :hash, :clientId, u.id, u.auth_epoch, :transport, :proven::jsonb, :beganAt, :browserHash, :continueTo,
      :now, :expiresAt
    from users u where u.id = :userId and u.auth_epoch = :authEpoch and ${isActive('u')}
    returning id`,
  params: {
    id: 'uuid',
    hash: 'bytea',
    clientId: 'text',
    userId: 'uuid',
    authEpoch: 'int4',
    transport: 'text',
    proven: 'jsonb',
    beganAt: 'timestamptz',
    browserHash: 'bytea?',
    continueTo: 'text?',
    now: 'timestamptz',
    expiresAt: 'timestamptz',
  },
  columns: { id: 'uuid' },
});

const usable = `l.ticket_hash = :hash and l.browser_hash is not distinct from :browserHash::bytea
  and l.consumed_at is null and l.expires_at > :now
  and u.id = l.user_id and u.auth_epoch = l.auth_epoch and ${isActive('u')}`;

const columns = {
  id: 'uuid',
  userId: 'uuid',
  authEpoch: 'int4',
  clientId: 'text',
  transport: 'text',
  proven: 'jsonb',
  beganAt: 'timestamptz',
  browserHash: 'bytea?',
  continueTo: 'text?',
} as const;

// A ticket of the previous release has no `began_at`.
const fields = `l.id, u.id as user_id, u.auth_epoch, l.client_id, l.transport, l.proven,
      coalesce(l.began_at, l.created_at) as began_at, l.browser_hash, l.continue_to`;

const find = statement('logins.find_ticket', {
  lane: 'read',
  sql: `select ${fields} from logins l, users u where ${usable}`,
  params: { hash: 'bytea', browserHash: 'bytea?', now: 'timestamptz' },
  columns,
});

const consume = statement('logins.consume_ticket', {
  lane: 'pool',
  sql: `update logins l set consumed_at = :now from users u where ${usable} and u.id = :userId
    returning ${fields}`,
  params: { hash: 'bytea', browserHash: 'bytea?', userId: 'uuid', now: 'timestamptz' },
  columns,
});

const deleteExpired = statement('logins.delete_expired', {
  lane: 'pool',
  sql: `delete from logins where id in (
    select id from logins where expires_at <= :now order by expires_at limit :limit offset :skip)`,
  params: { now: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/**
 * Issues a ticket for ten minutes, and at most until the login is half an hour old. Returns undefined when the user's
 * epoch has changed since they were read, or they are disabled.
 */
export async function issueTicket(
  tx: Queries,
  makeId: MakeId,
  login: LoginInProgress,
  now: Date,
): Promise<Ticket | undefined> {
  const text = formatSecret(secretPrefixes.loginTicket, randomBytes(32));
  const expiresAt = earlier(addSeconds(now, ticketLifetimeSeconds), addSeconds(login.beganAt, loginLifetimeSeconds));
  const { proven, ...rest } = login;
  const values = { id: makeId(), hash: hashSecret(text), ...rest, proven: proven.map((factor) => ({ ...factor })) };
  const row = await tx.row(insert, { ...values, now, expiresAt });
  return row === undefined ? undefined : { id: row.id, text, expiresAt };
}

/** Finds a ticket without consuming it, so that its user can be locked first. */
export async function findTicket(
  queries: Queries,
  { text, browserHash }: PresentedTicket,
  now: Date,
): Promise<StoredLogin | undefined> {
  if (parseSecret(secretPrefixes.loginTicket, text) === null) return undefined;
  return (await queries.row(find, { hash: hashSecret(text), browserHash: browserHash ?? null, now })) as
    | StoredLogin
    | undefined;
}

/** The user of a ticket; undefined when it is not usable. */
export async function findTicketUser(
  queries: Queries,
  ticket: PresentedTicket,
  now: Date,
): Promise<string | undefined> {
  return (await findTicket(queries, ticket, now))?.userId;
}

/**
 * Consumes a ticket of this user, in the transaction of its step. Returns undefined, and consumes nothing, when it is
 * unknown, used, expired, of an earlier epoch, of another user or of another browser, or when its user is disabled. Of
 * concurrent calls exactly one gets it (invariant 1).
 */
export async function consumeTicket(
  tx: Queries,
  { text, browserHash, userId }: PresentedTicket & { readonly userId: string },
  now: Date,
): Promise<StoredLogin | undefined> {
  if (parseSecret(secretPrefixes.loginTicket, text) === null) return undefined;
  const values = { hash: hashSecret(text), browserHash: browserHash ?? null, userId, now };
  return (await tx.row(consume, values)) as StoredLogin | undefined;
}

/** Deletes expired tickets, at most 10,000. Returns their number. */
export async function deleteExpiredTickets(database: Database, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return database.run(deleteExpired, { now, ...batch });
}

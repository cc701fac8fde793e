/** Tickets: the text that stands for a login in progress, and the one UPDATE that uses it. */
import { randomBytes } from 'node:crypto';
import { isActive } from '#domain/users/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import { formatSecret, hashSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import type { ProvenFactor } from './next-step.ts';

/** How long somebody may take for the next step. */
export const ticketLifetimeSeconds = 10 * 60;

/** A login that is to go on. */
export interface LoginInProgress {
  readonly userId: string;
  /** The epoch that everything was proven in; a ticket of an earlier one is dead. */
  readonly authEpoch: number;
  readonly clientId: string;
  readonly transport: 'cookie' | 'token';
  readonly proven: readonly ProvenFactor[];
}

/** What is handed out for it; the text is stored nowhere. */
export interface Ticket {
  readonly text: string;
  readonly expiresAt: Date;
}

const insert = statement('logins.issue_ticket', {
  lane: 'pool',
  sql: `insert into logins (id, ticket_hash, client_id, user_id, auth_epoch, transport, proven, created_at, expires_at)
    select :id, :hash, :clientId, u.id, u.auth_epoch, :transport, :proven::jsonb, :now, :expiresAt
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
    now: 'timestamptz',
    expiresAt: 'timestamptz',
  },
  columns: { id: 'uuid' },
});

const alive = `l.ticket_hash = :hash and l.consumed_at is null and l.expires_at > :now
  and u.id = l.user_id and u.auth_epoch = l.auth_epoch and ${isActive('u')}`;

const columns = {
  userId: 'uuid',
  authEpoch: 'int4',
  clientId: 'text',
  transport: 'text',
  proven: 'jsonb',
} as const;

const find = statement('logins.find_ticket', {
  lane: 'read',
  sql: `select u.id as user_id, u.auth_epoch, l.client_id, l.transport, l.proven from logins l, users u where ${alive}`,
  params: { hash: 'bytea', now: 'timestamptz' },
  columns,
});

const consume = statement('logins.consume_ticket', {
  lane: 'pool',
  sql: `update logins l set consumed_at = :now from users u where ${alive}
    returning u.id as user_id, u.auth_epoch, l.client_id, l.transport, l.proven`,
  params: { hash: 'bytea', now: 'timestamptz' },
  columns,
});

const deleteExpired = statement('logins.delete_expired', {
  lane: 'pool',
  sql: `delete from logins where id in (
    select id from logins where expires_at <= :now order by expires_at limit 10000)`,
  params: { now: 'timestamptz' },
  columns: {},
});

/** Hands out a ticket, within an effect's transaction. Undefined: the user changed since the login was read. */
export async function issueTicket(
  tx: Queries,
  makeId: MakeId,
  login: LoginInProgress,
  now: Date,
): Promise<Ticket | undefined> {
  const text = formatSecret(secretPrefixes.loginTicket, randomBytes(32));
  const expiresAt = addSeconds(now, ticketLifetimeSeconds);
  const { proven, ...rest } = login;
  const values = { id: makeId(), hash: hashSecret(text), ...rest, proven: proven.map((factor) => ({ ...factor })) };
  const row = await tx.row(insert, { ...values, now, expiresAt });
  return row === undefined ? undefined : { text, expiresAt };
}

/** Looks at a ticket without using it, to know whose row is to be locked. */
export async function findTicket(queries: Queries, text: string, now: Date): Promise<LoginInProgress | undefined> {
  if (parseSecret(secretPrefixes.loginTicket, text) === null) return undefined;
  return (await queries.row(find, { hash: hashSecret(text), now })) as LoginInProgress | undefined;
}

/**
 * Uses a ticket, in the transaction of the step that it was for. Undefined when it is not alive: unknown, used, expired,
 * of an earlier epoch, or of a user who may not log in. Of many at once exactly one gets it (invariant 1).
 */
export async function consumeTicket(tx: Queries, text: string, now: Date): Promise<LoginInProgress | undefined> {
  if (parseSecret(secretPrefixes.loginTicket, text) === null) return undefined;
  return (await tx.row(consume, { hash: hashSecret(text), now })) as LoginInProgress | undefined;
}

/** A sweeping job calls it. Answers how many went. */
export async function deleteExpiredTickets(database: Database, now: Date): Promise<number> {
  return database.run(deleteExpired, { now });
}

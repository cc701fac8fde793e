/** Reading and locking users, and raising their epoch. */

import type { Clock } from '#kernel/clock.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { raisingEpoch } from './raising-epoch.ts';
import type { UserStatus } from './user.ts';

const raise = statement('users.raise_epoch', raisingEpoch({ params: {} }));

const changeStatus = statement(
  'users.change_status',
  raisingEpoch({
    set: `status = :status, deletes_at = null, disabled_at = case when :status = 'disabled' then :endedAt::timestamptz end`,
    when: `status <> :status`,
    params: { status: 'text' },
  }),
);

const lockUser = statement('users.lock', {
  lane: 'pool',
  sql: `select id, auth_epoch, status from users where id = :userId for update`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', authEpoch: 'int4', status: 'text' },
});

const setName = statement('users.set_name', {
  lane: 'pool',
  sql: `update users set name = :name, locale = :locale, updated_at = :now where id = :userId`,
  params: { userId: 'uuid', name: 'text', locale: 'text', now: 'timestamptz' },
  columns: {},
});

const setMfa = statement('users.set_mfa', {
  lane: 'pool',
  sql: `update users set mfa_enabled = :enabled, updated_at = :now where id = :userId and mfa_enabled <> :enabled
    returning id`,
  params: { userId: 'uuid', enabled: 'bool', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

const hasMfa = statement('users.has_mfa', {
  lane: 'pool',
  sql: `select id from users where id = :userId and mfa_enabled`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid' },
});

const findKey = statement('users.find_key', {
  lane: 'read',
  sql: `select wrapped from user_keys where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { wrapped: 'bytea' },
});

const findPrimaryEmail = statement('users.find_primary_email', {
  lane: 'read',
  sql: `select i.id as identifier_id, u.locale from users u join identifiers i on i.user_id = u.id
    where u.id = :userId and i.kind = 'email' and i.is_primary and i.verified_at is not null`,
  params: { userId: 'uuid' },
  columns: { identifierId: 'uuid', locale: 'text' },
});

const profileColumns = {
  id: 'uuid',
  subject: 'text',
  status: 'text',
  name: 'text',
  locale: 'text',
  email: 'text?',
  emailVerifiedAt: 'timestamptz?',
  publicMetadata: 'jsonb',
  createdAt: 'timestamptz',
} as const;

const profileSql = `select u.id, u.subject, u.status, u.name, u.locale, i.as_typed as email,
    i.verified_at as email_verified_at, u.public_metadata, u.created_at
  from users u left join identifiers i on i.user_id = u.id and i.kind = 'email' and i.is_primary`;

const findProfile = statement('users.find_profile', {
  lane: 'read',
  sql: `${profileSql} where u.id = :userId`,
  params: { userId: 'uuid' },
  columns: profileColumns,
});

const listProfiles = statement('users.list_profiles', {
  lane: 'pool',
  mayLag: true,
  sql: `${profileSql} where (u.created_at, u.id) > (:afterTime::timestamptz, :afterId::uuid)
    order by u.created_at, u.id limit :limit::integer`,
  params: { afterTime: 'timestamptz', afterId: 'uuid', limit: 'int4' },
  columns: profileColumns,
});

/** The address and the language for notices. */
export interface Recipient {
  readonly identifierId: string;
  readonly locale: string;
}

/** A user in the view of the user or an operator. */
export interface UserProfile {
  readonly id: string;
  readonly subject: string;
  readonly status: UserStatus;
  readonly name: string;
  readonly locale: string;
  readonly email: string | null;
  readonly emailVerifiedAt: Date | null;
  readonly publicMetadata: unknown;
  readonly createdAt: Date;
}

const firstId = '00000000-0000-0000-0000-000000000000';

export class Users {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #keys: Keys;

  constructor(dependencies: { readonly database: Database; readonly clock: Clock; readonly keys: Keys }) {
    this.#database = dependencies.database;
    this.#clock = dependencies.clock;
    this.#keys = dependencies.keys;
  }

  async profile(userId: string): Promise<UserProfile | undefined> {
    const row = await this.#database.row(findProfile, { userId });
    return row as UserProfile | undefined;
  }

  /** Users in the order of their creation, at most `limit`, after the given one. */
  async list(limit: number, after?: { readonly createdAt: Date; readonly id: string }): Promise<UserProfile[]> {
    const afterTime = after?.createdAt ?? new Date(0);
    const rows = await this.#database.rows(listProfiles, { afterTime, afterId: after?.id ?? firstId, limit });
    return rows as UserProfile[];
  }

  /** The user's own key; undefined when there is no such user. Inside a transaction, pass it as `queries`. */
  async key(userId: string, queries: Queries = this.#database): Promise<UserKey | undefined> {
    const row = await queries.row(findKey, { userId });
    return row === undefined ? undefined : this.#keys.unwrapUserKey(userId, row.wrapped);
  }

  /**
   * Locks the user's row for the rest of the transaction, so that effects on one user run one after the other. Every
   * transaction that writes several rows of a user locks it first: without one order they would deadlock.
   */
  async lock(
    tx: Queries,
    userId: string,
  ): Promise<{ readonly authEpoch: number; readonly status: UserStatus } | undefined> {
    const row = await tx.row(lockUser, { userId });
    return row === undefined ? undefined : { authEpoch: row.authEpoch, status: row.status as UserStatus };
  }

  /** Locks several users in the order of their ids: in two orders, two transactions would deadlock. */
  async lockAll(tx: Queries, userIds: readonly (string | undefined)[]): Promise<void> {
    const ids = new Set(userIds.filter((id) => id !== undefined));
    for (const id of [...ids].sort()) await this.lock(tx, id);
  }

  /**
   * The verified primary address and the language of the user, for notices. Inside a transaction, pass it as `queries`.
   */
  async primaryEmail(userId: string, queries: Queries = this.#database): Promise<Recipient | undefined> {
    return queries.row(findPrimaryEmail, { userId });
  }

  async rename(tx: Queries, userId: string, name: string, locale: string): Promise<void> {
    await tx.run(setName, { userId, name, locale, now: this.#clock.now() });
  }

  /**
   * Turns two factors on or off, in a transaction that raises the epoch. Returns whether that was a change.
   */
  async setMfa(tx: Queries, userId: string, enabled: boolean): Promise<boolean> {
    return (await tx.row(setMfa, { userId, enabled, now: this.#clock.now() })) !== undefined;
  }

  /** Whether two factors are turned on. */
  async hasMfa(queries: Queries, userId: string): Promise<boolean> {
    return (await queries.row(hasMfa, { userId })) !== undefined;
  }

  /**
   * Revokes everything that carries an earlier epoch, and returns the new one; undefined when there is no such user.
   */
  async raiseEpoch(tx: Queries, userId: string): Promise<number | undefined> {
    return (await tx.row(raise, { userId, endedAt: this.#clock.now() }))?.authEpoch;
  }

  /**
   * Changes the status, raises the epoch and returns it; undefined when there is no such user or they have this status.
   * `pending_deletion` also needs a time: `scheduleDeletion`.
   */
  async changeStatus(
    tx: Queries,
    userId: string,
    status: Exclude<UserStatus, 'pending_deletion'>,
  ): Promise<number | undefined> {
    return (await tx.row(changeStatus, { userId, status, endedAt: this.#clock.now() }))?.authEpoch;
  }
}

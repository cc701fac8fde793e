/** Deleting sessions a week after they ended or expired; nothing refers to them then. */
import { present } from '#kernel/assert.ts';
import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';

const keepSeconds = 7 * 24 * 60 * 60;

const deleteDead = statement('sessions.delete_dead', {
  lane: 'pool',
  sql: `delete from sessions where id in (
    select id from sessions where ended_at < :before order by ended_at limit :limit offset :skip)`,
  params: { before: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

const deleteExpired = statement('sessions.delete_expired', {
  lane: 'pool',
  sql: `delete from sessions where id in (
    select id from sessions where expires_at < :before order by expires_at limit :limit offset :skip)`,
  params: { before: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** Deletes ended sessions with their families and refresh tokens, and returns how many; a sweeping job calls it. */
export async function deleteEndedSessions(database: Database, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return database.run(deleteDead, { before: addSeconds(now, -keepSeconds), ...batch });
}

/** The same for expired ones. */
export async function deleteExpiredSessions(database: Database, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return database.run(deleteExpired, { before: addSeconds(now, -keepSeconds), ...batch });
}

const firstId = '00000000-0000-0000-0000-000000000000';

const deleteIdle = statement('sessions.delete_idle', {
  lane: 'pool',
  sql: `with step as materialized (
      select id from sessions where id > :after order by id limit :limit),
    deleted as (
      delete from sessions s using step where s.id = step.id and s.idle_expires_at < :before returning s.id)
    select (select id from step order by id desc limit 1) as last,
      (select count(*) from step)::integer as read, (select count(*) from deleted)::integer as deleted`,
  params: { after: 'uuid', before: 'timestamptz', limit: 'int8' },
  columns: { last: 'uuid?', read: 'int4', deleted: 'int4' },
});

const findNext = statement('sessions.find_next_id', {
  lane: 'pool',
  sql: `select id from sessions where id > :after order by id limit 1`,
  params: { after: 'uuid' },
  columns: { id: 'uuid' },
});

/**
 * Deletes sessions that have been idle for too long. No index leads to them: it would have to be updated at every use of a
 * session. So each run reads some sessions in the order of their ids, and the next one continues there.
 */
export class IdleSessions {
  readonly #database: Database;
  #after = firstId;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Reads the next `limit` sessions and deletes the idle ones. Returns how many it has read: less than `limit` at the end of the
   * table.
   */
  async deleteSome(now: Date, { limit }: Batch = wholeBatch): Promise<number> {
    const before = addSeconds(now, -keepSeconds);
    const { last, read } = await this.#deleteAfter(before, limit);
    this.#after = read < limit ? firstId : (last ?? firstId);
    return read;
  }

  async #deleteAfter(before: Date, limit: number) {
    try {
      return present(await this.#database.row(deleteIdle, { after: this.#after, before, limit }), 'the step');
    } catch (error) {
      // The row fails alone: the next step begins behind it.
      if (limit === 1) this.#after = (await this.#database.row(findNext, { after: this.#after }))?.id ?? firstId;
      throw error;
    }
  }
}

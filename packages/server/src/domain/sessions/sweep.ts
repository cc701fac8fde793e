/** Deleting sessions a week after they ended or expired; nothing refers to them then. */
import { present } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';

const keepSeconds = 7 * 24 * 60 * 60;

const deleteDead = statement('sessions.delete_dead', {
  lane: 'pool',
  sql: `delete from sessions where id in (
    (select id from sessions where expires_at < :before order by expires_at limit 5000)
    union (select id from sessions where ended_at < :before order by ended_at limit 5000))`,
  params: { before: 'timestamptz' },
  columns: {},
});

/** Deletes them with their families and refresh tokens, and returns how many; a sweeping job calls it. */
export async function deleteEndedSessions(database: Database, now: Date): Promise<number> {
  return database.run(deleteDead, { before: addSeconds(now, -keepSeconds) });
}

const rowsPerStep = 5000;
const stepsPerCall = 20;
const firstId = '00000000-0000-0000-0000-000000000000';

const deleteIdle = statement('sessions.delete_idle', {
  lane: 'pool',
  sql: `with step as materialized (
      select id from sessions where id > :after order by id limit ${rowsPerStep}),
    deleted as (
      delete from sessions s using step where s.id = step.id and s.idle_expires_at < :before returning s.id)
    select (select id from step order by id desc limit 1) as last,
      (select count(*) from step)::integer as read, (select count(*) from deleted)::integer as deleted`,
  params: { after: 'uuid', before: 'timestamptz' },
  columns: { last: 'uuid?', read: 'int4', deleted: 'int4' },
});

/**
 * Deletes sessions that have been idle for too long. No index leads to them: it would have to be updated at every use of a
 * session. So each call reads at most 100,000 sessions in the order of their ids, and the next call continues there.
 */
export class IdleSessions {
  readonly #database: Database;
  #after = firstId;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Returns the number of deleted sessions. */
  async deleteSome(now: Date): Promise<number> {
    const before = addSeconds(now, -keepSeconds);
    let total = 0;
    for (let step = 0; step < stepsPerCall; step += 1) {
      const { last, read, deleted } = present(
        await this.#database.row(deleteIdle, { after: this.#after, before }),
        'the step',
      );
      total += deleted;
      this.#after = last ?? firstId;
      if (read === rowsPerStep) continue;
      this.#after = firstId;
      break;
    }
    return total;
  }
}

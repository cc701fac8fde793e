import { expect, it } from 'vitest';
import { effectsOf, touchedTables } from './statement-page.ts';

const tables = new Set(['sessions', 'users', 'jobs', 'clients']);

it('separates the tables that a statement changes from those that it reads', () => {
  const sql = `with live as (select u.id from users u, clients for update),
    ended as (update sessions s set ended_at = $1 from live where s.user_id = live.id returning s.id)
    insert into jobs (id) select id from ended join users on true`;
  expect(touchedTables(sql, tables)).toEqual({ writes: ['jobs', 'sessions'], reads: ['clients', 'users'] });
});

it('names a table that is read and changed among the changed ones only', () => {
  expect(touchedTables('delete from jobs using users where id in (select id from jobs)', tables)).toEqual({
    writes: ['jobs'],
    reads: ['users'],
  });
});

it('takes the name of a common table expression for no table', () => {
  expect(touchedTables('with gone as (select 1) select 1 from gone', tables)).toEqual({ writes: [], reads: [] });
});

it.each([
  [undefined, '–'],
  [{ wakesWorkers: true } as const, 'wakes workers'],
  [
    { revokes: { kind: 'user', target: 'userId' }, wakesWorkers: 'mailed' } as const,
    'revokes user `userId`; wakes workers if `mailed`',
  ],
])('describes the effects %j', (after, description) => {
  expect(effectsOf({ after })).toBe(description);
});

import { describe, expect, it } from 'vitest';
import { statement } from './statement.ts';

const rest = { params: {}, columns: {} } as const;

describe('a statement that may lag', () => {
  it.each([
    ['on_a_lane', 'read', 'select 1'],
    ['that_changes', 'pool', 'with gone as (delete from notes returning 1) select 1 from gone'],
    ['that_locks', 'pool', 'select 1 from notes for no key update'],
    ['that_shares', 'pool', 'select 1 from notes for share skip locked'],
    ['that_counts', 'pool', `select nextval('numbers')`],
    ['that_inserts', 'pool', 'insert into notes default values'],
  ] as const)('is rejected at load: one %s', (name, lane, sql) => {
    expect(() => statement(`lag_test.${name}`, { lane, sql, mayLag: true, ...rest })).toThrow(/may lag, so/);
  });

  it('only reads, on the pool', () => {
    const sql = 'with recent as (select updated_at from notes) select updated_at from recent';
    expect(statement('lag_test.reads', { lane: 'pool', sql, mayLag: true, ...rest }).mayLag).toBe(true);
    expect(statement('lag_test.other', { lane: 'pool', sql, ...rest }).mayLag).toBe(false);
  });
});

describe('a statement that only reads', () => {
  it.each([
    ['selects', 'pool', ' select updated_at from notes', true],
    ['changes_in_its_with', 'pool', 'with gone as (delete from notes returning 1) select 1 from gone', false],
    ['inserts', 'pool', 'insert into notes select 1', false],
    ['locks', 'pool', 'select 1 from notes for update', false],
    ['writes_on_its_lane', 'write', 'update notes set text = text', false],
    ['reads_on_its_lane', 'read', 'select 1', true],
  ] as const)('may be sent again after a lost connection: one that %s', (name, lane, sql, onlyReads) => {
    expect(statement(`reads_test.${name}`, { lane, sql, ...rest })).toMatchObject({ onlyReads, idempotent: onlyReads });
  });
});

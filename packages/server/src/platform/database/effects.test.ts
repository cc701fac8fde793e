import { describe, expect, it } from 'vitest';
import { effectsOf } from './effects.ts';
import { type StatementDeclaration, statement } from './index.ts';

const columns = { id: 'uuid', ids: 'uuid[]', epoch: 'int4', isQueued: 'bool' } as const;

type Declared = StatementDeclaration<Record<never, never>, typeof columns>;

let declared = 0;

/** Declares a statement under a unique name, as a flow does at load. */
function declare(sql: string, after?: Declared['after']) {
  declared += 1;
  const rest = after === undefined ? {} : { after };
  return statement(`effects_test.declared_${declared}`, { lane: 'pool', sql, params: {}, columns, ...rest });
}

const revokesSession = `with ended as (update sessions set end_reason = 'logout' returning id),
  announced as (insert into revocations (kind, target) select 'session', id::text from ended)
  select id, array[id] as ids, 1 as epoch, true as is_queued from ended`;
const enqueues = `insert into jobs (id) values (gen_random_uuid()) returning id, array[id], 1, true`;
const neither = `select id, array[id], 1, true from sessions`;

describe('a statement that inserts revocations', () => {
  it('fails to load without declaring them', () => {
    expect(() => declare(revokesSession)).toThrow('inserts revocations without `after.revokes`');
    expect(() => declare(revokesSession, {})).toThrow('inserts revocations without `after.revokes`');
  });

  it.each([
    'INSERT INTO Revocations (kind, target) values',
    'insert\n  into public.revocations(kind, target) values',
    'insert into "revocations" (kind, target) values',
  ])('fails to load without declaring them, in any spelling: %s', (insert) => {
    expect(() => declare(`${insert} ('session', '') returning id, array[id], 1, true`)).toThrow(
      'without `after.revokes`',
    );
  });

  it('fails to load when it declares another kind', () => {
    const after = { revokes: { kind: 'user', target: 'id', epoch: 'epoch' } } as const;
    expect(() => declare(revokesSession, after)).toThrow('inserts no revocation of kind user');
  });

  it('loads when it declares them', () => {
    expect(() => declare(revokesSession, { revokes: { kind: 'session', target: 'ids' } })).not.toThrow();
  });
});

describe('a statement that inserts jobs', () => {
  it('fails to load without waking the workers', () => {
    expect(() => declare(enqueues)).toThrow('inserts jobs without `after.wakesWorkers`');
  });

  it('loads when it wakes them', () => {
    expect(() => declare(enqueues, { wakesWorkers: 'isQueued' })).not.toThrow();
  });
});

describe('a statement that inserts neither', () => {
  it('fails to load with effects that it does not have', () => {
    const revokes = { kind: 'session', target: 'id' } as const;
    expect(() => declare(neither, { revokes })).toThrow('declares revocations that it does not insert');
    expect(() => declare(neither, { wakesWorkers: true })).toThrow('declares jobs that it does not insert');
    expect(() => declare(`${neither} -- insert into jobs_archive`, {})).not.toThrow();
  });
});

describe('effectsOf', () => {
  const user = { revokes: { kind: 'user', target: 'id', epoch: 'epoch' } } as const;
  const sessions = { revokes: { kind: 'session', target: 'ids' }, wakesWorkers: 'isQueued' } as const;

  it('revokes one target for each row', () => {
    const rows = [
      { id: 'a', epoch: 2 },
      { id: 'b', epoch: 7 },
    ];
    const revoked = [
      { kind: 'user', target: 'a', epoch: 2 },
      { kind: 'user', target: 'b', epoch: 7 },
    ];
    expect(effectsOf(user, rows, 2)).toEqual({ revoked, enqueued: false });
  });

  it('revokes every element of an array, and wakes when the column is true', () => {
    const revoked = ['a', 'b'].map((target) => ({ kind: 'session', target, epoch: null }));
    expect(effectsOf(sessions, [{ ids: ['a', 'b'], isQueued: true }], 1)).toEqual({ revoked, enqueued: true });
    expect(effectsOf(sessions, [{ ids: [], isQueued: false }], 1)).toEqual({ revoked: [], enqueued: false });
  });

  it('names why a session ended', () => {
    const ended = { revokes: { kind: 'session', target: 'id', reason: 'endReason' } } as const;
    const revoked = [{ kind: 'session', target: 'a', epoch: null, reason: 'logout' }];
    expect(effectsOf(ended, [{ id: 'a', endReason: 'logout' }], 1)).toEqual({ revoked, enqueued: false });
  });

  it('wakes when a row is affected, and not otherwise', () => {
    expect(effectsOf({ wakesWorkers: true }, [], 1).enqueued).toBe(true);
    expect(effectsOf({ wakesWorkers: true }, [], 0).enqueued).toBe(false);
  });
});

import { EventEmitter } from 'node:events';
import type { ClientBase, QueryArrayConfig } from 'pg';
import { describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { RoundTrips } from './queries.ts';
import { statement } from './statement.ts';
import { runTransaction } from './transaction.ts';

const lock = statement('transaction_test.lock', {
  lane: 'pool',
  sql: 'select id from things where id = :id for update',
  params: { id: 'int4' },
  columns: { id: 'int4' },
});
const change = statement('transaction_test.change', {
  lane: 'pool',
  sql: 'update things set id = :id',
  params: { id: 'int4' },
  columns: {},
});

/** A connection whose responses the test decides. */
function openConnection() {
  const sent: string[] = [];
  const begun = Promise.withResolvers<object>();
  const query = (sql: string) => {
    sent.push(sql);
    return sql === 'begin' ? begun.promise : Promise.resolve({ command: sql.toUpperCase() });
  };
  const connection = {
    client: Object.assign(new EventEmitter(), { query }) as unknown as ClientBase,
    named: true,
    send: async ({ name = '' }: QueryArrayConfig) => {
      sent.push(name.split('#')[0] as string);
      return { rows: [[1]], rowCount: 1 };
    },
    roundTrips: new RoundTrips({ clock: new FixedClock(new Date(0)) }),
    onCommitted: undefined,
    isLost: () => false,
  };
  return { sent, begun, connection };
}

describe('runTransaction', () => {
  it('sends selects with begin, and nothing that changes before it succeeded', async () => {
    const { sent, begun, connection } = openConnection();
    const done = runTransaction(connection, (tx) =>
      Promise.all([tx.row(lock, { id: 1 }), tx.run(change, { id: 1 }), tx.row(lock, { id: 2 })]),
    );
    expect(sent).toEqual(['begin', 'transaction_test.lock']);
    begun.resolve({ command: 'BEGIN' });
    await done;
    const rest = ['transaction_test.change', 'transaction_test.lock', 'commit'];
    expect(sent).toEqual(['begin', 'transaction_test.lock', ...rest]);
  });

  it('changes nothing when begin fails, and throws its error', async () => {
    const { sent, begun, connection } = openConnection();
    const failed = new Error('canceled');
    const done = runTransaction(connection, async (tx) => {
      await tx.row(lock, { id: 1 });
      await tx.run(change, { id: 1 });
    });
    begun.reject(failed);
    await expect(done).rejects.toBe(failed);
    expect(sent).toEqual(['begin', 'transaction_test.lock', 'rollback']);
  });

  it('does not commit when begin fails under selects alone', async () => {
    const { sent, begun, connection } = openConnection();
    const failed = new Error('canceled');
    const done = runTransaction(connection, (tx) => tx.row(lock, { id: 1 }));
    begun.reject(failed);
    await expect(done).rejects.toBe(failed);
    expect(sent).toEqual(['begin', 'transaction_test.lock', 'rollback']);
  });
});

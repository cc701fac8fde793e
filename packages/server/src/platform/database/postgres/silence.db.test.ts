import { expect, it, vi } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { serverAt } from '#test/support/parsed.ts';
import { createDatabase } from '#test/support/postgres.ts';
import { startPostgresProxy } from '#test/support/postgres-proxy.ts';
import { openPostgres, statement } from '../index.ts';

const read = statement('silence_test.read', {
  lane: 'read',
  sql: 'select 1 as one',
  params: {},
  columns: { one: 'int4' },
});
const list = statement('silence_test.list', {
  lane: 'pool',
  sql: 'select 1 as one',
  params: {},
  columns: { one: 'int4' },
});
const change = statement('silence_test.change', {
  lane: 'pool',
  sql: `insert into notes (text) values ('changed')`,
  params: {},
  columns: {},
});

it('closes the connections of the pool that wait, as soon as reads have no response', async () => {
  const url = await createDatabase();
  await using proxy = await startPostgresProxy(url);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  // New connections of the proxy transfer, so that those of the test are opened first.
  const far = await openPostgres({
    server: serverAt(proxy.url),
    applicationName: 'latchkey',
    clock: systemClock,
    poolMin: 3,
  });
  try {
    const begun = Promise.withResolvers<void>();
    const frozen = Promise.withResolvers<void>();
    const transaction = far.transaction(async (tx) => {
      await tx.row(list, {});
      begun.resolve();
      await frozen.promise;
      await tx.row(list, {});
    });
    await begun.promise;
    proxy.freeze();
    frozen.resolve();
    const startedMs = systemClock.monotonicMs();
    const waiting = Promise.allSettled([transaction, far.row(list, {}), far.run(change, {})]);
    const reading = far.row(read, {});
    // The statements of the pool are sent after a turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(3000);
    expect(await waiting).toMatchObject([
      { reason: { code: 'unavailable' } },
      { reason: { code: 'unavailable' } },
      { reason: { code: 'outcome_unknown' } },
    ]);
    // Their own timeouts are 15 s.
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(8000);
    expect(await reading).toEqual({ one: 1 });
    expect(await far.row(list, {})).toEqual({ one: 1 });
  } finally {
    vi.useRealTimers();
    await far.close();
  }
});

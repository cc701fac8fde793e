import { expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { FaultInjector } from './fault-injector.ts';
import { aroundLastWrite, writesOf } from './recorded-writes.ts';

const { preparedName: read } = statement('recorded_writes_test.read', {
  lane: 'read',
  sql: 'select name from users',
  params: {},
  columns: { name: 'text' },
});
const { preparedName: lock } = statement('recorded_writes_test.lock', {
  lane: 'pool',
  sql: 'select name from users for update',
  params: {},
  columns: { name: 'text' },
});
const { preparedName: write } = statement('recorded_writes_test.write', {
  lane: 'pool',
  sql: 'update users set name = name',
  params: {},
  columns: {},
});

it('keeps what writes, locks or ends a transaction', () => {
  expect(writesOf([read, 'begin', lock, read, write, 'commit', read])).toEqual(['begin', lock, write, 'commit']);
});

it.each([
  { sent: [read, 'begin', lock, write, 'commit', read], last: 4 },
  { sent: [read, write, read, write, read], last: 3 },
  { sent: ['begin', write, 'commit', read, write], last: 4 },
])('finds the points of the injector around the last write: $last of $sent', ({ sent, last }) => {
  const injector = new FaultInjector();
  for (const { timing, point } of aroundLastWrite(sent)) {
    injector.arm(point, timing);
    expect(sent.map((one) => injector.next(one))).toEqual(
      sent.map((_, index) => (index === last ? timing : undefined)),
    );
  }
});

import { expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { FaultInjector } from './fault-injector.ts';
import { interruptionPoints } from './interruption-points.ts';

const { preparedName: read } = statement('interruption_points_test.read', {
  lane: 'read',
  sql: 'select name from users',
  params: {},
  columns: { name: 'text' },
});
const { preparedName: lock } = statement('interruption_points_test.lock', {
  lane: 'pool',
  sql: 'select name from users for update',
  params: {},
  columns: { name: 'text' },
});
const { preparedName: write } = statement('interruption_points_test.write', {
  lane: 'pool',
  sql: 'update users set name = name',
  params: {},
  columns: {},
});

it.each([
  { sent: [read, 'begin', lock, write, 'commit', read], before: 6, after: 3, last: 4 },
  { sent: [read, write, read, write, read], before: 5, after: 5, last: 3 },
  { sent: ['begin', write, 'commit', read, write], before: 5, after: 3, last: 4 },
  { sent: ['begin', lock, 'commit', read], before: 4, after: 2, last: 2 },
  { sent: [read, read], before: 2, after: 2, last: 1 },
])('finds the points of the injector: $before before, $after after, the last write $last', (expected) => {
  const { sent, before, after, last } = expected;
  const points = interruptionPoints(sent);
  expect(points.filter(({ timing }) => timing === 'before')).toHaveLength(before);
  expect(points.filter(({ timing }) => timing === 'after')).toHaveLength(after);
  const injector = new FaultInjector();
  for (const { timing, count, between, isWrite, isLastWrite } of points) {
    injector.arm(count, timing);
    const at = sent.findIndex((one) => injector.next(one) === timing);
    const [first, second] = timing === 'before' ? [at - 1, at] : [at, at + 1];
    expect(between).toBe(`${timing}, ${sent[first] ?? 'the start'} > ${sent[second] ?? 'the end'}`);
    expect(isWrite).toBe(sent[at] !== read);
    expect(isLastWrite).toBe(at === last);
  }
});

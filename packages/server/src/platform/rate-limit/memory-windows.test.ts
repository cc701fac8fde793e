import { describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { MemoryWindows } from './memory-windows.ts';

const quota = { name: 'public', limit: 100, windowSeconds: 900 };
const clock = new FixedClock(new Date('2030-01-01T00:00:00Z'));

describe('the windows of a process', () => {
  it('are bounded in number under a flood of addresses', () => {
    const windows = new MemoryWindows(clock);
    for (let index = 0; index < 200_000; index += 1) windows.open({ quota, key: `address ${index}` }, 0).hits += 1;
    expect(windows.size).toBe(100_000);
    expect(windows.open({ quota, key: 'address 199999' }, 0).hits).toBe(1);
  });

  it('evict the least recently used key', () => {
    const windows = new MemoryWindows(clock, 2);
    for (const key of ['a', 'b', 'b', 'c']) windows.take([{ quota, key }], 1);
    expect(['b', 'c', 'a'].map((key) => windows.take([{ quota, key }], 1)[0]?.hits)).toEqual([3, 2, 1]);
  });
});

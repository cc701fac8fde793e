import { describe, expect, it } from 'vitest';
import { MemoryCounters } from './memory-counters.ts';

const quota = { name: 'public', limit: 100, windowSeconds: 900 };

describe('the counters of a process', () => {
  it('are bounded in number under a flood of a million addresses', { timeout: 60_000 }, () => {
    const counters = new MemoryCounters();
    for (let index = 0; index < 1_000_000; index += 1) counters.take({ quota, key: `address ${index}` }, 0);
    expect(counters.size).toBe(100_000);
    expect(counters.read({ quota, key: 'address 999999' }, 0).hits).toBe(1);
  });

  it('evict the least recently used key', () => {
    const counters = new MemoryCounters(2);
    counters.take({ quota, key: 'a' }, 0);
    counters.take({ quota, key: 'b' }, 0);
    counters.take({ quota, key: 'b' }, 0);
    counters.take({ quota, key: 'c' }, 0);
    expect(['a', 'b', 'c'].map((key) => counters.read({ quota, key }, 0).hits)).toEqual([0, 2, 1]);
  });
});

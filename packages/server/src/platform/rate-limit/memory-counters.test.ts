import { describe, expect, it } from 'vitest';
import { MemoryCounters } from './memory-counters.ts';
import { parseQuota } from './quota.ts';

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

describe('parseQuota', () => {
  it.each([
    ['100/15m', 100, 900],
    ['5/900s', 5, 900],
    ['3/h', 3, 3600],
    ['20/1h', 20, 3600],
    ['1/2d', 1, 172_800],
  ])('parses %s', (text, limit, windowSeconds) => {
    expect(parseQuota('x', text)).toEqual({ name: 'x', limit, windowSeconds });
  });

  it.each(['', '100', '100/', '0/1m', '5/0m', '-1/1m', '1.5/1m', '100/15 m', '5/15w', ' 5/1m', '9999999999/1m'])(
    'rejects "%s"',
    (text) => {
      expect(parseQuota('x', text)).toBeNull();
    },
  );
});

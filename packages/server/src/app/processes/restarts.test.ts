import { describe, expect, it } from 'vitest';
import { Restarts } from './restarts.ts';

/** The delays after deaths at these times; undefined ends the list. */
function delays(restarts: Restarts, slot: number, wasReady: boolean, timesMs: readonly number[]) {
  return timesMs.map((nowMs) => restarts.next({ slot, wasReady, nowMs }));
}

describe('the restarts of serving processes', () => {
  it('replace a process that served at once, and later after increasing delays', () => {
    const times = [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000];
    expect(delays(new Restarts(4), 0, true, times)).toEqual([0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('forget deaths after a minute', () => {
    expect(delays(new Restarts(1), 0, true, [0, 60_000, 120_000])).toEqual([0, 0, 0]);
  });

  it('give up when the start of one process fails five times in a row', () => {
    const restarts = new Restarts(4);
    expect(delays(restarts, 1, false, [0, 1000, 2000, 3000])).toEqual([500, 1000, 2000, 4000]);
    expect(delays(restarts, 2, true, [3500])).toEqual([0]);
    expect(delays(restarts, 1, false, [60_000])).toEqual([undefined]);
  });

  it('do not give up when a start succeeds between failures', () => {
    const restarts = new Restarts(1);
    delays(restarts, 0, false, [0, 100_000, 200_000, 300_000]);
    delays(restarts, 0, true, [400_000]);
    expect(delays(restarts, 0, false, [500_000])).toEqual([500]);
  });

  it('give up when processes that served end more than five times each within a minute', () => {
    const restarts = new Restarts(2);
    const all = Array.from({ length: 11 }, (_, index) =>
      restarts.next({ slot: index % 2, wasReady: true, nowMs: index * 1000 }),
    );
    expect(all.slice(0, 10)).not.toContain(undefined);
    expect(all[10]).toBeUndefined();
  });
});

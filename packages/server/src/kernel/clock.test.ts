import { describe, expect, it } from 'vitest';
import { addSeconds, earlier, FixedClock, MovableClock, systemClock } from './clock.ts';

const start = new Date('2026-03-01T12:00:00.000Z');

describe('systemClock', () => {
  it('returns the machine’s time and monotonic milliseconds that never decrease', () => {
    expect(systemClock.now().getTime()).toBeGreaterThan(new Date('2026-01-01').getTime());
    const readings = Array.from({ length: 100 }, () => systemClock.monotonicMs());
    expect(readings.toSorted((a, b) => a - b)).toEqual(readings);
    expect(readings[0]).toBeGreaterThan(0);
  });
});

describe('FixedClock', () => {
  it('stands still until advanced, and then moves wall-clock and monotonic time', () => {
    const clock = new FixedClock(start);
    expect([clock.now(), clock.now(), clock.monotonicMs()]).toEqual([start, start, 0]);
    clock.advance(1500);
    clock.advance(500);
    expect([clock.now(), clock.monotonicMs()]).toEqual([new Date('2026-03-01T12:00:02.000Z'), 2000]);
  });

  it('returns a Date of its own to each caller, so that mutating one affects no other', () => {
    const clock = new FixedClock(start);
    clock.now().setFullYear(1999);
    expect(clock.now()).toEqual(start);
  });
});

describe('MovableClock', () => {
  it('moves wall-clock time forward and back while its base clock continues, and leaves monotonic time alone', () => {
    const base = new FixedClock(start);
    const clock = new MovableClock(base);
    expect([clock.now(), clock.offsetMs, clock.monotonicMs()]).toEqual([start, 0, 0]);
    clock.advance(5000);
    clock.advance(-1000);
    base.advance(10);
    expect(clock.now()).toEqual(new Date(start.getTime() + 4010));
    expect([clock.offsetMs, clock.monotonicMs()]).toEqual([4000, 10]);
    clock.advance(-4000);
    expect([clock.now(), clock.offsetMs]).toEqual([base.now(), 0]);
  });

  it('uses the machine’s clock as its base by default', () => {
    expect(Math.abs(new MovableClock().now().getTime() - systemClock.now().getTime())).toBeLessThan(5_000);
  });
});

describe('addSeconds', () => {
  it('adds whole, fractional and negative seconds without mutating its argument', () => {
    expect(addSeconds(start, 90)).toEqual(new Date('2026-03-01T12:01:30.000Z'));
    expect(addSeconds(start, -0.25)).toEqual(new Date('2026-03-01T11:59:59.750Z'));
    expect(start.toISOString()).toBe('2026-03-01T12:00:00.000Z');
  });
});

describe('earlier', () => {
  it('returns the earlier of two times, and the first of two equal ones', () => {
    const later = addSeconds(start, 1);
    expect([earlier(start, later), earlier(later, start)]).toEqual([start, start]);
    const same = new Date(start);
    expect(earlier(start, same)).toBe(start);
    expect(earlier(same, start)).toBe(same);
  });
});

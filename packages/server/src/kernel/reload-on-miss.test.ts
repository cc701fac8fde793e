import { describe, expect, it, vi } from 'vitest';
import { FixedClock } from './clock.ts';
import { ReloadOnMiss } from './reload-on-miss.ts';

function setUp() {
  const clock = new FixedClock(new Date('2030-01-01T00:00:00.000Z'));
  const stored = new Map<string, number>();
  const known = new Map<string, number>();
  const started: number[] = [];
  let release: (() => void) | undefined;
  const state = { isHeld: false };
  const reload = async () => {
    started.push(clock.monotonicMs());
    const snapshot = new Map(stored);
    if (state.isHeld) await new Promise<void>((resolve) => (release = resolve));
    for (const [name, value] of snapshot) known.set(name, value);
  };
  const onMiss = new ReloadOnMiss({ clock, reload });
  const find = (name: string) => onMiss.find(name, (wanted) => known.get(wanted));
  return { clock, stored, known, started, state, find, release: () => release?.() };
}

describe('ReloadOnMiss', () => {
  it('reloads nothing for a known name', async () => {
    const { known, find, started } = setUp();
    known.set('a', 1);
    expect(await find('a')).toBe(1);
    expect(started).toEqual([]);
  });

  it('finds what was added since the last read, with one reload for concurrent misses', async () => {
    const { stored, find, started } = setUp();
    stored.set('a', 1);
    expect(await Promise.all([find('a'), find('a'), find('b')])).toEqual([1, 1, undefined]);
    expect(started).toHaveLength(1);
  });

  it('waits for a reload that begins after the miss, not for one that is already reading', async () => {
    const { clock, stored, find, started, state, release } = setUp();
    state.isHeld = true;
    const early = find('a');
    await vi.waitFor(() => expect(started).toEqual([0]));
    stored.set('a', 1);
    clock.advance(250);
    state.isHeld = false;
    const late = find('a');
    expect(await late).toBe(1);
    release();
    expect(await early).toBe(1);
    expect(started).toEqual([0, 250]);
  });

  it('remembers a name that was not found for five seconds', async () => {
    const { clock, stored, find, started } = setUp();
    expect(await find('a')).toBeUndefined();
    stored.set('a', 1);
    clock.advance(4999);
    expect(await find('a')).toBeUndefined();
    clock.advance(1);
    expect(await find('a')).toBe(1);
    expect(started).toHaveLength(2);
  });

  it('rejects every miss of a failed reload, and reloads for the next one', async () => {
    const failure = new Error('away');
    let fails = true;
    const clock = new FixedClock(new Date(0));
    const reload = () => (fails ? Promise.reject(failure) : Promise.resolve());
    const onMiss = new ReloadOnMiss({ clock, reload });
    const misses = [1, 2].map(() => onMiss.find('a', () => undefined));
    await Promise.all(misses.map((miss) => expect(miss).rejects.toBe(failure)));
    fails = false;
    clock.advance(250);
    expect(await onMiss.find('a', () => undefined)).toBeUndefined();
  });
});

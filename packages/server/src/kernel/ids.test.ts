import { describe, expect, it } from 'vitest';
import { FixedClock, MovableClock } from './clock.ts';
import { idMaker, isUuid } from './ids.ts';

const start = new Date('2026-03-01T12:00:00.123Z');

/** Fields of a UUIDv7 (RFC 9562 §5.7). */
function partsOf(id: string) {
  const hex = id.replaceAll('-', '');
  return {
    ms: Number.parseInt(hex.slice(0, 12), 16),
    version: hex[12],
    counter: Number.parseInt(hex.slice(13, 16), 16),
    variant: Number.parseInt(hex[16] ?? '', 16) >> 2,
    random: hex.slice(16),
  };
}

describe('idMaker', () => {
  it('generates lower-case UUIDv7 with the clock’s time, version 7 and variant 10', () => {
    const makeId = idMaker(new FixedClock(start));
    for (let made = 0; made < 1000; made += 1) {
      const id = makeId();
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(partsOf(id)).toMatchObject({ ms: start.getTime(), version: '7', variant: 0b10 });
    }
  });

  it('generates increasing ids within a millisecond and after the counter overflows', () => {
    const makeId = idMaker(new FixedClock(start));
    const ids = Array.from({ length: 20_000 }, makeId);
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    const stamps = new Set(ids.map((id) => partsOf(id).ms));
    // The first timestamp has 2,049 to 4,096 counter values, each further one 4,096: 20,000 ids need five or six.
    expect(stamps.size).toBeGreaterThanOrEqual(5);
    expect(stamps.size).toBeLessThanOrEqual(6);
    expect(Math.max(...stamps)).toBe(start.getTime() + stamps.size - 1);
  });

  it('counts up by one from a start below 2048, and from 0 when the timestamp is ahead of the clock', () => {
    const makeId = idMaker(new FixedClock(start));
    const ids = Array.from({ length: 5000 }, makeId).map(partsOf);
    expect(ids[0]?.counter).toBeLessThan(2048);
    const ahead = ids.findIndex(({ ms }) => ms > start.getTime());
    expect(ids.slice(1, ahead).map(({ counter }, index) => counter - (ids[index]?.counter ?? 0))).toEqual(
      Array.from({ length: ahead - 1 }, () => 1),
    );
    expect([ids[ahead - 1]?.counter, ids[ahead]?.counter, ids[ahead + 1]?.counter]).toEqual([0xfff, 0, 1]);
  });

  it('starts each millisecond at a new random counter value', () => {
    const clock = new FixedClock(start);
    const makeId = idMaker(clock);
    const counters = Array.from({ length: 300 }, () => {
      clock.advance(1);
      return partsOf(makeId()).counter;
    });
    expect(new Set(counters).size).toBeGreaterThan(200);
    expect(Math.max(...counters)).toBeLessThan(2048);
    expect(Math.max(...counters)).toBeGreaterThan(1500);
    expect(Math.min(...counters)).toBeLessThan(255);
  });

  it('generates increasing ids when the clock moves back', () => {
    const clock = new MovableClock(new FixedClock(start));
    const makeId = idMaker(clock);
    const before = makeId();
    clock.advance(-10_000);
    const after = makeId();
    expect(after > before).toBe(true);
    expect(partsOf(after).ms).toBe(partsOf(before).ms);
    clock.advance(20_000);
    expect(partsOf(makeId()).ms).toBe(start.getTime() + 10_000);
  });

  it('never reuses random bits, including after its pool is refilled', () => {
    const makeId = idMaker(new FixedClock(start));
    const ids = Array.from({ length: 1024 }, makeId).map(partsOf);
    expect(new Set(ids.map(({ random }) => random)).size).toBe(1024);
    for (const digit of [1, 8, 15]) expect(new Set(ids.map(({ random }) => random[digit])).size).toBe(16);
    expect(new Set(ids.map(({ random }) => random[0]))).toEqual(new Set(['8', '9', 'a', 'b']));
  });
});

describe('isUuid', () => {
  const id = '01958f3a-1b2c-7d3e-8f40-123456789abc';

  it('accepts lower case with hyphens', () => {
    expect(isUuid(id)).toBe(true);
    expect(isUuid('00000000-0000-0000-0000-000000000000')).toBe(true);
  });

  it('rejects every other spelling', () => {
    const others = [id.toUpperCase(), `{${id}}`, ` ${id}`, `${id}\n`, `${id}0`, `0${id}`, id.slice(1), id.slice(0, -1)];
    for (const other of [...others, id.replaceAll('-', ''), id.replace('1', 'g'), ''])
      expect(isUuid(other)).toBe(false);
    for (const group of id.split('-')) expect(isUuid(id.replace(group, group.slice(1)))).toBe(false);
  });
});

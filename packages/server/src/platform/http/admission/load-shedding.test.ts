import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { documentEndpoint } from '../endpoint.ts';
import {
  decisiveMeasurements,
  type Measurement,
  nextLevel,
  priorityOf,
  recentMeasurements,
  type SheddingLevel,
  sheddingLevelOf,
  shedFromMs,
  sustainedMs,
} from './load-shedding.ts';

const everyMs = 50;

/** The levels after each measurement, of a timer that fires 50 ms after the measurement before and is this late. */
function levelsOf(lateMs: readonly number[]): SheddingLevel[] {
  let level: SheddingLevel = 0;
  let recent: readonly Measurement[] = [];
  let atMs = 0;
  return lateMs.map((late) => {
    atMs += everyMs + late;
    recent = recentMeasurements(recent, { atMs, lateMs: late });
    level = nextLevel(level, recent);
    return level;
  });
}

const steady = (lateMs: number, count: number): number[] => Array<number>(count).fill(lateMs);

describe('nextLevel', () => {
  it('stays at 0 while the event loop is on time, and for lateness below the first bound', () => {
    expect(new Set(levelsOf([...steady(0, 20), ...steady(shedFromMs.low - 1, 20)]))).toEqual(new Set([0]));
  });

  it('sheds nothing after one long stall, nor after two', () => {
    expect(new Set(levelsOf([...steady(0, 20), 10_000, 0, ...steady(0, 20)]))).toEqual(new Set([0]));
    expect(new Set(levelsOf([...steady(0, 20), 2000, 2000, ...steady(0, 20)]))).toEqual(new Set([0]));
  });

  it.each([
    [1000, 1],
    [1999, 1],
    [2000, 2],
    [3999, 2],
    [4000, 3],
    [20_000, 3],
  ])('sheds while it stays late by %d ms: level %d', (lateMs, level) => {
    const levels = levelsOf([...steady(0, 20), ...steady(lateMs, 10)]);
    expect(levels.at(-1)).toBe(level);
    expect(levels.slice(20, 20 + decisiveMeasurements - 1)).toEqual([0, 0]);
  });

  it('raises by the least lateness and lowers by the greatest', () => {
    const passing = [1100, 2100, 1150, 20, ...steady(0, 39)];
    expect(levelsOf([...steady(0, 10), ...passing]).slice(10)).toEqual([0, 0, ...steady(1, 40), 0]);
    expect(levelsOf([...steady(5000, 5), 2000, 2000, 2000, 1200, 1200, 1200, 1200]).slice(4)).toEqual([
      3, 3, 3, 2, 2, 2, 1, 1,
    ]);
  });

  it('returns to 0 within three seconds once the event loop is on time', () => {
    const levels = levelsOf([...steady(5000, 10), ...steady(0, 60)]);
    expect(levels[9]).toBe(3);
    expect(levels.slice(10 + sustainedMs / everyMs + 1)).toEqual(steady(0, 19));
  });

  it('never leaves the range between what the least and the greatest lateness of its measurements mean', () => {
    const anyLateness = fc.array(fc.integer({ min: 0, max: 6000 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(anyLateness, (lateMs) => {
        const levels = levelsOf(lateMs);
        const highest = Math.max(...lateMs);
        if (highest < shedFromMs.low) expect(Math.max(...levels)).toBe(0);
        if (Math.min(...lateMs) >= shedFromMs.high && lateMs.length >= decisiveMeasurements)
          expect(levels.at(-1)).toBe(3);
      }),
    );
  });
});

describe('recentMeasurements', () => {
  it('keeps the last two seconds, and at least three', () => {
    let recent: readonly Measurement[] = [];
    for (let atMs = 0; atMs <= 5000; atMs += everyMs) recent = recentMeasurements(recent, { atMs, lateMs: 0 });
    expect(recent.map(({ atMs }) => atMs)).toEqual(Array.from({ length: 41 }, (_, index) => 3000 + index * everyMs));
    for (const atMs of [8000, 12_000]) recent = recentMeasurements(recent, { atMs, lateMs: 0 });
    expect(recent.map(({ atMs }) => atMs)).toEqual([5000, 8000, 12_000]);
  });
});

describe('sheddingLevelOf', () => {
  it('sheds in the order of priority, and never what has none', () => {
    expect((['low', 'normal', 'high'] as const).map(sheddingLevelOf)).toEqual([1, 2, 3]);
    const document = documentEndpoint({
      id: 'test.probe',
      method: 'GET',
      path: '/livez',
      summary: 'Alive',
      rateLimit: 'none',
      problems: [],
      contentType: 'text/plain',
      openToCors: false,
      cacheSeconds: 0,
      handler: () => ({ status: 200, body: 'ok' }),
    });
    expect(sheddingLevelOf(priorityOf(document))).toBe(Number.POSITIVE_INFINITY);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeenIds } from './seen-ids.ts';

function seen(...ids: number[]): SeenIds {
  const made = new SeenIds();
  for (const id of ids) made.add(id);
  return made;
}

describe('SeenIds', () => {
  it('is complete up to the first id that is missing, in whatever order they come', () => {
    const ids = seen(3, 1, 2, 5);
    expect(ids.completeFrom(0)).toBe(3);
    ids.add(4);
    expect(ids.completeFrom(0)).toBe(5);
    expect(ids.kept).toBe(0);
  });

  it('waits for a missing id until it is settled that it never comes', () => {
    const ids = seen(1, 3, 4);
    expect(ids.completeFrom(1)).toBe(1);
    expect(ids.completeFrom(2)).toBe(4);
  });

  it('begins after what was settled before anything was seen', () => {
    expect(seen(101, 102).completeFrom(100)).toBe(102);
  });

  it('never passes an id that was neither seen nor settled', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 40 }));
    const settled = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(ids, settled, (given, upTo) => {
        const complete = seen(...given).completeFrom(upTo);
        for (let id = upTo + 1; id <= complete; id += 1) expect(given).toContain(id);
        expect(given).not.toContain(complete + 1);
        expect(complete).toBeGreaterThanOrEqual(upTo);
      }),
    );
  });
});

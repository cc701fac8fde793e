import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UnseenIds } from './unseen-ids.ts';

const end = Number.MAX_SAFE_INTEGER;

function seen(...ids: number[]): UnseenIds {
  const made = new UnseenIds();
  for (const id of ids) made.add(id);
  return made;
}

const runsOf = (ids: UnseenIds) => ids.runs.map(({ first, last }) => [first, last]);

describe('UnseenIds', () => {
  it('contains the ids after the highest and the missing ones below it, in every order of arrival', () => {
    const ids = seen(3, 1, 6, 2, 5);
    expect(runsOf(ids)).toEqual([
      [4, 4],
      [7, end],
    ]);
    ids.add(4);
    ids.add(4);
    expect(runsOf(ids)).toEqual([[7, end]]);
  });

  it('drops settled ids', () => {
    const ids = seen(2, 5, 9);
    ids.settle(3);
    expect(runsOf(ids)).toEqual([
      [4, 4],
      [6, 8],
      [10, end],
    ]);
    ids.settle(5);
    ids.settle(2);
    expect(runsOf(ids)).toEqual([
      [6, 8],
      [10, end],
    ]);
    ids.settle(100);
    expect(runsOf(ids)).toEqual([[101, end]]);
  });

  it('contains exactly the ids that were neither seen nor settled', () => {
    const ids = fc.array(fc.integer({ min: 1, max: 40 }));
    const settled = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(ids, settled, ids, (before, upTo, after) => {
        const made = seen(...before);
        made.settle(upTo);
        for (const id of after) made.add(id);
        const unseen = made.runs.flatMap(({ first, last }) =>
          Array.from({ length: Math.min(last, 45) - first + 1 }, (_, n) => first + n),
        );
        const wanted = Array.from({ length: 45 }, (_, n) => n + 1).filter(
          (id) => id > upTo && !before.includes(id) && !after.includes(id),
        );
        expect(unseen).toEqual(wanted);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CheckedAccess, type Revocation, RevocationSet, rememberedSeconds } from './index.ts';

const targets = ['a', 'b', 'c'];
const anyRevocation: fc.Arbitrary<Revocation> = fc
  .record({
    kind: fc.constantFrom('session', 'user', 'signing_key', 'family'),
    target: fc.constantFrom(...targets),
    epoch: fc.integer({ min: 1, max: 4 }),
    expiresAt: fc.integer({ min: 0, max: 1000 }).map((ms) => new Date(ms)),
  })
  .map((revocation) => ({ ...revocation, epoch: revocation.kind === 'user' ? revocation.epoch : null }));

const allAccess: CheckedAccess[] = targets.flatMap((sessionId) =>
  targets.flatMap((userId) =>
    [1, 2, 3, 4].flatMap((authEpoch) => [undefined, ...targets].map((kid) => ({ sessionId, userId, authEpoch, kid }))),
  ),
);

function setOf(revocations: readonly Revocation[]): RevocationSet {
  const set = new RevocationSet();
  for (const revocation of revocations) set.add(revocation, 0);
  return set;
}

const verdicts = (set: RevocationSet) => allAccess.map((access) => set.isRevoked(access));

describe('RevocationSet', () => {
  it('is the same for every order and repetition', () => {
    fc.assert(
      fc.property(fc.array(anyRevocation), fc.infiniteStream(fc.nat()), (revocations, order) => {
        const shuffled = revocations
          .flatMap((revocation) => [revocation, revocation])
          .map((revocation) => ({ revocation, place: order.next().value ?? 0 }))
          .sort((a, b) => a.place - b.place)
          .map(({ revocation }) => revocation);
        expect(verdicts(setOf(shuffled))).toEqual(verdicts(setOf(revocations)));
        expect(setOf(shuffled).size).toBe(setOf(revocations).size);
      }),
    );
  });

  it('never makes anything valid again by adding a revocation', () => {
    fc.assert(
      fc.property(fc.array(anyRevocation), anyRevocation, (revocations, another) => {
        const set = setOf(revocations);
        const before = verdicts(set);
        set.add(another, 0);
        for (const [index, ended] of verdicts(set).entries()) if (before[index]) expect(ended).toBe(true);
      }),
    );
  });

  it('revokes exactly the earlier epochs of a user', () => {
    const set = setOf([{ kind: 'user', target: 'a', epoch: 3, expiresAt: new Date(0) }]);
    const ended = (userId: string, authEpoch: number) =>
      set.isRevoked({ sessionId: 's', userId, authEpoch, kid: undefined });
    expect([1, 2, 3, 4].map((epoch) => ended('a', epoch))).toEqual([true, true, false, false]);
    expect(ended('b', 1)).toBe(false);
  });

  it('revokes tokens that a key signed, and no cookie session', () => {
    const set = setOf([{ kind: 'signing_key', target: 'k', epoch: null, expiresAt: new Date(0) }]);
    const access = { sessionId: 's', userId: 'u', authEpoch: 1 };
    expect(set.isRevoked({ ...access, kid: 'k' })).toBe(true);
    expect(set.isRevoked({ ...access, kid: undefined })).toBe(false);
  });

  it('drops revocations that have expired and were added longer ago than anything is remembered', () => {
    const revocation = { kind: 'session', target: 'a', epoch: null, expiresAt: new Date(500) };
    const rememberedMs = rememberedSeconds * 1000;
    const left = (now: number, nowMs: number) => {
      const set = new RevocationSet();
      set.add(revocation, 100);
      set.sweep(new Date(now), nowMs);
      return set.size;
    };
    expect(left(501, 101 + rememberedMs)).toBe(0);
    expect(left(500, 101 + rememberedMs)).toBe(1);
    expect(left(Number.MAX_SAFE_INTEGER, 100 + rememberedMs)).toBe(1);
  });
});

/** Two spellings identify the same user exactly when their canonical forms are equal, tested in the database. */
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { parseEmailAddress } from '#protocol/email-address/index.ts';
import { addressPair, mailboxOf } from '#test/support/addresses.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { type DomainFixture, insertTestUser, openDomainFixture, testUserValues } from '#test/support/domain-fixture.ts';
import { findHolderOfEmail } from './index.ts';

const pairs = 2_000;
const batch = 50;

describeOnBothDatabases('the user of an address', (database) => {
  let fixture: DomainFixture;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  /** Registers with a spelling and returns the user who has the address afterwards. */
  async function claim(typed: string): Promise<string | undefined> {
    const canonical = canonicalOf(typed);
    const claimed = await database().row(insertTestUser, testUserValues(fixture, typed, canonical));
    const holder = await findHolderOfEmail(database(), canonical);
    if (claimed !== undefined) expect(holder?.userId).toBe(claimed.userId);
    return holder?.userId;
  }

  it('is the same for two spellings exactly when they are the same mailbox', { timeout: 60_000 }, async () => {
    const generated = fc.sample(addressPair, pairs * 2).filter((pair) => pair.every((typed) => isAccepted(typed)));
    const tested = generated.slice(0, pairs);
    expect(tested).toHaveLength(pairs);
    const userOf = new Map<string, string>();
    const seen = { same: 0, other: 0 };
    for (let start = 0; start < pairs; start += batch) {
      const chunk = tested.slice(start, start + batch);
      const holders = await Promise.all(chunk.map((pair) => Promise.all(pair.map(claim))));
      for (const [index, pair] of chunk.entries()) {
        const [one = '', other = ''] = holders[index] ?? [];
        const isOne = mailboxOf(pair[0]) === mailboxOf(pair[1]);
        seen[isOne ? 'same' : 'other'] += 1;
        expect([one === other, pair]).toEqual([isOne, pair]);
        for (const [place, typed] of pair.entries()) {
          const known = userOf.get(mailboxOf(typed)) ?? holders[index]?.[place];
          expect(holders[index]?.[place]).toBe(known);
          userOf.set(mailboxOf(typed), known ?? '');
        }
      }
    }
    expect(new Set(userOf.values()).size).toBe(userOf.size);
    expect(Math.min(seen.same, seen.other)).toBeGreaterThan(pairs / 10);
  });
});

function isAccepted(typed: string): boolean {
  return parseEmailAddress(typed).kind === 'ok';
}

function canonicalOf(typed: string): string {
  const parsed = parseEmailAddress(typed);
  if (parsed.kind !== 'ok') throw new Error(`${typed} is ${parsed.reason}`);
  return parsed.address.canonical;
}

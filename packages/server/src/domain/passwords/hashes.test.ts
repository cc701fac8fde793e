import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { parsePhc } from '#protocol/password-hash/index.ts';
import { allOldHashVectors, oldHashVectors } from '#test/support/old-hash-vectors.ts';
import { acceptedPassword } from '#test/support/password-rules.ts';
import { HashQueue, PasswordHashes } from './index.ts';

const smallest = { memoryKib: 8, iterations: 1, parallelism: 1 };
const password = 'correct horse battery';

/** Counts hashes, whose time an observer can measure. */
class CountingQueue extends HashQueue {
  computed = 0;

  override run<T>(task: () => Promise<T>): Promise<T> {
    this.computed += 1;
    return super.run(task);
  }
}

describe('PasswordHashes', () => {
  let queue: CountingQueue;
  let hashes: PasswordHashes;

  beforeAll(async () => {
    queue = new CountingQueue({ concurrency: 2, queueLength: 10 });
    hashes = await PasswordHashes.create(queue, smallest);
  });

  it('computes Argon2id with the configured parameters and a new salt each time', async () => {
    const [first, second] = [
      await hashes.compute(acceptedPassword(password)),
      await hashes.compute(acceptedPassword(password)),
    ];
    expect(parsePhc(first)).toMatchObject({ kind: 'argon2id', ...smallest });
    expect(first).not.toBe(second);
  });

  it('matches the password in NFC and NFD, and no other', async () => {
    const phc = await hashes.compute(acceptedPassword('café au lait'.normalize('NFC')));
    expect(await hashes.matches('café au lait'.normalize('NFD'), phc)).toBe(true);
    expect(await hashes.matches('cafe au lait', phc)).toBe(false);
    expect(await hashes.matches('', phc)).toBe(false);
  });

  it('computes one hash and returns false when there is no stored hash', async () => {
    const phc = await hashes.compute(acceptedPassword(password));
    const before = queue.computed;
    expect(await hashes.matches(password, undefined)).toBe(false);
    const withoutHash = queue.computed - before;
    await hashes.matches('wrong', phc);
    expect(queue.computed - before - withoutHash).toBe(withoutHash);
    expect(withoutHash).toBe(1);
  });

  it('recomputes an outdated hash from the password in NFC or NFD, and rejects a current hash', async () => {
    const phc = await hashes.compute(acceptedPassword('café au lait'.normalize('NFC')));
    const stronger = await PasswordHashes.create(queue, { ...smallest, memoryKib: 16 });
    const again = await stronger.recompute('café au lait'.normalize('NFD'), phc);
    expect(parsePhc(again)).toMatchObject({ memoryKib: 16 });
    expect(await stronger.matches('café au lait', again)).toBe(true);
    await expect(hashes.recompute('café au lait', phc)).rejects.toThrow('only an outdated hash');
  });

  it('treats a hash with any other parameter as outdated', async () => {
    const phc = await hashes.compute(acceptedPassword(password));
    expect(hashes.isOutdated(phc)).toBe(false);
    for (const other of [{ memoryKib: 16 }, { iterations: 2 }, { memoryKib: 16, parallelism: 2 }]) {
      const changed = await PasswordHashes.create(queue, { ...smallest, ...other });
      expect(changed.isOutdated(phc)).toBe(true);
    }
    expect(hashes.isOutdated(`$2b$10$${'a'.repeat(53)}`)).toBe(true);
  });

  it('matches old hashes in one slot of the queue, and treats all of them as outdated', async () => {
    const before = queue.computed;
    for (const [scheme, right, text] of allOldHashVectors) {
      expect([scheme, await hashes.matches(right, text)]).toEqual([scheme, true]);
      expect([scheme, await hashes.matches(`x${right.slice(1)}`, text)]).toEqual([scheme, false]);
      expect(hashes.isOutdated(text)).toBe(true);
    }
    expect(queue.computed - before).toBe(2 * allOldHashVectors.length);
  });

  it('recomputes an old hash of the typed password', async () => {
    const [right, text] = oldHashVectors['LDAP, salted SHA-2'].vectors[1];
    const again = await hashes.recompute(right.normalize('NFD'), text);
    expect(parsePhc(again)).toMatchObject({ kind: 'argon2id', ...smallest });
    expect(await hashes.matches(right, again)).toBe(true);
  });

  it.each([
    ['a wrong password for a cheap old hash', oldHashVectors['LDAP, salted SHA and MD5'].vectors[0][1]],
    ['an old hash that is too expensive', oldHashVectors['bcrypt $2a$'].vectors[0][1].replace('$05$', '$31$')],
    ['a text of an unknown form', '{CRYPT}x'],
    ['no hash', undefined],
  ])('takes the work of a current hash for %s', async (_, text) => {
    const costly = await PasswordHashes.create(queue, { memoryKib: 32_768, iterations: 2, parallelism: 1 });
    const current = await costly.compute(acceptedPassword(password));
    const measure = async (compared: string | undefined) => {
      const start = systemClock.monotonicMs();
      expect(await costly.matches('not the right password', compared)).toBe(false);
      return systemClock.monotonicMs() - start;
    };
    const times: [compared: number, current: number][] = [];
    for (let count = 0; count < 5; count += 1) times.push([await measure(text), await measure(current)]);
    const [ofText, ofCurrent] = [0, 1].map((column) => Math.min(...times.map((pair) => pair[column] ?? 0)));
    // Without the decoy the ratio is below 0.02. A busy machine makes equal work differ by a factor of 6.
    expect(ofText).toBeGreaterThan(0.08 * (ofCurrent ?? 0));
  });
});

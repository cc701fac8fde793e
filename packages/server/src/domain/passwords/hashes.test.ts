import { beforeAll, describe, expect, it } from 'vitest';
import { parsePhc } from '#protocol/password-hash/index.ts';
import { acceptedPassword } from '#test/support/password-rules.ts';
import { HashQueue, PasswordHashes } from './index.ts';

const smallest = { memoryKib: 8, iterations: 1, parallelism: 1 };
const password = 'correct horse battery';

/** Counts what is computed, which is what an observer can time. */
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

  it('computes Argon2id with the configured parameters and a salt of its own each time', async () => {
    const [first, second] = [
      await hashes.compute(acceptedPassword(password)),
      await hashes.compute(acceptedPassword(password)),
    ];
    expect(parsePhc(first)).toMatchObject({ kind: 'argon2id', ...smallest });
    expect(first).not.toBe(second);
  });

  it('recognises the password, in every spelling of its characters, and no other', async () => {
    const phc = await hashes.compute(acceptedPassword('café au lait'.normalize('NFC')));
    expect(await hashes.matches('café au lait'.normalize('NFD'), phc)).toBe(true);
    expect(await hashes.matches('cafe au lait', phc)).toBe(false);
    expect(await hashes.matches('', phc)).toBe(false);
  });

  it('computes one hash also when there is nobody to compare with, and says no', async () => {
    const phc = await hashes.compute(acceptedPassword(password));
    const before = queue.computed;
    expect(await hashes.matches(password, undefined)).toBe(false);
    const withNobody = queue.computed - before;
    await hashes.matches('wrong', phc);
    expect(queue.computed - before - withNobody).toBe(withNobody);
    expect(withNobody).toBe(1);
  });

  it('computes an outdated hash again for the password that matched it, however it was typed; and no other hash', async () => {
    const phc = await hashes.compute(acceptedPassword('café au lait'.normalize('NFC')));
    const stronger = await PasswordHashes.create(queue, { ...smallest, memoryKib: 16 });
    const again = await stronger.recompute('café au lait'.normalize('NFD'), phc);
    expect(parsePhc(again)).toMatchObject({ memoryKib: 16 });
    expect(await stronger.matches('café au lait', again)).toBe(true);
    await expect(hashes.recompute('café au lait', phc)).rejects.toThrow('only an outdated hash');
  });

  it('calls a hash of other parameters outdated, whichever way they differ', async () => {
    const phc = await hashes.compute(acceptedPassword(password));
    expect(hashes.isOutdated(phc)).toBe(false);
    for (const other of [{ memoryKib: 16 }, { iterations: 2 }, { memoryKib: 16, parallelism: 2 }]) {
      const changed = await PasswordHashes.create(queue, { ...smallest, ...other });
      expect(changed.isOutdated(phc)).toBe(true);
    }
    expect(hashes.isOutdated(`$2b$10$${'a'.repeat(53)}`)).toBe(true);
  });
});

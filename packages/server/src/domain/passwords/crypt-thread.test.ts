import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type IteratedDigestHash, parsePasswordHash } from '#protocol/password-hash/index.ts';
import { oldHashVectors } from '#test/support/old-hash-vectors.ts';
import { eventually } from '#test/support/wait.ts';
import { CryptThread } from './crypt-thread.ts';

function iterated(text: string): IteratedDigestHash {
  const hash = parsePasswordHash(text);
  if (hash?.kind !== 'sha-crypt' && hash?.kind !== 'phpass') throw new Error(`${text} is of another scheme`);
  return hash;
}

const [phpassPassword, phpassText] = oldHashVectors.phpass.vectors[0];
const [cryptPassword, cryptText] = oldHashVectors['SHA-256-crypt'].vectors[0];
const phpass = iterated(phpassText);
const shaCrypt = iterated(cryptText);

describe('CryptThread', () => {
  it('returns each result to its own comparison', async () => {
    const thread = new CryptThread();
    const right = [thread.matches(phpass, phpassPassword), thread.matches(shaCrypt, cryptPassword)];
    const wrong = [thread.matches(phpass, cryptPassword), thread.matches(shaCrypt, phpassPassword)];
    expect(await Promise.all([...right, ...wrong])).toEqual([true, true, false, false]);
  });

  it('lowers its own priority and not that of the event loop', async () => {
    // By id: a thread of an earlier test may end meanwhile.
    const low = Math.min(19, getPriority(process.pid) + 10);
    const lowered = () => readdirSync('/proc/self/task').filter((id) => getPriority(Number(id)) === low);
    const [main, before] = [getPriority(), lowered()];
    const thread = new CryptThread();
    await thread.matches(phpass, phpassPassword);
    expect(getPriority(process.pid)).toBe(main);
    expect(lowered().filter((id) => !before.includes(id))).toHaveLength(1);
  });

  it('starts on demand, ends when idle, and starts again', async () => {
    const thread = new CryptThread({ idleMs: 20 });
    expect(thread.isRunning).toBe(false);
    expect(await thread.matches(phpass, phpassPassword)).toBe(true);
    await eventually(() => !thread.isRunning, { what: 'the thread ends' });
    expect(await thread.matches(shaCrypt, cryptPassword)).toBe(true);
  });

  it('rejects the comparisons of a thread that fails, and starts another one', async () => {
    const thread = new CryptThread();
    const broken = { ...phpass, salt: undefined } as unknown as IteratedDigestHash;
    const outcomes = await Promise.allSettled([thread.matches(broken, 'a'), thread.matches(phpass, phpassPassword)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await thread.matches(phpass, phpassPassword)).toBe(true);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FifoLock } from './fifo-lock.ts';

/** A connection as the lock uses it: records the order of sending, and responds when the test lets it. */
function recorder(lock: FifoLock) {
  const sent: string[] = [];
  const finish: (() => void)[] = [];
  const send = (name: string) => {
    sent.push(name);
    return new Promise<void>((resolve) => finish.push(resolve));
  };
  return {
    sent,
    finish,
    together: (name: string) => lock.together(() => send(name)),
    alone: (name: string) => lock.alone(() => send(name)),
  };
}

describe('FifoLock', () => {
  it('sends single statements at once, without waiting for responses', () => {
    const { sent, together } = recorder(new FifoLock());
    void together('a');
    void together('b');
    expect(sent).toEqual(['a', 'b']);
  });

  it('starts a transaction behind unanswered statements, and delays later ones', async () => {
    const { sent, finish, together, alone } = recorder(new FifoLock());
    void together('a');
    const transaction = alone('begin');
    const later = together('b');
    expect(sent).toEqual(['a', 'begin']);
    finish[1]?.();
    await transaction;
    expect(sent).toEqual(['a', 'begin', 'b']);
    finish[2]?.();
    await later;
  });

  it('continues after a transaction that throws', async () => {
    const lock = new FifoLock();
    const failing = lock.alone(() => Promise.reject(new Error('no')));
    const next = lock.together(() => Promise.resolve('answered'));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('answered');
  });

  it('rejects with the error of a statement that had to wait', async () => {
    const lock = new FifoLock();
    const first = lock.alone(() => Promise.resolve());
    await expect(lock.together(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await first;
  });

  it('keeps the order of calls, and runs nothing beside a transaction, for all sequences', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 30 }), async (kinds) => {
        const lock = new FifoLock();
        const sent: number[] = [];
        let alone = 0;
        const all = kinds.map((isAlone, index) => {
          const work = async () => {
            sent.push(index);
            expect(alone).toBe(0);
            if (isAlone) alone += 1;
            await Promise.resolve();
            if (isAlone) alone -= 1;
          };
          return isAlone ? lock.alone(work) : lock.together(work);
        });
        await Promise.all(all);
        expect(sent).toEqual(kinds.map((_, index) => index));
      }),
    );
  });
});

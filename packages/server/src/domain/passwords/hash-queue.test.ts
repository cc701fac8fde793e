import { describe, expect, it } from 'vitest';
import { HashQueue } from './index.ts';

function deferred() {
  return Promise.withResolvers<void>();
}

describe('HashQueue', () => {
  it('runs at most `concurrency` tasks at a time, in the order of arrival', async () => {
    const queue = new HashQueue({ concurrency: 2, queueLength: 10 });
    const gates = Array.from({ length: 5 }, deferred);
    const started: number[] = [];
    const runs = gates.map((gate, index) =>
      queue.run(async () => {
        started.push(index);
        await gate.promise;
        return index;
      }),
    );
    expect(started).toEqual([0, 1]);
    expect(queue.depth).toBe(3);
    gates[1]?.resolve();
    await runs[1];
    expect(started).toEqual([0, 1, 2]);
    for (const gate of gates) gate.resolve();
    expect(await Promise.all(runs)).toEqual([0, 1, 2, 3, 4]);
    expect(queue.depth).toBe(0);
  });

  it('rejects when it is full, and accepts again when a slot is free', async () => {
    const queue = new HashQueue({ concurrency: 1, queueLength: 1 });
    const gate = deferred();
    const first = queue.run(() => gate.promise);
    const second = queue.run(async () => 'second');
    await expect(queue.run(async () => 'third')).rejects.toMatchObject({ code: 'busy', retryAfterSeconds: 1 });
    gate.resolve();
    await first;
    expect(await second).toBe('second');
    expect(await queue.run(async () => 'fourth')).toBe('fourth');
  });

  it('hands the slot of a failed task to the next one', async () => {
    const queue = new HashQueue({ concurrency: 1, queueLength: 1 });
    const failed = queue.run(async () => {
      throw new Error('no memory');
    });
    const next = queue.run(async () => 'next');
    await expect(failed).rejects.toThrow('no memory');
    expect(await next).toBe('next');
  });

  it('keeps a held slot for the task that runs right after its release', async () => {
    const queue = new HashQueue({ concurrency: 1, queueLength: 1 });
    const gate = deferred();
    const first = queue.run(() => gate.promise);
    const slot = queue.hold();
    expect(() => queue.hold()).toThrow('busy');
    await expect(queue.run(async () => 'not admitted')).rejects.toMatchObject({ code: 'busy' });
    slot.release();
    const admitted = queue.run(async () => 'admitted');
    slot.release();
    expect(() => queue.hold()).toThrow('busy');
    gate.resolve();
    await first;
    expect(await admitted).toBe('admitted');
    queue.hold();
    queue.hold();
    expect(() => queue.hold()).toThrow('busy');
  });

  it('settles and counts every task of a flood, and leaves no slot held', async () => {
    const queue = new HashQueue({ concurrency: 2, queueLength: 10 });
    const flood = Array.from({ length: 200 }, async (_, index) => {
      const slot = index % 2 === 0 ? queue.hold() : undefined;
      await Promise.resolve();
      slot?.release();
      return queue.run(async () => index);
    });
    const outcomes = await Promise.allSettled(flood);
    const done = outcomes.filter(({ status }) => status === 'fulfilled').length;
    expect(done).toBeGreaterThanOrEqual(12);
    expect(queue.counts).toEqual({ computed: done, refused: 200 - done });
    expect(queue.depth).toBe(0);
    const slots = Array.from({ length: 12 }, () => queue.hold());
    for (const slot of slots) slot.release();
    expect(await queue.run(async () => 'after the flood')).toBe('after the flood');
  });
});

import { describe, expect, it } from 'vitest';
import { readiness } from './readiness.ts';

describe('readiness', () => {
  it('is ready when every check passes', async () => {
    const result = await readiness([
      { name: 'database', run: async () => undefined },
      { name: 'feed', run: () => undefined },
    ]);
    expect(result).toEqual({ status: 'ready', checks: { database: 'ok', feed: 'ok' } });
  });

  it('is not ready when a check fails, and names it', async () => {
    const result = await readiness([
      { name: 'database', run: async () => undefined },
      { name: 'feed', run: () => 'the last read is 3 s old' },
    ]);
    expect(result).toEqual({ status: 'not_ready', checks: { database: 'ok', feed: 'the last read is 3 s old' } });
  });

  it('treats a check that throws as failed', async () => {
    const failing = async () => Promise.reject(new Error('connection refused'));
    const result = await readiness([{ name: 'database', run: failing }]);
    expect(result).toEqual({ status: 'not_ready', checks: { database: 'connection refused' } });
  });

  it('treats a check that does not return within a second as failed', async () => {
    const result = await readiness([{ name: 'database', run: () => new Promise(() => undefined) }]);
    expect(result.checks).toEqual({ database: 'no response within 1000 ms' });
  });
});

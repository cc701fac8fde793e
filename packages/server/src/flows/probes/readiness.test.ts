import { describe, expect, it } from 'vitest';
import { readiness } from './readiness.ts';

describe('readiness', () => {
  it('is ready when every check is silent', async () => {
    const result = await readiness([
      { name: 'database', ask: async () => undefined },
      { name: 'feed', ask: () => undefined },
    ]);
    expect(result).toEqual({ status: 'ready', checks: { database: 'ok', feed: 'ok' } });
  });

  it('is not ready when one says what is missing, and names it', async () => {
    const result = await readiness([
      { name: 'database', ask: async () => undefined },
      { name: 'feed', ask: () => 'the last read is 3 s old' },
    ]);
    expect(result).toEqual({ status: 'not_ready', checks: { database: 'ok', feed: 'the last read is 3 s old' } });
  });

  it('takes a check that throws for a missing thing', async () => {
    const failing = async () => Promise.reject(new Error('connection refused'));
    const result = await readiness([{ name: 'database', ask: failing }]);
    expect(result).toEqual({ status: 'not_ready', checks: { database: 'connection refused' } });
  });

  it('does not wait for a check that never answers', async () => {
    const result = await readiness([{ name: 'database', ask: () => new Promise(() => undefined) }]);
    expect(result.checks).toEqual({ database: 'no answer within 1000 ms' });
  });
});

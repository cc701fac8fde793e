import { describe, expect, it } from 'vitest';
import { examineClock } from './database.ts';

describe('examineClock', () => {
  const at = new Date('2026-03-01T12:00:00.000Z');
  const ms = at.getTime();

  it.each([
    ['within the round trip', ms - 30_000, ms + 30_000, 'ok'],
    ['a second behind ours', ms + 1000, ms + 1010, 'ok'],
    ['two seconds behind ours', ms + 2000, ms + 2010, 'warn'],
    ['two seconds ahead of ours', ms - 2010, ms - 2000, 'warn'],
    ['a minute behind ours', ms + 60_000, ms + 60_010, 'fail'],
    ['a minute ahead of ours', ms - 60_010, ms - 60_000, 'fail'],
  ] as const)('rates a database clock %s', (_, sentAt, receivedAt, status) => {
    expect(examineClock({ version: '15.8', at }, sentAt, receivedAt).status).toBe(status);
  });
});

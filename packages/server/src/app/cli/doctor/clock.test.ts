import { describe, expect, it } from 'vitest';
import { examineClock } from './database.ts';

describe('examineClock', () => {
  const at = new Date('2026-03-01T12:00:00.000Z');
  const ms = at.getTime();

  it.each([
    ['within the round trip', ms - 30_000, ms + 30_000, 'ok'],
    ['a second behind ours', ms + 1000, ms + 1010, 'ok'],
    ['two seconds behind ours', ms + 2000, ms + 2010, 'ok'],
    ['two seconds ahead of ours', ms - 2010, ms - 2000, 'ok'],
    ['three seconds behind ours', ms + 3000, ms + 3010, 'warn'],
    ['three seconds ahead of ours', ms - 3010, ms - 3000, 'warn'],
  ] as const)('rates a database clock %s', (_, sentAt, receivedAt, status) => {
    expect(examineClock({ version: '15.8', at }, sentAt, receivedAt).status).toBe(status);
  });

  it('names the direction and the size of the difference', () => {
    const { finding } = examineClock({ version: '15.8', at }, ms + 3_600_000, ms + 3_600_010);
    expect(finding).toContain('is 3,600.0 s ahead of that of the database');
  });
});

import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';

function capture() {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return {
    lines,
    logger: createLogger({ level: 'info', format: 'text', service: 'latchkey', version: '1', destination }),
  };
}

describe('log lines as text', () => {
  it('have the time, the level, the message and the fields', () => {
    const { lines, logger } = capture();
    logger.warn('request', { route: '/users/{id}', status: 503, detail: 'the queue is full' });
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}request {2}route=\/users\/\{id\} {2}status=503 {2}detail="the queue is full"\n$/,
    );
  });

  it('have the frames and causes of an error, masked as in JSON and without control characters', () => {
    const { lines, logger } = capture();
    const cause = new Error('550 <ada@example.com>\u001b[2J\nFORGED INFO');
    logger.error('failed', { error: new Error('token lk_rt_abcDEF123', { cause }) });
    const [first, ...rest] = (lines[0] ?? '').trimEnd().split('\n');
    expect(first).toMatch(/ERROR failed$/);
    expect(rest[0]).toBe('  Error: token [secret]');
    expect(rest[1]).toMatch(/^ {2}at /);
    expect(rest).toContain('    Error: 550 <[address]>\\u{1b}[2J\\u{a}FORGED INFO');
    expect(rest.every((line) => /^ +(at |Error)/.test(line))).toBe(true);
  });
});

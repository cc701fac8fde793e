import { describe, expect, it } from 'vitest';
import { createLogger, type LogLevel } from './logger.ts';
import { runInSpan, type Span } from './spans.ts';

function capture(level: LogLevel = 'info') {
  const lines: string[] = [];
  const logger = createLogger({
    level,
    service: 'latchkey',
    version: '1.2.3',
    destination: { write: (line) => void lines.push(line) },
  });
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> };
}

describe('createLogger', () => {
  it('writes one JSON line with level, service, version and the fields', () => {
    const { logger, lines, last } = capture();
    logger.info('request', { route: '/livez', status: 200 });
    expect(lines).toHaveLength(1);
    expect(last()).toMatchObject({
      level: 'info',
      service: 'latchkey',
      version: '1.2.3',
      msg: 'request',
      route: '/livez',
      status: 200,
    });
  });

  it('adds the fields of a child to each of its lines', () => {
    const { logger, last } = capture();
    logger.child({ route: '/livez' }).warn('slow', { milliseconds: 7 });
    expect(last()).toMatchObject({ level: 'warn', route: '/livez', milliseconds: 7 });
  });

  it('adds the trace of the current span to each line', () => {
    const { logger, lines, last } = capture();
    const traceId = 'a'.repeat(32);
    runInSpan({ traceId } as Span, () => logger.child({ job: 'mail.send' }).warn('a job failed', { attempt: 2 }));
    expect(last()).toMatchObject({ traceId, job: 'mail.send', attempt: 2 });
    logger.info('request', { status: 200 });
    expect(lines.at(-1)).not.toContain('traceId');
  });

  it('writes nothing below its level, and `writes` returns that', () => {
    const { logger, lines } = capture('warn');
    logger.info('unseen');
    expect(lines).toEqual([]);
    expect([logger.writes('info'), logger.writes('error')]).toEqual([false, true]);
  });

  it.each([
    ['a secret of ours', 'no row for lk_rt_abcDEF123_-x', 'lk_rt'],
    ['a JWT', 'bad token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', 'eyJ'],
    ['an e-mail address', '550 <someone@example.com> unknown', 'someone'],
    ['a query', 'cannot GET /verify-email?token=abcdef', 'abcdef'],
    ['credentials in a URL', 'connect postgres://user:hunter2@db/x', 'hunter2'],
    ['a password hash', 'verify $argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA failed', 'aGFzaA'],
  ])('masks %s in an error’s message, cause and stack', (_, message, secret) => {
    const { logger, lines, last } = capture();
    logger.error('failed', { error: new Error(message, { cause: new Error(message) }) });
    expect(lines.join('')).not.toContain(secret);
    expect(last()).toHaveProperty('error.name', 'Error');
    expect(last()).toHaveProperty('error.stack', expect.stringMatching(/^at /));
  });

  it('does not compile with an interpolated message or an unknown field', () => {
    const { logger } = capture();
    const value: string = 'x';
    // @ts-expect-error a computed message is no literal
    logger.info(`request ${value}`);
    // @ts-expect-error there is no such field
    logger.info('request', { headers: {} });
  });
});

import { describe, expect, it } from 'vitest';
import { parseSentryDsn } from './index.ts';

describe('parseSentryDsn', () => {
  it.each([
    [
      'https://abc123@o1.ingest.sentry.example/42',
      'https://o1.ingest.sentry.example/api/42/envelope/?sentry_version=7&sentry_key=abc123',
      'https://abc123@o1.ingest.sentry.example/42',
    ],
    [
      'http://abc123:secret@127.0.0.1:9000/glitchtip/7/',
      'http://127.0.0.1:9000/glitchtip/api/7/envelope/?sentry_version=7&sentry_key=abc123',
      'http://abc123@127.0.0.1:9000/glitchtip/7',
    ],
  ])('reads %s', (text, envelopeUrl, dsn) => {
    expect(parseSentryDsn(text)).toEqual({ kind: 'ok', value: { envelopeUrl, dsn } });
  });

  it.each([
    '',
    'abc@host/1',
    'ftp://abc@host/1',
    'https://host/1',
    'https://abc@host/',
    'https://abc@host/project',
    'https://abc@host/1?x=1',
    'https://a-b@host/1',
  ])('rejects %j', (text) => {
    expect(parseSentryDsn(text)).toMatchObject({ kind: 'invalid' });
  });
});

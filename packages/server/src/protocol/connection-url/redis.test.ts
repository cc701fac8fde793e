import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from './index.ts';

describe('parseRedisUrl', () => {
  it.each([
    ['redis://cache', { host: 'cache', port: 6379, tls: false, username: undefined, password: undefined, db: 0 }],
    ['redis://:p%40ss@cache:6380/3', { port: 6380, password: 'p@ss', username: undefined, db: 3 }],
    ['rediss://ada:secret@cache.example.com/', { tls: true, username: 'ada', password: 'secret', db: 0 }],
    ['redis://[::1]:6379', { host: '::1' }],
  ])('parses %s', (text, server) => {
    expect(parseRedisUrl(text)).toMatchObject({ kind: 'ok', value: server });
  });

  it.each([
    ['redis://host/mydb', 'its path must be the number of a database, such as /0'],
    ['redis://host/0/1', 'its path must be the number of a database, such as /0'],
    ['redis://host/-1', 'its path must be the number of a database, such as /0'],
    ['redis:///0', 'it has no host'],
    ['redis://ada@host', 'it has a user without a password'],
    ['redis://host?db=1', 'it must have no parameters'],
    ['redis://ada:secret%@host', 'its user or password has a malformed escape; write % as %25'],
    ['http://host', 'it must begin with redis:// or rediss://'],
    ['host:6379', 'it must begin with redis:// or rediss://'],
    ['redis://a,b', 'it must have one host, and a port from 1 to 65535 if any'],
  ])('rejects %s', (text, reason) => {
    expect(parseRedisUrl(text)).toEqual({ kind: 'invalid', reason });
  });
});

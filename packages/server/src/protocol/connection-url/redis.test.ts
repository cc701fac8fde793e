import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from './index.ts';

describe('parseRedisUrl', () => {
  it.each([
    ['redis://cache', { host: 'cache', port: 6379, tls: false, username: undefined, password: undefined, db: 0 }],
    ['redis://:p%40ss@cache:6380/3', { port: 6380, password: 'p@ss', username: undefined, db: 3 }],
    ['rediss://ada:secret@cache.example.com/', { tls: true, username: 'ada', password: 'secret', db: 0 }],
    ['redis://[::1]:6379', { host: '::1' }],
    [
      'redis+sentinel://:p%2Cw@s1,[::1]:26380,192.0.2.1:26381/mymaster/2',
      {
        kind: 'sentinel',
        sentinels: [
          { host: 's1', port: 26_379 },
          { host: '::1', port: 26_380 },
          { host: '192.0.2.1', port: 26_381 },
        ],
        name: 'mymaster',
        db: 2,
        tls: false,
        password: 'p,w',
        sentinelLogin: { username: undefined, password: undefined },
      },
    ],
    [
      'rediss+sentinel://s1/lk?sentinel_user=watch&sentinel_password=s%26x',
      { tls: true, db: 0, password: undefined, sentinelLogin: { username: 'watch', password: 's&x' } },
    ],
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
    ['http://host', 'it must begin with redis:// or rediss:// or redis+sentinel:// or rediss+sentinel://'],
    ['host:6379', 'it must begin with redis:// or rediss:// or redis+sentinel:// or rediss+sentinel://'],
    ['redis://a,b', 'it must have one host; several sentinels need redis+sentinel://'],
    ['redis://host:0', 'its hosts must be names or addresses, each with a port from 1 to 65535 if any'],
    ['redis+sentinel://a,,b/name', 'its hosts must be names or addresses, each with a port from 1 to 65535 if any'],
    [
      'redis+sentinel://a/0/0/0',
      'its path must be the name of the primary and the number of a database, such as /mymaster/0',
    ],
    [
      'redis+sentinel://a',
      'its path must be the name of the primary and the number of a database, such as /mymaster/0',
    ],
    ['redis+sentinel:///name', 'it has no host'],
    ['redis+sentinel://a/name?password=x', 'its only parameters can be sentinel_user and sentinel_password'],
    ['redis+sentinel://a/name?sentinel_user=x', 'it has a sentinel_user without a sentinel_password'],
  ])('rejects %s', (text, reason) => {
    expect(parseRedisUrl(text)).toEqual({ kind: 'invalid', reason });
  });
});

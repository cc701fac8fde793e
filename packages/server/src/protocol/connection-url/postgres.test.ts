import { describe, expect, it } from 'vitest';
import { parsePostgresUrl, parseReplicaUrl } from './index.ts';

describe('parsePostgresUrl', () => {
  it.each([
    ['postgres://db/latchkey', { hosts: [{ host: 'db', port: 5432 }], user: undefined, database: 'latchkey' }],
    ['postgresql://ada:p%40ss@[::1]:6432/', { hosts: [{ host: '::1', port: 6432 }], user: 'ada', password: 'p@ss' }],
    [
      'postgresql://u:p@/db?host=/cloudsql/project:region:name',
      { hosts: [{ host: '/cloudsql/project:region:name', port: 5432 }], user: 'u' },
    ],
    ['postgres://u@%2Frun%2Fpostgresql/db', { hosts: [{ host: '/run/postgresql', port: 5432 }], database: 'db' }],
    [
      'postgres:///db?host=db.example&port=6000&user=ada&dbname=other',
      { hosts: [{ host: 'db.example', port: 6000 }], user: 'ada', database: 'other' },
    ],
    ['postgres://u:a@b|{^}@db/x', { user: 'u', password: 'a@b|{^}', hosts: [{ host: 'db', port: 5432 }] }],
    ['postgres:///x', { hosts: [{ host: 'localhost', port: 5432 }] }],
    ['postgres://db/x?options=-c%20search_path%3Dauth', { options: '-c search_path=auth' }],
    ['postgres://db/x?sslmode=require&channel_binding=require', { channelBinding: true }],
    ['postgres://db/x?target_session_attrs=read-write', { hosts: [{ host: 'db', port: 5432 }] }],
    [
      'postgres://u:p%2Cw@db1:5433,[2001:db8::2],db-3:6000/x?target_session_attrs=primary',
      {
        hosts: [
          { host: 'db1', port: 5433 },
          { host: '2001:db8::2', port: 5432 },
          { host: 'db-3', port: 6000 },
        ],
        password: 'p,w',
        database: 'x',
      },
    ],
    [
      'postgres://a,b/x?port=6000',
      {
        hosts: [
          { host: 'a', port: 6000 },
          { host: 'b', port: 6000 },
        ],
      },
    ],
    [
      'postgres:///x?host=/run/a,b,::1&port=1,,3',
      {
        hosts: [
          { host: '/run/a', port: 1 },
          { host: 'b', port: 5432 },
          { host: '::1', port: 3 },
        ],
      },
    ],
  ])('parses %s', (text, server) => {
    expect(parsePostgresUrl(text)).toMatchObject({ kind: 'ok', value: server });
  });

  it.each([
    ['', 'disable', undefined],
    ['?sslmode=disable', 'disable', undefined],
    ['?sslmode=prefer', 'prefer', undefined],
    ['?sslmode=require', 'require', undefined],
    ['?ssl=true', 'require', undefined],
    ['?sslmode=require&sslrootcert=ca.crt', 'verify-ca', 'ca.crt'],
    ['?sslmode=verify-ca&sslrootcert=ca.crt', 'verify-ca', 'ca.crt'],
    ['?sslmode=verify-full', 'verify-full', undefined],
    ['?sslmode=verify-full&sslrootcert=system', 'verify-full', undefined],
    ['?sslmode=verify-full&sslrootcert=/etc/ca.crt', 'verify-full', '/etc/ca.crt'],
  ])('gives the parameters "%s" the meaning of libpq', (parameters, mode, rootCertificate) => {
    expect(parsePostgresUrl(`postgres://db/x${parameters}`)).toMatchObject({
      kind: 'ok',
      value: { tls: { mode, rootCertificate } },
    });
  });

  it.each([
    'mysql://db/x',
    'postgres://a,,b/secret',
    'postgres://a,/secret',
    'postgres://a,a:5432/secret',
    'postgres://a,b:0/secret',
    'postgres://a,b/secret?port=1,2,3',
    'postgres:///secret?host=a,b,c&port=1,2',
    `postgres://${Array.from({ length: 11 }, (_, index) => `h${index}`).join(',')}/secret`,
    'postgres://[::1,a/secret',
    'postgres://db/x?target_session_attrs=any',
    'postgres://u:sec%ret@db/x',
    'postgres://u:sec#ret@db/x',
    'postgres://u:sec?ret@db/x',
    'postgres://db:0/x',
    'postgres://db/x/secret',
    'postgres://db/x%2Fy',
    'postgres://db/x?host=a&host=b',
    'postgres://db/x?port=secret',
    'postgres://db/x?secret!=1',
    'postgres://db/x?schema=secret',
    'postgres://db/x?connect_timeout=3',
    'postgres://db/x?target_session_attrs=standby',
    'postgres://db/x?sslmode=allow',
    'postgres://db/x?sslmode=no-verify',
    'postgres://db/x?ssl=0',
    'postgres://db/x?sslmode=verify-ca',
    'postgres://db/x?sslmode=require&sslrootcert=system',
    'postgres://db/x?sslrootcert=ca.crt',
    'postgres://db/x?sslmode=require&sslcert=secret.crt',
  ])('rejects %s without quoting it', (text) => {
    const result = parsePostgresUrl(text);
    expect(result.kind).toBe('invalid');
    expect(JSON.stringify(result)).not.toMatch(/secret|sec[%#?]/);
  });
});

describe('parseReplicaUrl', () => {
  it('accepts what servers that are only read may be', () => {
    const url = 'postgres://r1,r2:6000/x?target_session_attrs=prefer-standby';
    expect(parseReplicaUrl(url)).toMatchObject({
      kind: 'ok',
      value: {
        hosts: [
          { host: 'r1', port: 5432 },
          { host: 'r2', port: 6000 },
        ],
      },
    });
  });

  it('rejects a wish for a primary', () => {
    expect(parseReplicaUrl('postgres://r1/x?target_session_attrs=primary')).toEqual({
      kind: 'invalid',
      reason:
        'its target_session_attrs must be any, read-only, standby or prefer-standby, because a replica is only read',
    });
  });
});

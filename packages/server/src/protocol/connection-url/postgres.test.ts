import { describe, expect, it } from 'vitest';
import { parsePostgresUrl } from './index.ts';

describe('parsePostgresUrl', () => {
  it.each([
    ['postgres://db/latchkey', { host: 'db', port: 5432, user: undefined, database: 'latchkey' }],
    ['postgresql://ada:p%40ss@[::1]:6432/', { host: '::1', port: 6432, user: 'ada', password: 'p@ss' }],
    ['postgresql://u:p@/db?host=/cloudsql/project:region:name', { host: '/cloudsql/project:region:name', user: 'u' }],
    ['postgres://u@%2Frun%2Fpostgresql/db', { host: '/run/postgresql', database: 'db' }],
    [
      'postgres:///db?host=db.example&port=6000&user=ada&dbname=other',
      { host: 'db.example', port: 6000, user: 'ada', database: 'other' },
    ],
    ['postgres://u:a@b|{^}@db/x', { user: 'u', password: 'a@b|{^}', host: 'db' }],
    ['postgres://db/x?options=-c%20search_path%3Dauth', { options: '-c search_path=auth' }],
    ['postgres://db/x?sslmode=require&channel_binding=require', { channelBinding: true }],
    ['postgres://db/x?target_session_attrs=read-write', { host: 'db' }],
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
    'postgres://a,b/secret',
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

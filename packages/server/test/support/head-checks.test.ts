import { describe, expect, it } from 'vitest';
import { headFaults } from './head-checks.ts';

const check = (status: number, headers: readonly (readonly [string, string])[], path = '/api/v1/auth/session') =>
  headFaults(path, { status, headers: new Headers(headers.map(([name, value]) => [name, value])), text: '' });

const policy = ['ratelimit-policy', '"public";q=100;w=900'] as const;
const expires = 'Expires=Sat, 21 Nov 2026 05:00:00 GMT';

describe('the head of an answer', () => {
  it.each([
    ['nothing special', 200, []],
    ['limits', 200, [policy, ['ratelimit', '"public";r=99;t=900']]],
    ['a refusal', 429, [policy, ['ratelimit', '"public";r=0;t=30'], ['retry-after', '30']]],
    ['a session', 200, [['set-cookie', `latchkey_session=lk_st_x; Path=/; HttpOnly; SameSite=Lax; ${expires}`]]],
    [
      'a session by TLS',
      200,
      [['set-cookie', `__Host-latchkey=x; Path=/; HttpOnly; SameSite=Lax; Secure; ${expires}`]],
    ],
    ['the end of one', 200, [['set-cookie', 'latchkey_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0']]],
    [
      'a browser that asked to log in by mail',
      202,
      [['set-cookie', `__Host-latchkey-login=x; Path=/; HttpOnly; SameSite=Lax; Secure; ${expires}`]],
    ],
    ['a redirect', 303, [['location', '/verify-email']]],
  ] as const)('may have %s', (_, status, headers) => {
    expect(check(status, headers)).toEqual([]);
  });

  it.each([
    ['a header that says what runs here', 200, [['x-powered-by', 'x']]],
    ['a header that nobody has looked at', 200, [['x-new', 'x']]],
    ['half of the limits', 200, [policy]],
    ['the limits of two policies', 200, [policy, ['ratelimit', '"mail";r=1;t=900']]],
    ['a refusal that does not say until when', 429, [policy, ['ratelimit', '"public";r=0;t=30']]],
    ['a wait that is no number', 503, [['retry-after', 'soon']]],
    ['a cookie of somebody else', 200, [['set-cookie', 'sid=x; Path=/; HttpOnly; SameSite=Lax']]],
    [
      'a cookie of a domain',
      200,
      [['set-cookie', 'latchkey_session=x; Path=/; HttpOnly; SameSite=Lax; Domain=a.example']],
    ],
    ['a cookie for scripts', 200, [['set-cookie', 'latchkey_session=x; Path=/; SameSite=Lax']]],
    ['a prefix without TLS', 200, [['set-cookie', '__Host-latchkey=x; Path=/; HttpOnly; SameSite=Lax']]],
    ['TLS without the prefix', 200, [['set-cookie', 'latchkey_session=x; Path=/; HttpOnly; SameSite=Lax; Secure']]],
    ['a way to nowhere', 200, [['location', '/']]],
    ['a redirect without a way', 303, []],
    ['a challenge without refusal', 200, [['www-authenticate', 'Bearer']]],
    ['an order to forget', 200, [['clear-site-data', '"storage"']]],
    [
      'credentials for every origin',
      200,
      [
        ['access-control-allow-origin', '*'],
        ['access-control-allow-credentials', 'true'],
      ],
    ],
  ] as const)('may not have %s', (_, status, headers) => {
    expect(check(status, headers)).toHaveLength(1);
  });
});

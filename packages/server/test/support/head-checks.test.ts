import { describe, expect, it } from 'vitest';
import { headFaults } from './head-checks.ts';

const check = (status: number, headers: readonly (readonly [string, string])[]) =>
  headFaults({ status, headers: new Headers(headers.map(([name, value]) => [name, value])), text: '' });

const policy = ['ratelimit-policy', '"public";q=100;w=900'] as const;
const expires = 'Expires=Sat, 21 Nov 2026 05:00:00 GMT';

describe('headFaults', () => {
  it.each([
    ['a plain response', 200, []],
    ['rate-limit headers', 200, [policy, ['ratelimit', '"public";r=99;t=900']]],
    ['a 429 with Retry-After', 429, [policy, ['ratelimit', '"public";r=0;t=30'], ['retry-after', '30']]],
    ['a session cookie', 200, [['set-cookie', `latchkey_session=lk_st_x; Path=/; HttpOnly; SameSite=Lax; ${expires}`]]],
    [
      'a session cookie over TLS',
      200,
      [['set-cookie', `__Host-latchkey=x; Path=/; HttpOnly; SameSite=Lax; Secure; ${expires}`]],
    ],
    [
      'an expired session cookie',
      200,
      [['set-cookie', 'latchkey_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0']],
    ],
    [
      'the cookie that binds a login by mail to a browser',
      202,
      [['set-cookie', `__Host-latchkey-login=x; Path=/; HttpOnly; SameSite=Lax; Secure; ${expires}`]],
    ],
    ['a redirect', 303, [['location', '/verify-email']]],
  ] as const)('accepts %s', (_, status, headers) => {
    expect(check(status, headers)).toEqual([]);
  });

  it.each([
    ['a header that names the software', 200, [['x-powered-by', 'x']]],
    ['an unreviewed header', 200, [['x-new', 'x']]],
    ['a policy without its rate limit', 200, [policy]],
    ['rate-limit headers of two policies', 200, [policy, ['ratelimit', '"mail";r=1;t=900']]],
    ['a 429 without Retry-After', 429, [policy, ['ratelimit', '"public";r=0;t=30']]],
    ['a Retry-After that is not a number', 503, [['retry-after', 'soon']]],
    ['an unknown cookie', 200, [['set-cookie', 'sid=x; Path=/; HttpOnly; SameSite=Lax']]],
    [
      'a cookie with a Domain',
      200,
      [['set-cookie', 'latchkey_session=x; Path=/; HttpOnly; SameSite=Lax; Domain=a.example']],
    ],
    ['a cookie that scripts can read', 200, [['set-cookie', 'latchkey_session=x; Path=/; SameSite=Lax']]],
    ['a __Host- cookie without Secure', 200, [['set-cookie', '__Host-latchkey=x; Path=/; HttpOnly; SameSite=Lax']]],
    [
      'a Secure cookie without the __Host- prefix',
      200,
      [['set-cookie', 'latchkey_session=x; Path=/; HttpOnly; SameSite=Lax; Secure']],
    ],
    ['a Location on a 200', 200, [['location', '/']]],
    ['a redirect without Location', 303, []],
    ['a WWW-Authenticate on a 200', 200, [['www-authenticate', 'Bearer']]],
    ['a Clear-Site-Data', 200, [['clear-site-data', '"storage"']]],
    [
      'credentials for every origin',
      200,
      [
        ['access-control-allow-origin', '*'],
        ['access-control-allow-credentials', 'true'],
      ],
    ],
  ] as const)('rejects %s', (_, status, headers) => {
    expect(check(status, headers)).toHaveLength(1);
  });
});

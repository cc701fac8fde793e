import { describe, expect, it } from 'vitest';
import { cookiesFor } from './cookies.ts';

describe('cookiesFor', () => {
  it('reads its own names by the scheme and ignores all others', () => {
    const cookies = cookiesFor(new URL('https://id.example.com'));
    const header =
      'a=1; __Host-latchkey=s ;latchkey_session=x; b; __Host-latchkey-device=d=e; __Host-latchkey-ticket=t';
    expect(cookies.read(header)).toEqual({ session: 's', device: 'd=e', ticket: 't' });
    expect(cookies.read(undefined)).toEqual({});
  });

  describe('with a domain', () => {
    const cookies = cookiesFor(new URL('https://auth.example.com'), 'example.com');
    const old = '__Host-latchkey=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0';
    const flags = 'Domain=example.com; Path=/; HttpOnly; SameSite=Lax; Secure';

    it('shares the session cookie alone, and expires the name from before the domain', () => {
      const change = { value: 'x', expiresAt: new Date(0) };
      expect(cookies.write({ cookie: 'session', change })).toEqual([
        `__Secure-latchkey=x; ${flags}; Expires=Thu, 01 Jan 1970 00:00:00 GMT`,
        old,
      ]);
      expect(cookies.write({ cookie: 'session', change: 'expire' })).toEqual([
        `__Secure-latchkey=; ${flags}; Max-Age=0`,
        old,
      ]);
      for (const cookie of ['device', 'login', 'ticket'] as const) {
        expect(cookies.write({ cookie, change }).join()).toMatch(
          /^__Host-latchkey-(?:device|login|ticket)=x; Path=\/; HttpOnly; SameSite=Lax; Secure; Expires=[^;]+$/,
        );
      }
    });

    it('reads two session cookies as none, because a subdomain may have set one', () => {
      expect(cookies.read('__Secure-latchkey=a; __Host-latchkey-device=d')).toEqual({ session: 'a', device: 'd' });
      for (const two of ['__Secure-latchkey=a; __Secure-latchkey=b', '__Secure-latchkey=a;__Secure-latchkey=a']) {
        expect(cookies.read(`${two}; __Host-latchkey-device=d`)).toEqual({ device: 'd' });
      }
      expect(cookies.read('__Secure-latchkey=a; __Secure-latchkey=b; __Secure-latchkey=c')).toEqual({});
      expect(cookies.read('__Host-latchkey=a')).toEqual({});
      expect(() => cookies.read('__Host-latchkey-device=a; __Host-latchkey-device=b')).toThrow('malformed_request');
    });
  });
});

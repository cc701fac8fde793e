import { describe, expect, it } from 'vitest';
import { cookiesFor } from './cookies.ts';

describe('cookiesFor', () => {
  it('reads its own names by the scheme and ignores all others', () => {
    const cookies = cookiesFor(new URL('https://id.example.com'));
    expect(cookies.read('a=1; __Host-latchkey=s ;latchkey_session=x; b; __Host-latchkey-device=d=e')).toEqual({
      session: 's',
      device: 'd=e',
    });
    expect(cookies.read(undefined)).toEqual({});
  });
});

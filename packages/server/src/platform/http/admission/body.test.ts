import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '#kernel/problem.ts';
import { canonicalTarget } from '../engine/server.ts';
import { repeatsHeader } from './admission.ts';
import { isFormType, isJsonType, readForm } from './body.ts';
import { cookiesFor } from './cookies.ts';

describe('readForm', () => {
  it('reads back what URLSearchParams writes', () => {
    const names = fc.string({ unit: 'grapheme' }).filter((name) => name !== '__proto__');
    const form = fc.uniqueArray(fc.tuple(names, fc.string({ unit: 'grapheme' })), { selector: ([name]) => name });
    fc.assert(
      fc.property(form, (pairs) => {
        const text = new URLSearchParams(pairs).toString();
        expect(new Map(Object.entries(readForm(text)))).toEqual(new Map(pairs));
      }),
    );
  });

  it('answers or refuses any text, and never with anything but a Problem', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          expect(readForm(text)).toBeTypeOf('object');
        } catch (error) {
          expect(error).toBeInstanceOf(Problem);
        }
      }),
    );
  });

  it('gives a name without a value an empty one', () => {
    expect({ ...readForm('verbose&a=') }).toEqual({ verbose: '', a: '' });
  });
});

describe('content types', () => {
  it.each(['application/json', 'APPLICATION/JSON ; charset="utf-8"'])('%s is JSON', (type) => {
    expect([isJsonType(type), isFormType(type)]).toEqual([true, false]);
  });

  it.each([undefined, '', 'application/json; charset=utf-16', 'application/json, text/html', 'text/json'])(
    '%s is not JSON',
    (type) => {
      expect(isJsonType(type)).toBe(false);
    },
  );
});

describe('canonicalTarget', () => {
  it.each([
    ['/livez', '/livez'],
    ['/api/auth/login?x=1', '/api/v1/auth/login?x=1'],
    ['/api/v1/auth/login', '/api/v1/auth/login'],
    ['/api/v2/auth/login', '/api/v2/auth/login'],
    ['/api/verify', '/api/v1/verify'],
    ['http://elsewhere.example/api/x', '/api/v1/x'],
    ['http://elsewhere.example', '/'],
    ['https://elsewhere.example?q', '/?q'],
    ['*', '/*'],
    ['elsewhere.example:443', '/*'],
  ])('%s is %s', (target, canonical) => {
    expect(canonicalTarget(target)).toBe(canonical);
  });
});

describe('repeatsHeader', () => {
  it('sees a repeated header that decides something, in any case, and no other', () => {
    expect(repeatsHeader(['Host', 'a', 'HOST', 'b'])).toBe(true);
    expect(repeatsHeader(['Host', 'a', 'origin', 'b', 'Authorization', 'c'])).toBe(false);
    expect(repeatsHeader(['Accept', 'a', 'Accept', 'b', 'Host', 'c'])).toBe(false);
  });
});

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

import { describe, expect, it } from 'vitest';
import { isBelowDomain, parseCookieDomain, sharesCookies } from './index.ts';

describe('parseCookieDomain', () => {
  it.each([
    ['example.com', 'example.com'],
    ['.example.com', 'example.com'],
    ['Example.COM', 'example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['example.co.uk', 'example.co.uk'],
    ['corp.internal', 'corp.internal'],
    ['me.github.io', 'me.github.io'],
  ])('accepts %s as %s', (text, domain) => {
    expect(parseCookieDomain(text)).toEqual({ kind: 'ok', value: domain });
  });

  it.each([
    'com',
    'co.uk',
    'github.io',
    'foo.ck',
    'localhost',
    'internal',
    '127.0.0.1',
    '10.1',
    '[::1]',
    '',
    '.',
    '..example.com',
    'example.com.',
    'example..com',
    '-a.example',
    'https://example.com',
    'example.com/x',
    'example.com:443',
    'example.com; Path=/x',
    'a b.example',
    '*.example.com',
  ])('rejects %j', (text) => {
    expect(parseCookieDomain(text).kind).not.toBe('ok');
  });
});

it.each([
  ['auth.example.com', true],
  ['a.b.example.com', true],
  ['example.com', false],
  ['evilexample.com', false],
  ['example.com.evil.example', false],
])('%s is below example.com: %s', (host, isBelow) => {
  expect(isBelowDomain(host, 'example.com')).toBe(isBelow);
});

it.each([
  ['https://app.example.com', true],
  ['https://example.com', true],
  ['https://app.example.com:8443', true],
  ['http://app.example.com', false],
  ['https://evilexample.com', false],
  ['https://example.com.evil.example', false],
  ['null', false],
  ['https://', false],
])('a browser sends the cookies of example.com to %s: %s', (origin, isShared) => {
  expect(sharesCookies(origin, 'example.com')).toBe(isShared);
});

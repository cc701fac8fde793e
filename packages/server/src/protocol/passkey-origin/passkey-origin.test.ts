import { describe, expect, it } from 'vitest';
import { coversHost, parsePasskeyOrigin, parseRpId, relatedOrigins, rpIdOfHost } from './index.ts';

const androidApp = `android:apk-key-hash:${'x'.repeat(43)}`;

describe('an origin of passkeys', () => {
  it.each(['https://example.com', 'https://app.example.com:8443', 'http://localhost:3000', androidApp])(
    'is %s',
    (text) => {
      expect(parsePasskeyOrigin(text)).toEqual({ kind: 'ok', value: text });
    },
  );

  it.each([
    '',
    'example.com',
    'https://example.com/',
    'https://example.com:443',
    'https://Example.com',
    'https://user@example.com',
    'http://example.com',
    'http://127.0.0.1:3000',
    'https://192.0.2.1',
    'https://[2001:db8::1]',
    'https://exam ple.com',
    'ios:bundle-id:com.example',
    'android:apk-key-hash:short',
    `${androidApp}x`,
    `x${androidApp}`,
  ])('is not %j', (text) => {
    expect(parsePasskeyOrigin(text).kind).toBe('invalid');
  });
});

describe('an RP ID', () => {
  it.each(['example.com', 'auth.example.com', 'localhost'])('is %s', (text) => {
    expect(parseRpId(text)).toEqual({ kind: 'ok', value: text });
  });

  it.each(['', 'com', 'co.uk', '.example.com', '192.0.2.1', 'https://example.com', 'example.com/x'])(
    'is not %j',
    (text) => {
      expect(parseRpId(text).kind).toBe('invalid');
    },
  );

  it('is the name of a host, and no address', () => {
    expect(rpIdOfHost('auth.example.com')).toBe('auth.example.com');
    expect([rpIdOfHost('127.0.0.1'), rpIdOfHost('[::1]')]).toEqual([undefined, undefined]);
  });

  it('covers its host and those below it', () => {
    expect(coversHost('example.com', 'example.com')).toBe(true);
    expect(coversHost('example.com', 'auth.example.com')).toBe(true);
    expect(coversHost('example.com', 'badexample.com')).toBe(false);
    expect(coversHost('auth.example.com', 'example.com')).toBe(false);
  });

  it('needs a file for the origins that it does not cover, apps aside', () => {
    const origins = ['https://auth.example.com', 'https://app.example.com', 'https://other.example', androidApp];
    expect(relatedOrigins('example.com', origins)).toEqual(['https://other.example']);
    expect(relatedOrigins('auth.example.com', origins)).toEqual(['https://app.example.com', 'https://other.example']);
  });
});

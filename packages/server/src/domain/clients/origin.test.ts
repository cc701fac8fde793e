import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOrigin } from './index.ts';

describe('an origin that can be listed', () => {
  it.each([
    'https://app.example.com',
    'https://app.example.com:8443',
    'https://xn--bcher-kva.example',
    'https://192.0.2.1',
    'https://[2001:db8::1]:8443',
    'http://localhost:5173',
    'http://127.0.0.1:8080',
    'http://[::1]:8080',
    'capacitor://localhost',
    'chrome-extension://abcdefghijklmnop',
  ])('is %s', (text) => {
    expect(isOrigin(text)).toBe(true);
  });

  it.each([
    '',
    'null',
    '*',
    'https://*',
    'https://*.example.com',
    'https://app.example.com/',
    'https://app.example.com/login',
    'https://app.example.com?x',
    'https://app.example.com#x',
    'https://App.example.com',
    'HTTPS://app.example.com',
    'https://app.example.com:443',
    'https://user@app.example.com',
    'https://bücher.example',
    ' https://app.example.com',
    'https://app.example.com, https://b.example.com',
    'http://app.example.com',
    'http://localhost.example.com',
    'http://127.0.0.1.example.com',
    'file://localhost',
    'javascript://app',
    'data://app',
    'about://blank',
    'app.example.com',
    '//app.example.com',
    'capacitor://',
    'capacitor://localhost/',
    `https://${'a'.repeat(250)}.example`,
  ])('is not %j', (text) => {
    expect(isOrigin(text)).toBe(false);
  });

  it('is one line of plain characters, and an https one is what a browser makes of its URL', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.webUrl(),
          fc.string(),
          fc.string().map((text) => `https://${text}`),
        ),
        (text) => {
          if (!isOrigin(text)) return;
          expect(text).toMatch(/^[\x21-\x7e]+$/);
          if (text.startsWith('https:')) expect(new URL(text).origin).toBe(text);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

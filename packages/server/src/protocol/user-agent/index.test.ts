import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeUserAgent } from './index.ts';
import { browsers, operatingSystems } from './table.ts';

const webKit = 'AppleWebKit/537.36 (KHTML, like Gecko)';

describe('describeUserAgent', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webKit} Chrome/150.0.0.0 Safari/537.36`, 'Chrome on Windows'],
    [
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webKit} Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0`,
      'Edge on Windows',
    ],
    [
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webKit} Chrome/150.0.0.0 Safari/537.36 OPR/130.0.0.0`,
      'Opera on Windows',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
      'Safari on macOS',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
      'Safari on iOS',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/150.0.0.0 Mobile/15E148 Safari/604.1',
      'Chrome on iOS',
    ],
    [
      'Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 Mobile/15E148 Safari/605.1.15',
      'Firefox on iPadOS',
    ],
    [`Mozilla/5.0 (Linux; Android 10; K) ${webKit} Chrome/150.0.0.0 Mobile Safari/537.36`, 'Chrome on Android'],
    [
      `Mozilla/5.0 (Linux; Android 10; K) ${webKit} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36`,
      'Samsung Internet on Android',
    ],
    [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${webKit} Chrome/150.0.0.0 Safari/537.36`, 'Chrome on ChromeOS'],
    ['curl/8.14.1', 'curl'],
    ['Wget/1.25.0 (linux-gnu)', 'Wget'],
    ['python-requests/2.32.4', 'Python'],
    ['node', 'Node.js'],
    ['Mozilla/5.0 (X11; Linux x86_64)', 'Unknown browser on Linux'],
    ['Mozilla/5.0', 'Unknown device'],
    ['', 'Unknown device'],
    [undefined, 'Unknown device'],
  ])('%j: %s', (ua, words) => {
    expect(describeUserAgent(ua).words).toBe(words);
  });

  it('returns browser and operating system separately, and omits unknown ones', () => {
    expect(describeUserAgent('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')).toEqual({
      browser: 'Firefox',
      os: 'Linux',
      words: 'Firefox on Linux',
    });
    expect(describeUserAgent('curl/8.14.1')).toEqual({ browser: 'curl', words: 'curl' });
    expect(describeUserAgent('x')).toEqual({ words: 'Unknown device' });
  });

  it('returns only names of its own table for hostile text', () => {
    const marks = fc.constantFrom(
      ...[...browsers, ...operatingSystems].map(([mark]) => mark),
      '<script>',
      '\r\n',
      '(',
      ';',
    );
    const hostile = fc
      .array(fc.oneof(marks, fc.string({ unit: 'binary' })), { maxLength: 40 })
      .map((parts) => parts.join(' '));
    const names = new Set([...browsers, ...operatingSystems].map(([, name]) => name));
    fc.assert(
      fc.property(hostile, (ua) => {
        const { browser, os, words } = describeUserAgent(ua);
        for (const name of [browser, os]) expect(name === undefined || names.has(name)).toBe(true);
        expect(words.length).toBeLessThanOrEqual(60);
      }),
    );
  });

  it('reads only the first 512 characters', () => {
    expect(describeUserAgent(`${'x'.repeat(507)}curl/`).words).toBe('curl');
    expect(describeUserAgent(`${'x'.repeat(508)}curl/`).words).toBe('Unknown device');
    expect(describeUserAgent('('.repeat(50_000_000)).words).toBe('Unknown device');
  });

  it('has no row that an earlier row always shadows', () => {
    for (const table of [browsers, operatingSystems]) {
      for (const [mark, name] of table) expect(table.find(([other]) => mark.includes(other))?.[1]).toBe(name);
    }
  });
});

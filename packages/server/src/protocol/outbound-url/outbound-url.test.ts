import { describe, expect, it } from 'vitest';
import { readDestination } from './index.ts';

const strict = { allowPrivate: false, production: true };

describe('readDestination', () => {
  it.each(['https://people.example', 'https://PEOPLE.example:443/a?b#c', 'https://people.example:8443/'])(
    'allows %s',
    (url) => {
      expect(readDestination(url, strict)).toMatchObject({ kind: 'destination', host: 'people.example' });
    },
  );

  it.each(['https://10.0.0.1:81/', 'https://[::1]/', 'http://127.0.0.1:80/', 'http://[::1]/', 'http://localhost/'])(
    'allows %s with allowPrivate only, and http outside production only',
    (url) => {
      const isPlain = url.startsWith('http:');
      expect(readDestination(url, { allowPrivate: true, production: false }).kind).toBe('destination');
      expect(readDestination(url, { allowPrivate: true, production: true }).kind).toBe(
        isPlain ? 'refused' : 'destination',
      );
      expect(readDestination(url, { allowPrivate: false, production: false }).kind).toBe('refused');
    },
  );
});

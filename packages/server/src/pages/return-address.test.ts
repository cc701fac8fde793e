import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowedAddresses, hostileAddresses, listedOrigin } from '#test/support/hostile-addresses.ts';
import { ReturnAddresses } from './return-address.ts';

function addressesOf(isDevelopment: boolean, ...listedOrigins: readonly string[]): ReturnAddresses {
  const byOrigin = (origin: string) => (listedOrigins.includes(origin) ? { name: 'Default' } : undefined);
  return new ReturnAddresses({ clients: { byOrigin, listedOrigins }, isDevelopment });
}

const addresses = addressesOf(true, listedOrigin);

describe('a return address', () => {
  it('is refused when it is hostile, of more than 120 that differ', () => {
    expect(new Set(hostileAddresses).size).toBe(hostileAddresses.length);
    expect(hostileAddresses.length).toBeGreaterThan(120);
    expect(hostileAddresses.filter((text) => addresses.read(text) !== undefined)).toEqual([]);
  });

  it.each(allowedAddresses)('of a listed application is accepted: %s', (text) => {
    const read = addresses.read(text);
    expect(read).toMatchObject({ kind: 'application', host: 'app.example', application: 'app.example' });
    expect(new URL(read?.text ?? '').origin).toBe(listedOrigin);
  });

  it('that is a page of ours is accepted', () => {
    expect(addresses.read('/account/security')).toEqual({ kind: 'own', text: '/account/security' });
  });

  it('names the application by its name, where it has one', () => {
    const byOrigin = () => ({ name: 'Acme Notes' });
    const named = new ReturnAddresses({ clients: { byOrigin, listedOrigins: [] }, isDevelopment: false });
    expect(named.read('https://app.example/')).toMatchObject({ application: 'Acme Notes' });
  });

  it('with http is of this machine, and in development only', () => {
    const listed = ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000'];
    for (const origin of listed) {
      expect(addressesOf(true, ...listed).read(`${origin}/x`)).toMatchObject({ text: `${origin}/x` });
      expect(addressesOf(false, ...listed).read(`${origin}/x`)).toBeUndefined();
    }
  });

  it('has at most 2,000 characters', () => {
    const text = `${listedOrigin}/`.padEnd(2000, 'x');
    expect([addresses.read(text)?.text, addresses.read(`${text}x`)]).toEqual([text, undefined]);
  });

  it('may be absent', () => {
    expect([addresses.readOptional(undefined), addresses.readOptional('//evil.example')]).toEqual([
      undefined,
      'refused',
    ]);
  });

  it('that is accepted leads to us or to the listed origin, whatever is around it', () => {
    const piece = fc.oneof(
      fc.constantFrom(listedOrigin, 'evil.example', '/', '\\', '@', ':', '.', '%2f', '\t', '?', '#', 'https:', '//'),
      fc.string({ maxLength: 3 }),
      fc.string({ unit: 'binary', maxLength: 2 }),
    );
    const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.oneof(text, fc.webUrl(), fc.constantFrom(...hostileAddresses)), (written) => {
        const read = addresses.read(written);
        if (read === undefined) return;
        const { origin, username, password } = new URL(read.text, 'https://login.example');
        expect(['https://login.example', listedOrigin]).toContain(origin);
        expect(username + password).toBe('');
      }),
      { numRuns: 5000 },
    );
  });
});

describe('the command that allows an address', () => {
  it('keeps the origins that are listed', () => {
    expect(addresses.commandFor('https://new.example/x')).toBe(
      'latchkey client set-origins --origin https://app.example --origin https://new.example',
    );
  });

  it.each(['https://$(id).example/', 'https://`id`.example/', "https://';id;'.example/", 'javascript:alert(1)'])(
    'never contains what a shell would run: %s',
    (text) => {
      expect(addressesOf(true).commandFor(text)).toBe('latchkey client set-origins --origin https://app.example.com');
    },
  );

  it('is not shown in production', () => {
    expect(addressesOf(false).commandFor('https://new.example/')).toBeUndefined();
  });
});

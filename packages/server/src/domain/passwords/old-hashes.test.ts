import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { present } from '#kernel/assert.ts';
import { systemClock } from '#kernel/clock.ts';
import { estimateCost, type OldHash, parsePasswordHash } from '#protocol/password-hash/index.ts';
import { allOldHashVectors, oldHashVectors } from '#test/support/old-hash-vectors.ts';
import { OldHashes } from './old-hashes.ts';

const hashes = new OldHashes();

function parseOld(text: string): OldHash {
  const hash = present(parsePasswordHash(text), text);
  if (hash.kind === 'argon2id') throw new Error(`${text} is a current hash`);
  return hash;
}

const matches = (text: string, password: string) => hashes.matches(parseOld(text), text, password);

const bcrypt = oldHashVectors['bcrypt $2a$'].vectors[0][1];
const shaCrypt = oldHashVectors['SHA-512-crypt'].vectors[1][1];
const phpass = oldHashVectors.phpass.vectors[0][1];
const pbkdf2 = oldHashVectors['PBKDF2 as PHC string'].vectors[1][1];
const scrypt = oldHashVectors.scrypt.vectors[1][1];
const argon2i = oldHashVectors.argon2i.vectors[1][1];

describe('OldHashes', () => {
  it('covers every scheme with at least three vectors', () => {
    const counts = Object.values(oldHashVectors).map(({ vectors }) => vectors.length);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(3);
    expect(new Set(allOldHashVectors.map(([, , text]) => parseOld(text).kind)).size).toBe(9);
  });

  // One similar password for each vector, since many of these hashes are slow; each scheme has three vectors.
  const similar = [
    (password: string) => `x${password.slice(1)}`,
    (password: string) => ` ${password}`,
    (password: string) => `${password.toUpperCase()}!`,
  ];

  it.each(allOldHashVectors.map(([scheme, password, text], place) => ({ scheme, password, text, place })))(
    'matches $scheme of "$password" and no similar password: $text',
    async ({ password, text, place }) => {
      expect(await matches(text, password)).toBe(true);
      const other = present(similar[place % similar.length], 'a similar password')(password);
      expect(await matches(text, other)).toBe(false);
    },
  );

  it.each(allOldHashVectors.filter(([, password]) => password !== ''))(
    'rejects the empty password for %s of %j: %s',
    async (_, __, text) => {
      expect(await matches(text, '')).toBe(false);
    },
  );

  it('matches the text as typed, and its NFC', async () => {
    // Computed by libxcrypt 4.4.
    const ofNfd = '$5$rounds=1000$x$bH3j8WKkW1DbCd2VJP77wAE.mdEv0JJ1Ze14BQ7fat/';
    const ofNfc = '$5$rounds=1000$x$lNWnepeftElhM0U1zP9krP1kVr5yDxKxqavVFyh/CF2';
    const [nfc, nfd] = ['caf\u00e9 au lait', 'cafe\u0301 au lait'];
    expect([await matches(ofNfc, nfc), await matches(ofNfc, nfd)]).toEqual([true, true]);
    expect([await matches(ofNfd, nfc), await matches(ofNfd, nfd)]).toEqual([false, true]);
  });

  it('rejects a password with NUL, which repeats the cyclic key of bcrypt', async () => {
    expect(await matches(bcrypt, 'U*U')).toBe(true);
    expect(await matches(bcrypt, 'U*U\0U*U')).toBe(false);
    expect(await matches(shaCrypt, 'Hello world!\0')).toBe(false);
  });

  it('matches bcrypt with the unused bits of its salt set', async () => {
    expect(await matches(bcrypt.replace('CC.E5', 'CCNE5'), 'U*U')).toBe(true);
  });

  it('rejects a password of more than 256 bytes for SHA-crypt', async () => {
    // Computed by libxcrypt 4.4, of 257 times "q".
    expect(
      await matches(
        '$6$rounds=1001$x$Kc01ZCa4/7tW8Pos9iLHqKtjGrt8ba1utPik0HyKtijE8./tOM0.FxQUF7csCO706BFQCcF.xGEI4IDDB3aro1',
        'q'.repeat(257),
      ),
    ).toBe(false);
  });

  it.each([
    bcrypt.replace('$05$', '$31$'),
    shaCrypt.replace('=10000$', '=999999999$'),
    phpass.replace('$P$9', '$P$S'),
    pbkdf2.replace('i=2000', 'i=2147483647'),
    scrypt.replace('ln=14', 'ln=31'),
    argon2i.replace('m=32,t=1', 'm=4294967295,t=4294967295'),
  ])('rejects every password at once for the expensive hash %s', async (text) => {
    const start = systemClock.monotonicMs();
    expect(await matches(text, 'password')).toBe(false);
    expect(systemClock.monotonicMs() - start).toBeLessThan(1000);
  });

  it.each([
    scrypt.replace('ln=14,r=8', 'ln=15,r=1'),
    scrypt.replace('ln=14', 'ln=17'),
    scrypt.replace('ln=14,r=8,p=1', 'ln=1,r=40,p=10000'),
    scrypt.replace('ln=14,r=8,p=1', 'ln=1,r=16384,p=24'),
    argon2i.replace('m=32,t=1,p=1', 'm=131072,t=1,p=16384'),
    pbkdf2.replace('i=2000', 'i=1'),
  ])('compares with unusual parameters within the limits: %s', async (text) => {
    expect(await matches(text, 'password')).toBe(false);
  });

  it('compares every hash that the parser accepts without an error', async () => {
    const mutated = fc
      .tuple(
        fc.constantFrom(...allOldHashVectors),
        fc.nat(),
        fc.nat({ max: 2 }),
        fc.stringMatching(/^[0-9A-Za-z./+$]{0,2}$/),
      )
      .map(([[, , text], at, removed, added]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + added + text.slice(place + removed);
      });
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(mutated, async (text) => {
        const hash = parsePasswordHash(text);
        if (hash === null || hash.kind === 'argon2id' || estimateCost(hash).milliseconds > 10) return;
        compared += 1;
        expect(await hashes.matches(hash, text, 'no password of a vector')).toBe(false);
      }),
      { numRuns: 1000 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  it.each([
    bcrypt.replace('$05$', '$11$'),
    shaCrypt.replace('=10000$', '=200000$'),
    phpass.replace('$P$9', '$P$F'),
    pbkdf2.replace('i=2000', 'i=1000000'),
    scrypt.replace('ln=14', 'ln=16'),
    argon2i.replace('m=32,t=1', 'm=65536,t=3'),
  ])('leaves the event loop idle during the comparison with %s', async (text) => {
    // Starts the worker thread before the measurement.
    await matches(phpass, 'password');
    const start = performance.eventLoopUtilization();
    expect(await matches(text, 'password')).toBe(false);
    const { active, idle } = performance.eventLoopUtilization(start);
    expect(active + idle).toBeGreaterThan(20);
    expect(active / (active + idle)).toBeLessThan(0.5);
  });
});

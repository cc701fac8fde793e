import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allOldHashVectors, oldHashVectors } from '#test/support/old-hash-vectors.ts';
import { acceptsImportedHash, parsePasswordHash } from './index.ts';

const sha256Crypt = oldHashVectors['SHA-256-crypt'].vectors[1][1];
const sha512Crypt = oldHashVectors['SHA-512-crypt'].vectors[1][1];
const scrypt = oldHashVectors.scrypt.vectors[1][1];
const firebase = oldHashVectors['scrypt of Firebase'].vectors[0][1];
const pbkdf2 = oldHashVectors['PBKDF2 as PHC string'].vectors[1][1];
const passlib = oldHashVectors['PBKDF2 of passlib'].vectors[1][1];
const django = oldHashVectors['PBKDF2 of Django'].vectors[0][1];
const [identity2, identity3] = oldHashVectors['ASP.NET Identity'].vectors.map(([, text]) => text) as [string, string];
const phpass = oldHashVectors.phpass.vectors[0][1];
const ssha = oldHashVectors['LDAP, salted SHA and MD5'].vectors[0][1];
const sha = oldHashVectors['LDAP, unsalted'].vectors[0][1];
const hex = oldHashVectors.hexadecimal.vectors[4][1];
const unsaltedHex = oldHashVectors.hexadecimal.vectors[3][1];
const argon2i = oldHashVectors.argon2i.vectors[0][1];

/** An ASP.NET Identity hash of version 3 with other header fields; the lengths of salt and tag remain 16 and 16. */
function identityWith({ prf = 0, iterations = 250, saltBytes = 16 }): string {
  const bytes = Buffer.from(identity3, 'base64');
  bytes.writeUInt32BE(prf, 1);
  bytes.writeUInt32BE(iterations, 5);
  bytes.writeUInt32BE(saltBytes, 9);
  return bytes.toString('base64');
}

describe('parsePasswordHash', () => {
  it.each(allOldHashVectors)('reads %s of %j: %s', (_, __, text) => {
    expect(parsePasswordHash(text)).not.toBeNull();
    expect(acceptsImportedHash(text)).toBe(true);
  });

  it.each([
    [sha256Crypt.replace('$5$', '$1$'), 'MD5-crypt'],
    [sha256Crypt.replace('$5$', '$6$'), 'a tag of the other length'],
    [sha256Crypt.replace('rounds=10000', 'rounds=010000'), 'a leading zero'],
    [sha256Crypt.replace('rounds=10000', 'rounds=999'), 'fewer than 1,000 rounds'],
    [sha256Crypt.replace('rounds=10000', 'rounds=1000000000'), 'more than 999,999,999 rounds'],
    [sha256Crypt.replace('saltst$', 'saltstr$'), 'a salt of 17 characters'],
    [sha256Crypt.replace('saltst$', 'sal:st$'), 'a colon in the salt'],
    [sha256Crypt.slice(0, -1), 'a short tag'],
    [`${sha256Crypt.slice(0, -1)}E`, 'unused bits that are set'],
    [`${sha256Crypt}$`, 'a further part'],
    [sha512Crypt.slice(0, -2), 'a short tag'],
    [`${sha512Crypt.slice(0, -1)}2`, 'unused bits that are set'],
    [scrypt.replace('ln=14', 'ln=0'), 'N of 1'],
    [scrypt.replace('ln=14', 'ln=32'), 'N of 33 bits'],
    [scrypt.replace('ln=14,r=8', 'ln=16,r=1'), 'an N that is too large for r'],
    [scrypt.replace('r=8,p=1', 'r=32768,p=32768'), 'r and p that exceed 30 bits'],
    [scrypt.replace('ln=14', 'N=16384'), 'another name'],
    [scrypt.replace('r=8,p=1', 'p=1,r=8'), 'another order'],
    [scrypt.replace('U29kaXVtQ2hsb3JpZGU', 'U29kaXVtQ2hsb3JpZGV'), 'trailing bits in the salt'],
    [`${scrypt}=`, 'padding'],
    [scrypt.slice(0, scrypt.lastIndexOf('$') + 12), 'a tag of 8 bytes'],
    [firebase.replace('ln=14', 'ln=15'), 'more memory than Firebase uses'],
    [firebase.replace('r=8', 'r=9'), 'more rounds than Firebase uses'],
    [firebase.replace('$Bw$', '$'), 'no separator'],
    [firebase.replace('42xEC+', '42xEC-'), 'the alphabet of base64url'],
    [firebase.replace(/\$[^$]{86}$/, `$${'A'.repeat(43)}`), 'a tag that is shorter than the key'],
    [pbkdf2.replace('sha256', 'md5'), 'another digest'],
    [pbkdf2.replace('l=32', 'l=31'), 'another length'],
    [pbkdf2.replace('i=2000', 'i=0'), 'no iteration'],
    [pbkdf2.replace('i=2000', 'i=2147483648'), 'iterations that exceed 31 bits'],
    [pbkdf2.replace('i=2000', 'i=02000'), 'a leading zero'],
    [pbkdf2.replace('$i=2000,l=32$', '$2000,l=32$'), 'no name'],
    [passlib.replace('$1212$', '$01212$'), 'a leading zero'],
    [passlib.replaceAll('.', '+'), 'the alphabet of base64 in the form of passlib'],
    [passlib.replace('$1212$', '$$'), 'no number'],
    [django.replace('sha256', 'sha512'), 'a digest that Django does not have'],
    [django.replace('pbkdf2_', 'scrypt_'), 'another scheme of Django'],
    [django.slice(0, -1), 'no padding'],
    [django.replace('seasalt123', ''), 'no salt'],
    [`$${django}`, 'a leading dollar sign'],
    [identity2.replace(/^AA/, 'AQ'), 'another version'],
    [identity2.slice(0, -4), 'a short tag'],
    [identity3.slice(0, 16), 'a header alone'],
    [identityWith({ prf: 3 }), 'an unknown pseudorandom function'],
    [identityWith({ iterations: 0 }), 'no iteration'],
    [identityWith({ iterations: 0xffff_ffff }), 'iterations that exceed 31 bits'],
    [identityWith({ saltBytes: 17 }), 'a tag of 15 bytes'],
    [identityWith({ saltBytes: 0xffff_ffff }), 'a salt that exceeds the text'],
    [phpass.replace('$P$', '$Q$'), 'another letter'],
    [phpass.replace('$P$9', '$P$4'), '2^6 rounds'],
    [phpass.replace('$P$9', '$P$T'), '2^31 rounds'],
    [phpass.replace('S3r.L0', 'S3r!L0'), 'another alphabet'],
    [`${phpass.slice(0, -1)}2`, 'unused bits that are set'],
    [ssha.replace('SSHA', 'ssha'), 'lower case'],
    [ssha.replace('{SSHA}', '{SHA}'), 'a salt in an unsalted scheme'],
    [sha.replace('{SHA}', '{SSHA}'), 'no salt in a salted scheme'],
    [sha.replace('{SHA}', '{SHA256}'), 'a short digest'],
    [sha.replace('{SHA}', '{CRYPT}'), 'another scheme'],
    [sha.slice(0, -1), 'no padding'],
    [`${ssha} `, 'trailing white space'],
    [hex.replace('sha256', 'sha512'), 'a digest of another length'],
    [hex.replace('salt-password', 'password'), 'a salt in the unsalted order'],
    [unsaltedHex.replace('$password$', '$salt-password$'), 'no salt in a salted order'],
    [unsaltedHex.replace('$password$', '$'), 'no order'],
    [unsaltedHex.toUpperCase(), 'upper case'],
    [unsaltedHex.slice(unsaltedHex.lastIndexOf('$') + 1), 'a digest without its algorithm'],
    [argon2i.replace('v=19', 'v=16'), 'version 0x10'],
    [argon2i.replace('argon2i', 'argon2x'), 'an unknown variant'],
    [argon2i.replace('m=64', 'm=15'), 'less than 8 KiB per lane'],
    [argon2i.replace('p=2', 'p=2,data=AAAA'), 'associated data'],
    ['correct horse', 'a password'],
    ['', 'the empty string'],
    ['A'.repeat(2000), 'a long text'],
  ])('rejects %j (%s)', (text) => {
    expect(parsePasswordHash(text)).toBeNull();
    expect(acceptsImportedHash(text)).toBe(false);
  });

  it('reads the greatest N for r, and the greatest lanes', () => {
    expect(parsePasswordHash(scrypt.replace('ln=14,r=8', 'ln=15,r=1'))).toMatchObject({ log2n: 15, blockSize: 1 });
    expect(parsePasswordHash(scrypt.replace('r=8,p=1', 'r=32768,p=32767'))).toMatchObject({ parallelism: 32_767 });
  });

  it('rejects every vector with white space or a line feed around it', () => {
    for (const [, , text] of allOldHashVectors) {
      expect([` ${text}`, `${text} `, `${text}\n`, `\n${text}`].map(parsePasswordHash)).toEqual([
        null,
        null,
        null,
        null,
      ]);
    }
  });

  it('returns numbers in the ranges of the schemes for every mutation that it accepts', () => {
    const mutated = fc
      .tuple(
        fc.constantFrom(...allOldHashVectors),
        fc.nat(),
        fc.nat({ max: 2 }),
        fc.string({ unit: 'binary-ascii', maxLength: 2 }),
      )
      .map(([[, , text], at, removed, added]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + added + text.slice(place + removed);
      });
    fc.assert(
      fc.property(mutated, (text) => {
        const hash = parsePasswordHash(text);
        if (hash === null || hash.kind === 'plain-digest') return;
        if ('iterations' in hash) expect(hash.iterations).toBeGreaterThanOrEqual(1);
        if ('rounds' in hash) expect(hash.rounds).toBeGreaterThanOrEqual(128);
        if ('tag' in hash) expect(hash.tag.length).toBeGreaterThanOrEqual(12);
      }),
      { numRuns: 2000 },
    );
  });
});

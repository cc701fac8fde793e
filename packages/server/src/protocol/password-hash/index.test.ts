import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBcrypt } from './bcrypt.ts';
import { formatPhc, needsRehash, parsePhc } from './index.ts';

/** Salt and tag of RFC 9106 §5.3, and the PHC string of both. */
const rfcSalt = Buffer.alloc(16, 0x02);
const rfcTag = Buffer.from('0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659', 'hex');
const rfcPhc = '$argon2id$v=19$m=32,t=3,p=4$AgICAgICAgICAgICAgICAg$DWQN9Y14dmwIwDejSotTydAe8EUtdbZetSUg6WsB5lk';
/** From the test set of OpenWall's crypt_blowfish, for the password "U*U". */
const bcrypt = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

describe('parsePhc', () => {
  it('parses the tag of RFC 9106 §5.3', () => {
    expect(parsePhc(rfcPhc)).toEqual({
      kind: 'argon2id',
      memoryKib: 32,
      iterations: 3,
      parallelism: 4,
      salt: rfcSalt,
      tag: rfcTag,
    });
  });

  it('returns every hash that formatPhc wrote', () => {
    const hash = fc.record({
      memoryKib: fc.integer({ min: 2048, max: 0xffff_ffff }),
      iterations: fc.integer({ min: 1, max: 0xffff_ffff }),
      parallelism: fc.integer({ min: 1, max: 255 }),
      salt: fc.uint8Array({ minLength: 8, maxLength: 48 }).map((bytes) => Buffer.from(bytes)),
      tag: fc.uint8Array({ minLength: 12, maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(hash, (value) => {
        expect(parsePhc(formatPhc(value))).toEqual({ kind: 'argon2id', ...value });
      }),
    );
  });

  it('accepts no text that formatPhc would write differently', () => {
    const mutated = fc
      .tuple(fc.nat({ max: rfcPhc.length }), fc.nat({ max: 2 }), fc.string({ unit: 'binary-ascii', maxLength: 2 }))
      .map(([at, removed, added]) => rfcPhc.slice(0, at) + added + rfcPhc.slice(at + removed));
    fc.assert(
      fc.property(mutated, (text) => {
        const parsed = parsePhc(text);
        if (parsed === null) return;
        expect(formatPhc(parsed)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['', 'the empty string'],
    [` ${rfcPhc}`, 'leading white space'],
    [`${rfcPhc}\n`, 'a trailing line feed'],
    [`${rfcPhc}=`, 'padding'],
    [rfcPhc.replace(/k$/, 'l'), 'non-zero trailing bits'],
    [rfcPhc.replace('argon2id', 'argon2i'), 'argon2i'],
    [rfcPhc.replace('v=19', 'v=16'), 'version 0x10'],
    [rfcPhc.replace('v=19$', ''), 'no version'],
    [rfcPhc.replace('m=32', 'm=032'), 'a leading zero'],
    [rfcPhc.replace('m=32', 'm=+32'), 'a sign'],
    [rfcPhc.replace('m=32,t=3', 't=3,m=32'), 'another order'],
    [rfcPhc.replace('m=32', 'm=31'), 'less than 8 KiB per lane'],
    [rfcPhc.replace('m=32', 'm=4294967296'), 'memory that exceeds 32 bits'],
    [rfcPhc.replace('p=4', 'p=4,keyid=AAAA'), 'another parameter'],
    [rfcPhc.replace('t=3', 't=0'), 'no pass'],
    [rfcPhc.replace('t=3', 't=4294967296'), 'passes that exceed 32 bits'],
    [rfcPhc.replace('m=32,t=3,p=4', 'm=134217728,t=3,p=16777216'), 'lanes that exceed 24 bits'],
  ])('rejects %j (%s)', (text) => {
    expect(parsePhc(text)).toBeNull();
  });

  it.each([
    ['m=4294967295,t=3,p=4', { memoryKib: 4_294_967_295 }],
    ['m=32,t=4294967295,p=4', { iterations: 4_294_967_295 }],
    ['m=134217720,t=3,p=16777215', { memoryKib: 134_217_720, parallelism: 16_777_215 }],
  ])('parses the greatest parameters: %s', (text, parameters) => {
    expect(parsePhc(rfcPhc.replace('m=32,t=3,p=4', text))).toMatchObject(parameters);
  });

  it('returns null for bcrypt', () => {
    expect(parsePhc(bcrypt)).toBeNull();
  });
});

describe('parseBcrypt', () => {
  it.each(['04', '09', '10', '12', '29', '30', '31'])('recognizes bcrypt of cost %s', (cost) => {
    expect(parseBcrypt(bcrypt.replace('$05', `$${cost}`))).toMatchObject({ kind: 'bcrypt', cost: Number(cost) });
  });

  it.each(['2a', '2b', '2y'])('recognizes bcrypt %s with its cost', (version) => {
    expect(parseBcrypt(bcrypt.replace('2a', version))).toMatchObject({ kind: 'bcrypt', cost: 5 });
  });

  it.each([
    bcrypt.replace('2a', '2x'),
    bcrypt.replace('2a', '2'),
    bcrypt.replace('$05', '$03'),
    bcrypt.replace('$05', '$32'),
    bcrypt.slice(0, -1),
    `${bcrypt}A`,
    `$${bcrypt}`,
    ` ${bcrypt}`,
    `${bcrypt}\n`,
  ])('rejects malformed bcrypt %s', (text) => {
    expect(parseBcrypt(text)).toBeNull();
  });

  it('clears the unused bits of salt and tag, which some implementations set', () => {
    const withBits = bcrypt.replace('CC.E5', 'CCNE5').replace(/W$/, 'X');
    expect(withBits).not.toBe(bcrypt);
    expect(parseBcrypt(withBits)?.canonical).toBe(bcrypt);
    expect(parseBcrypt(bcrypt)?.canonical).toBe(bcrypt);
  });
});

describe('needsRehash', () => {
  const parameters = { memoryKib: 32, iterations: 3, parallelism: 4 };

  it('is false for a hash with the configured parameters', () => {
    expect(needsRehash(rfcPhc, parameters)).toBe(false);
  });

  it('is true when any parameter is higher or lower', () => {
    expect(needsRehash(rfcPhc, { ...parameters, memoryKib: 64 })).toBe(true);
    expect(needsRehash(rfcPhc, { ...parameters, iterations: 2 })).toBe(true);
    expect(needsRehash(rfcPhc, { ...parameters, parallelism: 1 })).toBe(true);
  });

  it('is true for a short salt, a short tag, bcrypt and unknown formats', () => {
    expect(needsRehash(formatPhc({ ...parameters, salt: Buffer.alloc(8), tag: rfcTag }), parameters)).toBe(true);
    expect(needsRehash(formatPhc({ ...parameters, salt: rfcSalt, tag: Buffer.alloc(16) }), parameters)).toBe(true);
    expect(needsRehash(bcrypt, parameters)).toBe(true);
    expect(needsRehash('{SSHA}AAAA', parameters)).toBe(true);
  });
});

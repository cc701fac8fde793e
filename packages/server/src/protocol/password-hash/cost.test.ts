import { describe, expect, it } from 'vitest';
import { oldHashVectors } from '#test/support/old-hash-vectors.ts';
import { acceptsImportedHash, estimateCost, parsePasswordHash } from './index.ts';

const bcrypt = oldHashVectors['bcrypt $2a$'].vectors[0][1];
const argon2i = oldHashVectors.argon2i.vectors[1][1];
const scrypt = oldHashVectors.scrypt.vectors[1][1];
const pbkdf2 = oldHashVectors['PBKDF2 as PHC string'].vectors[1][1];
const longPbkdf2 = oldHashVectors['PBKDF2 as PHC string'].vectors[2][1].replace('sha512', 'sha256');
const django = oldHashVectors['PBKDF2 of Django'].vectors[0][1];
const sha512Crypt = oldHashVectors['SHA-512-crypt'].vectors[1][1];
const phpass = oldHashVectors.phpass.vectors[0][1];

describe('acceptsImportedHash', () => {
  it.each([
    [bcrypt.replace('$05$', '$14$'), bcrypt.replace('$05$', '$15$'), 'bcrypt of cost 14, not 15'],
    [argon2i.replace('m=32', 'm=131072'), argon2i.replace('m=32', 'm=131073'), 'Argon2 with 128 MiB, not more'],
    [argon2i.replace('m=32,t=1', 'm=65536,t=50'), argon2i.replace('m=32,t=1', 'm=65536,t=51'), 'Argon2 with 1 s'],
    [scrypt.replace('ln=14', 'ln=17'), scrypt.replace('ln=14', 'ln=18'), 'scrypt with 128 MiB, not 256'],
    [scrypt.replace('r=8', 'r=64'), scrypt.replace('r=8', 'r=65'), 'scrypt with large blocks'],
    [scrypt.replace('p=1', 'p=21'), scrypt.replace('p=1', 'p=22'), 'scrypt with many lanes'],
    [
      scrypt.replace('ln=14,r=8,p=1', 'ln=1,r=40,p=10000'),
      scrypt.replace('ln=14,r=8,p=1', 'ln=1,r=40,p=10300'),
      'scrypt with a small N',
    ],
    [pbkdf2.replace('i=2000', 'i=2500000'), pbkdf2.replace('i=2000', 'i=2500001'), 'PBKDF2 with one block'],
    [longPbkdf2.replace('i=1500', 'i=1250000'), longPbkdf2.replace('i=1500', 'i=1250001'), 'PBKDF2 with two blocks'],
    [django.replace('$1000$', '$1200000$'), django.replace('$1000$', '$12000000$'), "Django's defaults"],
    [sha512Crypt.replace('=10000$', '=1000000$'), sha512Crypt.replace('=10000$', '=1000001$'), 'SHA-crypt'],
    [phpass.replace('$P$9', '$P$I'), phpass.replace('$P$9', '$P$J'), 'phpass with 2^20 rounds, not 2^21'],
  ])('accepts %s and rejects %s (%s)', (accepted, rejected) => {
    expect(parsePasswordHash(rejected)).not.toBeNull();
    expect([accepted, rejected].map(acceptsImportedHash)).toEqual([true, false]);
  });

  it('accepts Argon2id up to the same limits', () => {
    const phc = (cost: string) =>
      `$argon2id$v=19$${cost}$AgICAgICAgICAgICAgICAg$DWQN9Y14dmwIwDejSotTydAe8EUtdbZetSUg6WsB5lk`;
    expect(
      ['m=19456,t=2,p=1', 'm=131072,t=3,p=4', 'm=262144,t=1,p=1', 'm=65536,t=100,p=1']
        .map(phc)
        .map(acceptsImportedHash),
    ).toEqual([true, true, false, false]);
  });
});

describe('estimateCost', () => {
  it('doubles with each step of bcrypt and counts the memory of scrypt', () => {
    const cost = (text: string) => {
      const hash = parsePasswordHash(text);
      return hash === null ? undefined : estimateCost(hash);
    };
    const [ten, eleven] = ['$10$', '$11$'].map((step) => cost(bcrypt.replace('$05$', step))?.milliseconds ?? 0);
    expect(eleven).toBe(2 * (ten ?? 0));
    expect(ten).toBeGreaterThan(20);
    expect(cost(scrypt)?.memoryKib).toBe(16 * 1024);
  });
});

import { describe, expect, it } from 'vitest';
import { acceptsImportedHash, parsePasswordHash, phcOfKeycloak } from './index.ts';
import { matchesDerivedKey } from './matching.ts';

const salt = 'AAECAwQFBgcICQoLDA0ODw==';
const credential = (algorithm: string, hashIterations: unknown, additionalParameters: unknown = {}) =>
  JSON.stringify({ hashIterations, algorithm, additionalParameters });
const secret = (value: string) => JSON.stringify({ value, salt, additionalParameters: {} });

/** Computed by Python 3.11 hashlib.pbkdf2_hmac with Keycloak's tag of 64 bytes. */
const vectors = [
  [
    'p\u00e4ssword',
    credential('pbkdf2', 2000),
    secret('pIokT+ihuISqXQHBvMsYp1SKh97fksBVR5c6082MCSOGK1QfieL7agZht2ml51RggirmATbnMkKxEWsVb2qzBg=='),
  ],
  [
    'correct horse',
    credential('pbkdf2-sha256', 2750),
    secret('HVCaS3ZhZo6+nfLkO6sG140ROlWgq+MfjkXznedoVCVClJw//FeXYjTMopLy04bVmJDVGMkDkD8TnygWCFXugg=='),
  ],
  [
    'password',
    credential('pbkdf2-sha512', 2100),
    secret('QMLA9VELJZJrBN7AVelYDx26RRTQy3JG2Tx/oOyEKkgLPVsp4ypFtGgxUl408/m6ookxt6/HOhz0XluVKv584Q=='),
  ],
] as const;

/** The form of Keycloak 24 and later; the tag is from the Python package argon2-cffi 25.1.0. */
const argon2 = { hashLength: ['32'], memory: ['64'], type: ['id'], version: ['1.3'], parallelism: ['1'] };
const argon2Secret = secret('wOUyenlgVhMLluXY24oH+HXd+6kpTDsllFwGQljv5rI=');

describe('phcOfKeycloak', () => {
  it.each(vectors)('writes a PBKDF2 credential of %j as a hash that matches it', async (password, data, secretData) => {
    const text = phcOfKeycloak(data, secretData) ?? '';
    expect(acceptsImportedHash(text)).toBe(true);
    const hash = parsePasswordHash(text);
    if (hash?.kind !== 'pbkdf2') throw new Error(`${text} is no PBKDF2 hash`);
    expect(await matchesDerivedKey(hash, password)).toBe(true);
    expect(await matchesDerivedKey(hash, `${password}.`)).toBe(false);
  });

  it('writes the documented form', () => {
    expect(phcOfKeycloak(vectors[1][1], vectors[1][2])).toBe(
      '$pbkdf2-sha256$i=2750,l=64$AAECAwQFBgcICQoLDA0ODw$HVCaS3ZhZo6+nfLkO6sG140ROlWgq+MfjkXznedoVCVClJw//FeXYjTMopLy04bVmJDVGMkDkD8TnygWCFXugg',
    );
    expect(phcOfKeycloak(credential('argon2', 5, argon2), argon2Secret)).toBe(
      '$argon2id$v=19$m=64,t=5,p=1$AAECAwQFBgcICQoLDA0ODw$wOUyenlgVhMLluXY24oH+HXd+6kpTDsllFwGQljv5rI',
    );
  });

  it.each([
    ['another algorithm', credential('bcrypt', 10), secret(salt)],
    ['an inherited name', credential('constructor', 10), secret(salt)],
    ['no algorithm', '{"hashIterations":1}', secret(salt)],
    ['no iterations', '{"algorithm":"pbkdf2"}', secret(salt)],
    ['iterations as text', credential('pbkdf2', '10'), secret(salt)],
    ['no secret', credential('pbkdf2', 10), '{}'],
    ['a tag that is not base64', credential('pbkdf2', 10), secret('%')],
    ['a list', '[]', '[]'],
    ['no JSON', '', secret(salt)],
    ['duplicate members', '{"algorithm":"pbkdf2","algorithm":"pbkdf2","hashIterations":1}', secret(salt)],
    ['Argon2 without parameters', credential('argon2', 5, null), argon2Secret],
    ['Argon2 of version 1.0', credential('argon2', 5, { ...argon2, version: ['1.0'] }), argon2Secret],
    ['Argon2 of an unknown type', credential('argon2', 5, { ...argon2, type: ['x'] }), argon2Secret],
  ])('returns null for %s', (_, data, secretData) => {
    expect(phcOfKeycloak(data, secretData)).toBeNull();
  });

  it('writes no text that the parser accepts for a parameter with a separator', () => {
    const text = phcOfKeycloak(credential('argon2', 5, { ...argon2, memory: ['64,t=1'] }), argon2Secret);
    expect(parsePasswordHash(text ?? '')).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { pageWords, readCatalogues } from '#platform/i18n/index.ts';
import { lengthComplaint, newPasswordField } from './new-password-field.ts';

const words = pageWords(readCatalogues(), 'en');
const policy = {
  profile: 'nist',
  minLength: 15,
  maxLength: 128,
  requiredClasses: [],
  maxRepeats: null,
  minEntropyBits: null,
  breachCheck: false,
} as const;

describe('newPasswordField', () => {
  it('states the least length, and why the last password was rejected', () => {
    const field = String(newPasswordField({ policy }, words, { complaint: 'It was too short.' }));
    expect(field).toContain('minlength="15"');
    expect(field).toContain('aria-invalid="true"');
    expect(field).toContain('It was too short.');
    expect(field).toContain('At least 15 characters');
  });

  it('gives the script what to tick, and no rule that only the server can check', () => {
    const rules = [...String(newPasswordField({ policy }, words)).matchAll(/<li( data-keeps="([^"]*)")?>/g)];
    expect(rules.map(([, , pattern]) => pattern)).toEqual(['^.{15,128}$', undefined, undefined]);
  });

  it('is not marked as invalid before a password was rejected', () => {
    expect(String(newPasswordField({ policy }, words))).not.toContain('aria-invalid');
  });
});

describe('lengthComplaint', () => {
  it('fills in the limits of the policy', () => {
    const complaintOf = (reason: 'too_short' | 'too_long' | undefined) =>
      lengthComplaint({ policy, checkLength: () => reason }, words, 'any');
    expect(complaintOf('too_short')).toBe('Choose a password with at least 15 characters.');
    expect(complaintOf('too_long')).toBe('Choose a password with at most 128 characters.');
    expect(complaintOf(undefined)).toBeUndefined();
  });
});

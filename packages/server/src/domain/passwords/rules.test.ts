import { afterAll, describe, expect, it } from 'vitest';
import { Problem } from '#kernel/problem.ts';
import type { Database } from '#platform/database/index.ts';
import { pageWords, readCatalogues } from '#platform/i18n/index.ts';
import type { Outbound } from '#platform/outbound/index.ts';
import { Adviser } from './advice.ts';
import { BreachedPasswords } from './breached/breached-passwords.ts';
import type { PasswordFilter } from './breached/password-filter.ts';
import { type PasswordProfile, passwordPolicies } from './policy.ts';
import { PasswordRules, passwordComplaint } from './rules.ts';

const catalogues = readCatalogues();
const adviser = new Adviser();
const leaked = 'a sentence that has become known';

afterAll(() => adviser.close());

/** `lookups` collects the passwords that the breach check receives; without it the check is not configured. */
function rulesOf(profile: PasswordProfile, lookups?: string[]): PasswordRules {
  const filter = { has: async (password: string) => (lookups?.push(password) ?? 0) > 0 && password === leaked };
  const breached = new BreachedPasswords({
    outbound: {} as Outbound,
    service: undefined,
    filter: lookups && (filter as unknown as PasswordFilter),
    onCheckFailed: () => undefined,
  });
  const database = {} as Database;
  const policy = passwordPolicies[profile];
  return new PasswordRules({ policy, database, catalogues, breached, adviser, aboutService: ['Latchkey'] });
}

async function rejectionOf(rules: PasswordRules, password: string, language = 'en', about: readonly string[] = []) {
  const candidate = { password, field: '/newPassword', languages: [language], about };
  const error: unknown = await rules.accept(candidate).catch((thrown: unknown) => thrown);
  if (!(error instanceof Problem)) throw new Error(`${password} was accepted`);
  expect(error.code).toBe('validation_failed');
  return error;
}

describe('PasswordRules', () => {
  it('publishes its policy and whether the breach check is configured', () => {
    expect(rulesOf('nist').policy).toEqual({ ...passwordPolicies.nist, breachCheck: false });
    expect(rulesOf('standard', []).policy).toEqual({ ...passwordPolicies.standard, breachCheck: true });
  });

  it('returns an accepted password in NFC', async () => {
    const typed = 'pássword with áccents'.normalize('NFD');
    const accepted = await rulesOf('standard').accept({ password: typed, field: '/password', languages: [] });
    expect(accepted).toBe(typed.normalize('NFC'));
  });

  it('counts code points after NFC', async () => {
    const decomposed = 'páßwörd with áccents'.normalize('NFD');
    const [eleven, twelve] = [decomposed.slice(0, 13), decomposed.slice(0, 14)];
    expect((await rejectionOf(rulesOf('standard'), eleven)).errors.map(({ code }) => code)).toEqual(['too_short']);
    const accepted = await rulesOf('standard').accept({ password: twelve, field: '', languages: [] });
    expect(Array.from(accepted)).toHaveLength(12);
  });

  it('returns the field, a code and a message in the user’s language for each reason', async () => {
    const short = await rejectionOf(rulesOf('standard'), 'short');
    const message = 'Choose a password with at least 12 characters.';
    expect(short.errors).toEqual([{ path: '/newPassword', code: 'too_short', message }]);
    const german = await rejectionOf(rulesOf('standard'), 'short', 'de');
    expect(german.errors[0]?.message).toBe(pageWords(catalogues, 'de').say('password.too_short', { min: 12 }));
    expect(german.errors[0]?.message).not.toBe(message);
    const nist = await rejectionOf(rulesOf('nist'), 'fourteen chars', 'de');
    expect(nist.errors).toEqual([
      { path: '/newPassword', code: 'too_short', message: 'Wählen Sie ein Passwort mit mindestens 15 Zeichen.' },
    ]);
    const long = await rejectionOf(rulesOf('standard'), 'x'.repeat(5000));
    expect(long.errors.map(({ code, message }) => [code, message])).toEqual([
      ['too_long', 'Choose a password with at most 128 characters.'],
    ]);
    const several = await rejectionOf(rulesOf('composition'), 'aaaaaaaaaaaaaa');
    expect(several.errors.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['missing_uppercase', 'missing_digit', 'missing_special', 'repeated_characters']),
    );
    expect(several.errors.map(({ message }) => message)).toContain('Don’t use a character more than 3 times in a row.');
  });

  it('adds advice to reasons of guessability only', async () => {
    const common = await rejectionOf(rulesOf('standard'), '123456789987654321');
    expect(common.errors.map(({ code }) => code)).toEqual(['too_common']);
    expect(common.errors[0]?.message).toMatch(/^This is one of the most used passwords.+ Try several words [^.]+\.$/);
    expect((await rejectionOf(rulesOf('standard'), 'short')).errors[0]?.message).not.toMatch(/Try several words/);
  });

  it('explains a rejected pattern and suggests an alternative', async () => {
    const { errors } = await rejectionOf(rulesOf('standard'), 'qwertyuiopas');
    expect(errors.map(({ code }) => code)).toEqual(['too_simple']);
    expect(errors[0]?.message).toMatch(/^This password only repeats a few characters, or follows .+ Try several words/);
    const german = await rejectionOf(rulesOf('standard'), '\u200b'.repeat(12), 'de');
    expect(german.errors[0]?.message).toMatch(/^Dieses Passwort wiederholt nur wenige Zeichen .+ mit mehreren Wörtern/);
  });

  it('rejects a password that consists of words about the service or the user', async () => {
    for (const [password, about] of [
      ['LatchkeyLatchkey1', []],
      ['lovelace lovelace', ['Ada Lovelace']],
    ] as const) {
      const { errors } = await rejectionOf(rulesOf('standard'), password, 'en', about);
      expect(errors.map(({ code }) => code)).toEqual(['contains_context']);
    }
    const password = 'lovelace lovelace';
    expect(await rulesOf('standard').accept({ password, field: '', languages: [] })).toBe(password);
  });

  it.each(['t0astie', 'toast1e', 'toasti3', 'to4stie', 'toa5tie', '7oastie', 'to@stie', 'toa$tie'])(
    'reads the digits and symbols of %s as letters',
    async (spelled) => {
      const { errors } = await rejectionOf(rulesOf('standard'), `${spelled} ${spelled}`, 'en', ['toastie']);
      expect(errors.map(({ code }) => code)).toEqual(['contains_context']);
    },
  );

  it('checks for breaches last, and only passwords that pass every other check', async () => {
    const lookups: string[] = [];
    const rules = rulesOf('standard', lookups);
    await rejectionOf(rules, 'short');
    expect(lookups).toEqual([]);
    expect((await rejectionOf(rules, leaked)).errors.map(({ code }) => code)).toEqual(['breached']);
    await rules.accept({ password: 'a sentence that is not public', field: '', languages: [] });
    expect(lookups).toEqual([leaked, 'a sentence that is not public']);
  });
});

describe('passwordComplaint', () => {
  it('is the message for a rejected password, and undefined for any other error', () => {
    const errors = ['One.', 'Two.'].map((message) => ({ path: '/password', code: 'too_short', message }));
    expect(passwordComplaint(new Problem('validation_failed', { errors }))).toBe('One. Two.');
    expect(passwordComplaint(new Problem('busy', { errors }))).toBeUndefined();
    expect(passwordComplaint(new Error('validation_failed'))).toBeUndefined();
  });
});

describe('checkLength', () => {
  it('counts code points after NFC, and never normalizes a text that is too long', () => {
    const rules = rulesOf('standard');
    expect(rules.checkLength('short')).toBe('too_short');
    expect(rules.checkLength('páßwörd äccents'.normalize('NFD'))).toBeUndefined();
    expect(rules.checkLength('x'.repeat(129))).toBe('too_long');
    expect(rules.checkLength('x'.repeat(5000))).toBe('too_long');
    expect(rules.checkLength('123456789987654321')).toBeUndefined();
  });
});

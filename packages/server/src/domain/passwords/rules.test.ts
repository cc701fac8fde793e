import { afterAll, describe, expect, it } from 'vitest';
import { Problem } from '#kernel/problem.ts';
import type { Database } from '#platform/database/index.ts';
import { pageWords, readCatalogues } from '#platform/i18n/index.ts';
import type { Outbound } from '#platform/outbound/index.ts';
import { Adviser } from './advice.ts';
import { BreachedPasswords } from './breached/breached-passwords.ts';
import type { PasswordFilter } from './breached/filter.ts';
import { type PasswordProfile, passwordPolicies } from './policy.ts';
import { PasswordRules, passwordComplaint } from './rules.ts';

const catalogues = readCatalogues();
const adviser = new Adviser();
const leaked = 'a sentence that has become known';

afterAll(() => adviser.close());

function rulesOf(profile: PasswordProfile, asked?: string[]): PasswordRules {
  const filter = { has: async (password: string) => (asked?.push(password) ?? 0) > 0 && password === leaked };
  const breached = new BreachedPasswords({
    outbound: {} as Outbound,
    service: undefined,
    filter: asked && (filter as unknown as PasswordFilter),
    onUnanswered: () => undefined,
  });
  const database = {} as Database;
  const policy = passwordPolicies[profile];
  return new PasswordRules({ policy, database, catalogues, breached, adviser, aboutService: ['Latchkey'] });
}

async function refusalOf(rules: PasswordRules, password: string, language = 'en', about: readonly string[] = []) {
  const candidate = { password, field: '/newPassword', languages: [language], about };
  const error: unknown = await rules.accept(candidate).catch((thrown: unknown) => thrown);
  if (!(error instanceof Problem)) throw new Error(`${password} was accepted`);
  expect(error.code).toBe('validation_failed');
  return error;
}

describe('PasswordRules', () => {
  it('says its policy, and whether breaches are looked up', () => {
    expect(rulesOf('nist').policy).toEqual({ ...passwordPolicies.nist, breachCheck: false });
    expect(rulesOf('standard', []).policy).toEqual({ ...passwordPolicies.standard, breachCheck: true });
  });

  it('gives an accepted password back in NFC', async () => {
    const typed = 'pássword with áccents'.normalize('NFD');
    const accepted = await rulesOf('standard').accept({ password: typed, field: '/password', languages: [] });
    expect(accepted).toBe(typed.normalize('NFC'));
  });

  it('counts code points after NFC', async () => {
    const apart = 'páßwörd with áccents'.normalize('NFD');
    const [eleven, twelve] = [apart.slice(0, 13), apart.slice(0, 14)];
    expect((await refusalOf(rulesOf('standard'), eleven)).errors.map(({ code }) => code)).toEqual(['too_short']);
    const accepted = await rulesOf('standard').accept({ password: twelve, field: '', languages: [] });
    expect(Array.from(accepted)).toHaveLength(12);
  });

  it('names the field, a code and a sentence for each reason, in the reader’s language', async () => {
    const short = await refusalOf(rulesOf('standard'), 'short');
    const sentence = 'Choose a password with at least 12 characters.';
    expect(short.errors).toEqual([{ path: '/newPassword', code: 'too_short', message: sentence }]);
    const german = await refusalOf(rulesOf('standard'), 'short', 'de');
    expect(german.errors[0]?.message).toBe(pageWords(catalogues, 'de').say('password.too_short', { min: 12 }));
    expect(german.errors[0]?.message).not.toBe(sentence);
    const nist = await refusalOf(rulesOf('nist'), 'fourteen chars', 'de');
    expect(nist.errors).toEqual([
      { path: '/newPassword', code: 'too_short', message: 'Wählen Sie ein Passwort mit mindestens 15 Zeichen.' },
    ]);
    const long = await refusalOf(rulesOf('standard'), 'x'.repeat(5000));
    expect(long.errors.map(({ code, message }) => [code, message])).toEqual([
      ['too_long', 'Choose a password with at most 128 characters.'],
    ]);
    const several = await refusalOf(rulesOf('composition'), 'aaaaaaaaaaaaaa');
    expect(several.errors.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['missing_uppercase', 'missing_digit', 'missing_special', 'repeated_characters']),
    );
    expect(several.errors.map(({ message }) => message)).toContain(
      'Do not use a character more than 3 times in a row.',
    );
  });

  it('gives advice with what is too easy, and with nothing else', async () => {
    const common = await refusalOf(rulesOf('standard'), '123456789987654321');
    expect(common.errors.map(({ code }) => code)).toEqual(['too_common']);
    expect(common.errors[0]?.message).toMatch(/^This is one of the passwords .+ Try several words [^.]+\.$/);
    expect((await refusalOf(rulesOf('standard'), 'short')).errors[0]?.message).not.toMatch(/Try several words/);
  });

  it('says of a pattern that it is one, and what would be better', async () => {
    const { errors } = await refusalOf(rulesOf('standard'), 'qwertyuiopas');
    expect(errors.map(({ code }) => code)).toEqual(['too_simple']);
    expect(errors[0]?.message).toMatch(/^This password only repeats a few characters, or follows .+ Try several words/);
    const german = await refusalOf(rulesOf('standard'), '\u200b'.repeat(12), 'de');
    expect(german.errors[0]?.message).toMatch(/^Dieses Passwort wiederholt nur wenige Zeichen .+ mit mehreren Wörtern/);
  });

  it('refuses what is made of the service’s or the person’s own words', async () => {
    for (const [password, about] of [
      ['LatchkeyLatchkey1', []],
      ['lovelace lovelace', ['Ada Lovelace']],
    ] as const) {
      const { errors } = await refusalOf(rulesOf('standard'), password, 'en', about);
      expect(errors.map(({ code }) => code)).toEqual(['contains_context']);
    }
    const password = 'lovelace lovelace';
    expect(await rulesOf('standard').accept({ password, field: '', languages: [] })).toBe(password);
  });

  it.each(['t0astie', 'toast1e', 'toasti3', 'to4stie', 'toa5tie', '7oastie', 'to@stie', 'toa$tie'])(
    'reads %s as the word that it stands for',
    async (spelled) => {
      const { errors } = await refusalOf(rulesOf('standard'), `${spelled} ${spelled}`, 'en', ['toastie']);
      expect(errors.map(({ code }) => code)).toEqual(['contains_context']);
    },
  );

  it('asks about breaches last, and only about what would be set', async () => {
    const asked: string[] = [];
    const rules = rulesOf('standard', asked);
    await refusalOf(rules, 'short');
    expect(asked).toEqual([]);
    expect((await refusalOf(rules, leaked)).errors.map(({ code }) => code)).toEqual(['breached']);
    await rules.accept({ password: 'a sentence that nobody knows', field: '', languages: [] });
    expect(asked).toEqual([leaked, 'a sentence that nobody knows']);
  });
});

describe('passwordComplaint', () => {
  it('is what a form shows for a refused password, and nothing for any other error', () => {
    const errors = ['One.', 'Two.'].map((message) => ({ path: '/password', code: 'too_short', message }));
    expect(passwordComplaint(new Problem('validation_failed', { errors }))).toBe('One. Two.');
    expect(passwordComplaint(new Problem('busy', { errors }))).toBeUndefined();
    expect(passwordComplaint(new Error('validation_failed'))).toBeUndefined();
  });
});

describe('judgeLength', () => {
  it('counts code points after NFC, and never normalizes a text that is too long anyway', () => {
    const rules = rulesOf('standard');
    expect(rules.judgeLength('short')).toBe('too_short');
    expect(rules.judgeLength('páßwörd äccents'.normalize('NFD'))).toBeUndefined();
    expect(rules.judgeLength('x'.repeat(129))).toBe('too_long');
    expect(rules.judgeLength('x'.repeat(5000))).toBe('too_long');
    expect(rules.judgeLength('123456789987654321')).toBeUndefined();
  });
});

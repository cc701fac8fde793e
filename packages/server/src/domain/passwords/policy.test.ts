import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { characterBits } from './character-bits.ts';
import { isCommonPassword } from './common-passwords.ts';
import { wordsOf } from './context-words.ts';
import { judgePassword, type PasswordProfile, passwordPolicies } from './policy.ts';

const contextWords = wordsOf(['Latchkey', '@auth.example.com', 'Ada King Lovelace', 'ada.king@analytical.example']);
const knowledge = { contextWords, isCommon: isCommonPassword };
const judge = (profile: PasswordProfile, password: string) =>
  judgePassword(passwordPolicies[profile], password, knowledge);

describe('every profile', () => {
  const profiles = ['standard', 'nist', 'composition'] as const;

  it.each(profiles)('%s takes 128 code points and not one more, nor more than 1,024 bytes', (profile) => {
    const words = 'Correct horse 7 battery; '.repeat(6);
    expect(judge(profile, words.slice(0, 128))).toEqual([]);
    expect(judge(profile, words.slice(0, 129))).toEqual(['too_long']);
    expect(judge(profile, 'é'.repeat(600))).toEqual(['too_long']);
  });

  it.each(profiles)('%s answers about any text, and takes nothing that is too short, too long or listed', (profile) => {
    const policy = passwordPolicies[profile];
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (password) => {
        const reasons = judge(profile, password);
        const length = Array.from(password).length;
        if (length < policy.minLength) expect(reasons).toEqual(['too_short']);
        if (length > policy.maxLength) expect(reasons).toEqual(['too_long']);
        expect(new Set(reasons).size).toBe(reasons.length);
      }),
    );
  });

  it.each(profiles)('%s refuses a listed password in any case and width', (profile) => {
    const fullWidth = Array.from('leavemealone', (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0)).join(
      '',
    );
    for (const spelling of ['123456789987654321', 'maurolarastefymauro']) {
      const reasons = judge(profile, spelling);
      expect([spelling, reasons.includes('too_common')]).toEqual([spelling, spelling.startsWith('1')]);
    }
    if (profile !== 'nist') {
      for (const spelling of ['leavemealone', 'LeaveMeAlone', fullWidth])
        expect(judge(profile, spelling)).toContain('too_common');
    }
  });

  it.each(profiles)('%s takes listed words inside a longer password: only the whole counts', (profile) => {
    expect(judge(profile, 'Leave me alone, 4 password dragons')).toEqual([]);
  });
});

describe('standard', () => {
  it.each([
    ['correct horse', []],
    ['SecurePass123!', []],
    ['🔑🐴🔋🎲🚲🧭🪵🧲🗿🛶🪁🎻', []],
    ['eleven char', ['too_short']],
    ['password1234', ['too_common']],
    ['123456789012', ['too_common']],
    ['qwertyuiop123', ['too_common']],
    // NIST lets spaces be typed; twelve of them are one character, and the first of all patterns.
    [' '.repeat(12), ['too_simple']],
    ['\u200b'.repeat(12), ['too_simple']],
    ['AAAAAAAAAAAA', ['too_simple']],
    ['abababababab', ['too_simple']],
    ['123412341234', ['too_simple']],
    ['abcdefghijkl', ['too_simple']],
    ['Qwertyuiopas', ['too_simple']],
  ])('%s: %j', (password, reasons) => {
    expect(judge('standard', password)).toEqual(reasons);
  });
});

describe('nist', () => {
  it.each([
    ['correct horse ', ['too_short']],
    ['correct horse b', []],
    ['SecurePass123!', ['too_short']],
    ['nothing but words', []],
  ])('%s: %j', (password, reasons) => {
    expect(judge('nist', password)).toEqual(reasons);
  });
});

describe('composition', () => {
  it.each([
    ['SecurePass123!', []],
    ['correct horse battery', ['missing_uppercase', 'missing_digit']],
    ['CORRECT HORSE 7', ['missing_lowercase']],
    ['Correct7horse', ['missing_special']],
    ['Correct7horsé', ['missing_special']],
    ['Correct horse', ['missing_digit']],
    ['Coooorrect 7 horses', ['repeated_characters']],
    ['Cooorrect 7 horses', []],
    ['Aaa111!!!bbb222', ['too_weak']],
    ['Ab1!Ab1!Ab1!', ['too_weak', 'too_simple']],
    ['Abcdefgh1234!', ['too_weak']],
    ['password1234', ['missing_uppercase', 'missing_special', 'too_weak', 'too_common']],
  ])('%s: %j', (password, reasons) => {
    expect(judge('composition', password)).toEqual(reasons);
  });
});

describe('context words', () => {
  it.each([
    'adakinglovelace',
    'Ada King Lovelace',
    'ada.king@analytical.example',
    'AdaLovelace1815',
    'L0vel@ce-1815!',
    'latchkey-latchkey',
    'Latchkey123456',
    'Latchkey12345678',
    'example-auth-example',
    'adaadaadaada',
    'lovelaceaaaaaaaa',
    'Lovelace12345678',
  ])('%s is little else than what is known of the person and the service', (password) => {
    expect(judge('standard', password)).toEqual(['contains_context']);
  });

  it.each(['lovelace battery staple', 'my Ada likes canadas', 'latchkey kids club', 'kingfisher lake 77'])(
    '%s has enough of its own',
    (password) => {
      expect(judge('standard', password)).toEqual([]);
    },
  );

  it.each(['jo@bb.technology', 'jo.li@x.international', '7@a1.photography'])(
    '%s is no password of whoever has this address, though no part of it is long',
    (address) => {
      const words = wordsOf([address]);
      for (const password of [address, address.toUpperCase(), `${address}2030!`]) {
        const known = { ...knowledge, contextWords: words };
        expect(judgePassword(passwordPolicies.standard, password, known)).toEqual(['contains_context']);
      }
    },
  );

  it('are the whole and its parts of three characters, but for the top-level domain, each once, the longest first', () => {
    expect(wordsOf(['Ada Lo', 'ada.b@mail.example.com', ''])).toEqual([
      'ada.b@mail.example.com',
      'adabmailexample',
      'example',
      'ada lo',
      'adalo',
      'mail',
      'ada',
    ]);
  });

  it('hold a domain as it is stored and as people type it', () => {
    const words = wordsOf(['ada@xn--mller-kva.example', '@auth.xn--bcher-kva.example']);
    expect(words).toEqual(expect.arrayContaining(['müller', 'bücher', 'ada@müller.example', 'kva', 'mller']));
    const known = { ...knowledge, contextWords: words };
    for (const password of ['müller.example', 'ADA@Mu\u0308ller.example', 'auth.bücher.example', 'xn--mller-kva']) {
      const reasons = judgePassword(passwordPolicies.standard, password.normalize('NFC'), known);
      expect([password, reasons]).toEqual([password, ['contains_context']]);
    }
  });

  it('never refuse a password that holds none of them', () => {
    const free = fc.stringMatching(/^[b-d]{12,40}$/);
    fc.assert(
      fc.property(free, (password) => {
        expect(judge('standard', password)).not.toContain('contains_context');
      }),
    );
  });
});

describe('characterBits', () => {
  it('is the pool of the kinds that occur, for each character that nothing predicts', () => {
    expect(characterBits('')).toBe(0);
    expect(characterBits('kqxmzr')).toBeCloseTo(6 * Math.log2(26), 9);
    expect(characterBits('SecurePass123!')).toBeCloseTo(11 * Math.log2(95) + 3, 9);
  });

  it.each(['aaaaaaaaaaaaaaaaaaaa', 'abcdefghijklmnopqrst', '98765432109876543210', 'xyxyxyxyxyxyxyxyxyxy'])(
    'gives %s little',
    (password) => {
      expect(characterBits(password)).toBeLessThan(40);
    },
  );

  it('never falls when something is added', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.string({ minLength: 1, maxLength: 5 }), (start, more) => {
        expect(characterBits(start + more)).toBeGreaterThanOrEqual(characterBits(start));
      }),
    );
  });
});

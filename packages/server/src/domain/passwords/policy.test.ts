import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { characterBits } from './character-bits.ts';
import { isCommonPassword } from './common-passwords.ts';
import { wordsOf } from './context-words.ts';
import { checkLength, checkPassword, type PasswordProfile, passwordPolicies, tickedPatterns } from './policy.ts';

const contextWords = wordsOf(['Latchkey', '@auth.example.com', 'Ada King Lovelace', 'ada.king@analytical.example']);
const blocklists = { contextWords, isCommon: isCommonPassword };
const check = (profile: PasswordProfile, password: string) =>
  checkPassword(passwordPolicies[profile], password, blocklists);

describe('every profile', () => {
  const profiles = ['standard', 'nist', 'composition'] as const;

  it.each(profiles)('%s accepts at most 128 code points and 1,024 bytes', (profile) => {
    const sentence = 'Correct horse 7 battery; '.repeat(6);
    expect(check(profile, sentence.slice(0, 128))).toEqual([]);
    expect(check(profile, sentence.slice(0, 129))).toEqual(['too_long']);
    expect(check(profile, 'é'.repeat(600))).toEqual(['too_long']);
  });

  it.each(profiles)('%s returns each reason once for any text, and a wrong length alone', (profile) => {
    const policy = passwordPolicies[profile];
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (password) => {
        const reasons = check(profile, password);
        const length = Array.from(password).length;
        if (length < policy.minLength) expect(reasons).toEqual(['too_short']);
        if (length > policy.maxLength) expect(reasons).toEqual(['too_long']);
        expect(new Set(reasons).size).toBe(reasons.length);
      }),
    );
  });

  it.each(profiles)('%s rejects a common password in any case and width', (profile) => {
    const fullWidth = Array.from('leavemealone', (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0)).join(
      '',
    );
    for (const spelling of ['123456789987654321', 'maurolarastefymauro']) {
      const reasons = check(profile, spelling);
      expect([spelling, reasons.includes('too_common')]).toEqual([spelling, spelling.startsWith('1')]);
    }
    if (profile !== 'nist') {
      for (const spelling of ['leavemealone', 'LeaveMeAlone', fullWidth])
        expect(check(profile, spelling)).toContain('too_common');
    }
  });

  it.each(profiles)('%s accepts common passwords within a longer one', (profile) => {
    expect(check(profile, 'Leave me alone, 4 password dragons')).toEqual([]);
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
    // NIST permits spaces; twelve of them are a repetition.
    [' '.repeat(12), ['too_simple']],
    ['\u200b'.repeat(12), ['too_simple']],
    ['AAAAAAAAAAAA', ['too_simple']],
    ['abababababab', ['too_simple']],
    ['123412341234', ['too_simple']],
    ['abcdefghijkl', ['too_simple']],
    ['Qwertyuiopas', ['too_simple']],
  ])('%s: %j', (password, reasons) => {
    expect(check('standard', password)).toEqual(reasons);
  });
});

describe('nist', () => {
  it.each([
    ['correct horse ', ['too_short']],
    ['correct horse b', []],
    ['SecurePass123!', ['too_short']],
    ['nothing but words', []],
  ])('%s: %j', (password, reasons) => {
    expect(check('nist', password)).toEqual(reasons);
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
    expect(check('composition', password)).toEqual(reasons);
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
  ])('%s is rejected, because it consists of words about the user and the service', (password) => {
    expect(check('standard', password)).toEqual(['contains_context']);
  });

  it.each(['lovelace battery staple', 'my Ada likes canadas', 'latchkey kids club', 'kingfisher lake 77'])(
    '%s is accepted, because enough other characters remain',
    (password) => {
      expect(check('standard', password)).toEqual([]);
    },
  );

  it.each(['jo@bb.technology', 'jo.li@x.international', '7@a1.photography'])(
    '%s is rejected for the user with this address, although each part of it is short',
    (address) => {
      const words = wordsOf([address]);
      for (const password of [address, address.toUpperCase(), `${address}2030!`]) {
        const specific = { ...blocklists, contextWords: words };
        expect(checkPassword(passwordPolicies.standard, password, specific)).toEqual(['contains_context']);
      }
    },
  );

  it('are the whole text and its parts of at least three characters without the top-level domain, longest first', () => {
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

  it('include a domain as A-labels and as U-labels', () => {
    const words = wordsOf(['ada@xn--mller-kva.example', '@auth.xn--bcher-kva.example']);
    expect(words).toEqual(expect.arrayContaining(['müller', 'bücher', 'ada@müller.example', 'kva', 'mller']));
    const specific = { ...blocklists, contextWords: words };
    for (const password of ['müller.example', 'ADA@Mu\u0308ller.example', 'auth.bücher.example', 'xn--mller-kva']) {
      const reasons = checkPassword(passwordPolicies.standard, password.normalize('NFC'), specific);
      expect([password, reasons]).toEqual([password, ['contains_context']]);
    }
  });

  it('never reject a password that contains none of them', () => {
    const withoutContext = fc.stringMatching(/^[b-d]{12,40}$/);
    fc.assert(
      fc.property(withoutContext, (password) => {
        expect(check('standard', password)).not.toContain('contains_context');
      }),
    );
  });
});

describe('characterBits', () => {
  it('counts the pool of the classes that occur for each unpredictable character', () => {
    expect(characterBits('')).toBe(0);
    expect(characterBits('kqxmzr')).toBeCloseTo(6 * Math.log2(26), 9);
    expect(characterBits('SecurePass123!')).toBeCloseTo(11 * Math.log2(95) + 3, 9);
  });

  it.each(['aaaaaaaaaaaaaaaaaaaa', 'abcdefghijklmnopqrst', '98765432109876543210', 'xyxyxyxyxyxyxyxyxyxy'])(
    'counts little for %s',
    (password) => {
      expect(characterBits(password)).toBeLessThan(40);
    },
  );

  it('never decreases when characters are appended', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.string({ minLength: 1, maxLength: 5 }), (start, more) => {
        expect(characterBits(start + more)).toBeGreaterThanOrEqual(characterBits(start));
      }),
    );
  });
});

describe('tickedPatterns', () => {
  const isTicked = (source: string, password: string) => new RegExp(source, 'su').test(password.normalize());

  it('tick what the server accepts, for any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 140 }),
        fc.constantFrom(...Object.values(passwordPolicies)),
        (text, policy) => {
          const password = text.normalize();
          fc.pre(password.isWellFormed());
          const { length, classes } = tickedPatterns(policy);
          const isLong = checkLength(policy, password) === undefined;
          expect(isTicked(length, password)).toBe(isLong);
          if (!isLong) return;
          const reasons = checkPassword(policy, password, { contextWords: [], isCommon: () => false });
          expect(isTicked(classes, password)).toBe(!reasons.some((reason) => reason.startsWith('missing_')));
        },
      ),
    );
  });
});

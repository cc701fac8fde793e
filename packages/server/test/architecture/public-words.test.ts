import { describe, expect, it } from 'vitest';
import { checkWords, publicTexts } from './public-words.ts';

const check = (locale: string, text: string) => checkWords(locale, [{ where: 'x', text }]);

describe('a text for people', () => {
  it.each([
    ['en', 'Somebody changed your password.', 'Somebody'],
    ['en', 'You can log in now.', 'log in'],
    ['en', 'Confirm your e-mail.', 'e-mail'],
    ['en', 'Users of this service', 'Users'],
    ['en', 'Close your account', 'Close your account'],
    ['de', 'Jemand hat sich angemeldet.', 'Jemand'],
    ['de', 'Ihre Email', 'Email'],
  ])('in %s is rejected: %s', (locale, text, word) => {
    expect(check(locale, text)).toEqual([`x: "${word}" is not used in texts for people`]);
  });

  it.each([
    ['en', 'Confirm your email, {user}.'],
    ['en', 'Avoid reused passwords.'],
    ['de', 'Bestätigen Sie Ihre E-Mail-Adresse.'],
  ])('in %s is accepted: %s', (locale, text) => {
    expect(check(locale, text)).toEqual([]);
  });

  it('needs a list for its language', () => {
    expect(check('fr', 'Bonjour')).toEqual(['fr: list the words that texts in this language must not contain']);
  });

  it('is read from the keys of pages and mails', () => {
    const json = '{"page.a": "A", "mail.b": "B", "cli.c": "C"}';
    expect(publicTexts('en.json', json).map(({ where }) => where)).toEqual(['en.json page.a', 'en.json mail.b']);
  });
});

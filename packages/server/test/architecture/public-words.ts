/** Words that texts for people must not contain: the keys `page.*` and `mail.*` of each locale, and problems. */

/** By language; a regular expression each, matched at word boundaries without regard to case. */
const forbiddenWords: Readonly<Record<string, readonly string[]>> = {
  en: [
    // Persons: the text speaks to its reader.
    'somebody',
    'nobody',
    'anybody',
    'whoever',
    // One spelling for each word.
    'e-mails?',
    'e-mailed',
    'user ?names?',
    'licence',
    '\\w+isations?',
    '(?:author|recogn|real|organ|custom)ise[ds]?',
    'cancelled',
    'cancelling',
    // Screens say "sign in"; codes and routes say "login".
    'log(?:s|ged|ging)? (?:in|out)',
    'log(?:in|out)s?',
    'magic links?',
    // A text gives the event and the next act, without blame.
    'oops',
    'invalid',
    'please',
    // Not the terms of the product.
    'void',
    'promised?',
    'kill(?:s|ed)?',
    'forgiven?',
    // "user" in code, "account" in public text.
    'users?',
    'close[ds]? (?:your |the |this )?account',
  ],
  de: [
    'jemand(?:em|en)?',
    'niemand(?:em|en)?',
    'irgend(?:wer|jemand)',
    'wer auch immer',
    'email',
    'einloggen',
    'bitte',
    'ungültige?[nrsm]?',
    'nutzlos',
    'nichtig',
  ],
};

export type PublicText = { readonly where: string; readonly text: string };

/** A sentence for each forbidden word. Arguments of a message, such as `{user}`, are no words. */
export function checkWords(locale: string, texts: readonly PublicText[]): string[] {
  const words = forbiddenWords[locale];
  if (words === undefined) return [`${locale}: list the words that texts in this language must not contain`];
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.join('|')})(?![\\p{L}\\p{N}])`, 'giu');
  return texts.flatMap(({ where, text }) =>
    [...text.replaceAll(/\{\w+/g, '{').matchAll(pattern)].map(
      ([word]) => `${where}: "${word}" is not used in texts for people`,
    ),
  );
}

/** The texts of a locale's file that people read on pages and in mails. */
export function publicTexts(path: string, json: string): PublicText[] {
  const messages = Object.entries(JSON.parse(json) as Readonly<Record<string, string>>);
  return messages
    .filter(([key]) => /^(?:page|mail)\./.test(key))
    .map(([key, text]) => ({ where: `${path} ${key}`, text }));
}

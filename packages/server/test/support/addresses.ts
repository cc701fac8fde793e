/** Generated email addresses, and a definition of "same mailbox" that is independent of the product's. */
import fc from 'fast-check';

const localPart = fc.stringMatching(/^[A-Za-z0-9+_'-]{1,12}(\.[A-Za-z0-9]{1,8})?$/);
const asciiLabel = fc.stringMatching(/^[A-Za-z0-9]{1,6}(-?[A-Za-z0-9]{1,5})?$/);
const letters = Array.from('äÖßçéÑøŁıİσςЖиαΩあア中한אบक１ｅＡﬁⅣaeK3');
const foreignLabel = fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 6 });
const topLabel = fc.constantFrom('example', 'com', 'Example', 'рф', 'テスト', 'みんな');

/** Mostly accepted addresses, in many scripts and spellings. */
export const address = fc
  .tuple(
    localPart,
    fc.array(fc.oneof({ arbitrary: asciiLabel, weight: 4 }, foreignLabel), { minLength: 1, maxLength: 3 }),
    topLabel,
  )
  .map(([local, labels, top]) => `${local}@${[...labels, top].join('.')}`);

const anyLabel = fc.oneof(fc.stringMatching(/^[A-Za-z0-9-]{1,12}$/), fc.string({ unit: 'grapheme', maxLength: 8 }));

/** Texts of the form `local@labels`; many are invalid. */
export const addressLike = fc
  .tuple(localPart, fc.array(anyLabel, { minLength: 1, maxLength: 4 }))
  .map(([local, labels]) => `${local}@${labels.join('.')}`);

type Spelling = (local: string, domain: string) => string;

const sameSpellings: readonly Spelling[] = [
  (local, domain) => `${local}@${domain}`,
  (local, domain) => `${local.toUpperCase()}@${domain}`,
  (local, domain) => `${local.toLowerCase()}@${hostOf(domain)}`,
  (local, domain) => `${local}@${hostOf(domain).toUpperCase()}`,
  (local, domain) => `${local}@${domain.normalize('NFD')}`,
  (local, domain) => `${local}@${domain.replaceAll('.', '\u3002')}`,
  (local, domain) => `${local}@${domain.replace(/[a-z]/g, (letter) => fullWidth(letter))}`,
];

const otherSpellings: readonly Spelling[] = [
  (local, domain) => `${local}+tag@${domain}`,
  (local, domain) => `${local.replace('.', '')}x@${domain}`,
  (local, domain) => `${local.replace('.', '')}@${domain}`,
  (local, domain) => `${local}@sub.${domain}`,
  (local, domain) => `${local}@${domain.replace('a', '\u0430')}`,
  (local, domain) => `${local}@${domain.replace('o', '0')}`,
  (local, domain) => `${local}@${domain.replace('e', '\u00e9')}`,
];

/** Two spellings, either of one mailbox or of two mailboxes that look alike. */
export const addressPair = fc
  .tuple(address, fc.constantFrom(...sameSpellings, ...otherSpellings))
  .map(([one, spell]): readonly [string, string] => {
    const [local = '', domain = ''] = one.split('@');
    return [one, spell(local, domain)];
  });

function fullWidth(letter: string): string {
  return String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0);
}

/** The host according to the WHATWG URL parser (domain to ASCII), which is independent of the product. */
function hostOf(domain: string): string {
  return URL.canParse(`http://${domain}/`) ? new URL(`http://${domain}/`).hostname : domain;
}

/** The canonical mailbox of a spelling: the ASCII local part in lower case, and the host. */
export function mailboxOf(address: string): string {
  const [local = '', domain = ''] = address.split('@');
  return `${local.toLowerCase()}@${hostOf(domain)}`;
}

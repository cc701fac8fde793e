/** Texts that run right to left, and values that run the other way than the text around them (Unicode UAX #9). */

export function directionOf(lang: string): 'ltr' | 'rtl' {
  return new Intl.Locale(lang).getTextInfo().direction === 'rtl' ? 'rtl' : 'ltr';
}

type Value = string | number | Date;

/** Letters of scripts that run right to left: Hebrew, Arabic, Syriac, Thaana, NKo and those of the supplementary plane. */
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * The values of a message, each within FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE where it may run the other way: in a text
 * that runs right to left, or because the value does. "Firefox على Windows" else reads in the wrong order. Plain texts stay plain.
 */
export function isolated(values: Readonly<Record<string, Value>>, direction: 'ltr' | 'rtl'): Record<string, Value> {
  const isolate = (value: Value) =>
    typeof value === 'string' && (direction === 'rtl' || rightToLeft.test(value)) ? `\u2068${value}\u2069` : value;
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, isolate(value)]));
}

import type { MailTheme } from '#platform/mail/index.ts';
import { colorsOf, type Theme } from '#protocol/theme/index.ts';

/** Mails look like the pages. */
export function mailThemeOf({ accent, radius, scheme }: Theme): MailTheme {
  if (scheme !== 'auto') return { colors: colorsOf(scheme, accent), radius };
  return { colors: colorsOf('light', accent), dark: colorsOf('dark', accent), radius };
}

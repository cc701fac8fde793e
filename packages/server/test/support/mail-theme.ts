import { colorsOf, defaultAccent } from '#pages/theme.ts';
import type { MailTheme } from '#platform/mail/index.ts';

/** The look of mails of a deployment that chose none. */
export const mailTheme: MailTheme = {
  colors: colorsOf('light', defaultAccent),
  dark: colorsOf('dark', defaultAccent),
  radius: 10,
};

import { mailThemeOf } from '#app/mail-theme.ts';
import type { MailTheme } from '#platform/mail/index.ts';
import { defaultTheme } from '#protocol/theme/index.ts';

/** The look of mails of a deployment that chose none. */
export const mailTheme: MailTheme = mailThemeOf(defaultTheme);

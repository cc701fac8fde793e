/** An example of each mail with made-up facts, for its preview and its tests. */
import type { Catalogues } from '#platform/i18n/index.ts';
import type { MailFacts } from './compose.ts';
import { type MailTemplate, mailTemplates } from './templates.ts';

const until = new Date('2026-01-03T03:04:05Z');
const occasion = { browser: 'Firefox', os: 'Linux', address: '192.0.2.7' };

/** The parameters that a template needs beyond where it came from. */
const own: Partial<Readonly<Record<MailTemplate, Readonly<Record<string, string>>>>> = {
  verify_email: { name: 'Grace Hopper' },
  new_device: { time: '2026-01-02T10:00:00.000Z' },
  reset_password: { name: '' },
  magic_link: { name: 'Grace Hopper' },
  email_code: { name: 'Grace Hopper' },
  email_change_confirm: { name: '' },
  identity_linked: { provider: 'Example ID' },
  identity_unlinked: { provider: 'Example ID' },
  owner_recovery: { account: 'grace@people.example' },
};

/** The facts of an example, in English. */
export function mailExamples(catalogues: Catalogues, template: MailTemplate): MailFacts {
  const { linkPath, hasCode, hasCodeBesideLink, hasFacts } = mailTemplates[template];
  // As long as the token of a link is, so that the preview shows where it breaks.
  const url = `https://auth.example.com${linkPath}?token=lk_ot_${'A1b2C3d4'.repeat(6)}`;
  return {
    catalogues,
    locale: 'en',
    recipient: 'ada@example.com',
    userName: template === 'invitation' ? '' : 'Ada Lovelace',
    params: { ...(hasFacts && occasion), ...own[template] },
    enqueuedAt: new Date('2026-01-02T03:04:05Z'),
    link: linkPath === null ? null : { url, until },
    ...((hasCode || hasCodeBesideLink) && { code: { text: '012345', until } }),
    ...(template === 'withheld_notices' && { withheld: [{ template: 'new_device', count: 140 }] }),
  };
}

import { describe, expect, it } from 'vitest';
import { readCatalogues } from '#platform/i18n/index.ts';
import { renderBody } from '#platform/mail/index.ts';
import { composeMail, isMailTemplate, type MailFacts, type MailTemplate, mailTemplates } from './templates.ts';

const facts: MailFacts = {
  catalogues: readCatalogues(),
  locale: 'en',
  service: 'auth.example.com',
  userName: 'Ada Lovelace',
  params: {},
  enqueuedAt: new Date('2026-01-02T03:04:05Z'),
  link: null,
};
const link = { url: 'https://auth.example.com/verify-email?token=t', until: new Date('2026-01-03T03:04:05Z') };
const examples: Record<MailTemplate, MailFacts> = {
  verify_email: { ...facts, params: { name: 'Grace Hopper' }, link },
  already_registered: facts,
  new_device: {
    ...facts,
    params: { device: 'Firefox on Linux', address: '192.0.2.7', time: '2026-01-02T10:00:00.000Z' },
  },
  refresh_token_reuse: facts,
  withheld_notices: { ...facts, withheld: [{ template: 'new_device', count: 140 }] },
  failed_logins: facts,
  account_deletion_scheduled: { ...facts, link },
  account_deleted: facts,
  account_deletion_canceled: facts,
  invitation: { ...facts, userName: '', link },
  reset_password: { ...facts, params: { name: '' }, link },
  magic_link: { ...facts, params: { name: 'Grace Hopper' }, link },
  email_code: { ...facts, params: { name: 'Grace Hopper' }, code: { text: '012345', until: link.until } },
  mailbox_code: { ...facts, code: { text: '012345', until: link.until } },
  password_reset_done: facts,
  password_changed: facts,
  second_factor_failed: facts,
  second_factor_added: facts,
  second_factor_removed: facts,
  authenticator_removed: facts,
  passkey_added: facts,
  security_key_added: facts,
  passkey_removed: facts,
  passkey_counter_stuck: facts,
  owner_recovery: { ...facts, params: { account: 'grace@people.example' } },
  two_step_on: facts,
  two_step_off: facts,
  recovery_codes_made: facts,
  recovery_code_used: facts,
  email_change_confirm: { ...facts, params: { name: '' }, link },
  email_change_approve: { ...facts, link },
  email_change_taken: facts,
  email_change_requested: facts,
  email_changed_notice: { ...facts, link },
  email_change_undone: facts,
};

describe.each(Object.keys(mailTemplates).filter(isMailTemplate))('the mail %s', (template) => {
  const body = composeMail(template, examples[template]);
  const { text, html } = renderBody(body);

  it('has every text in both parts, and no unresolved placeholder', () => {
    expect(body.subject).toContain('auth.example.com');
    expect(text).not.toMatch(/[{}]|undefined|Invalid Date/);
    for (const paragraph of body.paragraphs) expect(text).toContain(paragraph);
    expect(html).toContain(body.paragraphs[0]);
  });

  it('has a link or a code exactly when its template declares one', () => {
    expect(/https?:/.test(text)).toBe(mailTemplates[template].linkPath !== null);
    expect([/\b012345\b/.test(text), /\b012345\b/.test(html)]).toEqual(
      Array.from({ length: 2 }, () => mailTemplates[template].hasCode === true),
    );
  });
});

describe('composeMail', () => {
  it('greets by the name of the registration, otherwise by the name of the user', () => {
    expect(composeMail('verify_email', examples.verify_email).greeting).toBe('Hello Grace Hopper,');
    expect(composeMail('new_device', examples.new_device).greeting).toBe('Hello Ada Lovelace,');
  });

  it.each(['<img src=x>', 'Win at evil.example', 'a\r\nBcc: eve@example.net'])(
    'does not include the name %j',
    (name) => {
      const body = composeMail('verify_email', { ...examples.verify_email, params: { name } });
      const { text, html } = renderBody(body);
      expect(body.greeting).toBe('Hello,');
      expect(text + html + body.subject).not.toMatch(/img|evil|Bcc/);
    },
  );

  it('describes a new device with its address and time', () => {
    const { text } = renderBody(composeMail('new_device', examples.new_device));
    expect(text).toContain('Device: Firefox on Linux');
    expect(text).toContain('IP address: 192.0.2.7');
    expect(text).toContain('Time: January 2, 2026 at 10:00 AM UTC');
  });

  it('truncates a value and removes its line breaks', () => {
    const device = `x\r\n\u202eBcc: ${'y'.repeat(200)}`;
    const body = composeMail('new_device', { ...examples.new_device, params: { device, address: 'a', time: '2026' } });
    const line = body.paragraphs.find((paragraph) => paragraph.startsWith('Device:'));
    expect(line).toMatch(/^Device: x Bcc: y+$/);
    expect(line?.length).toBeLessThan(100);
  });
});

import { describe, expect, it } from 'vitest';
import { readCatalogues } from '#platform/i18n/index.ts';
import { renderBody } from '#platform/mail/index.ts';
import { mailTheme } from '#test/support/mail-theme.ts';
import { shownText, wordsOfText } from '#test/support/mail-words.ts';
import { composeMail } from './compose.ts';
import { mailExamples } from './examples.ts';
import { isMailTemplate, type MailTemplate, mailTemplates } from './templates.ts';

const catalogues = readCatalogues({ name: 'auth.example.com', links: [] });
const templates = Object.keys(mailTemplates).filter(isMailTemplate);

function compose(template: MailTemplate, locale = 'en', changed: Partial<ReturnType<typeof mailExamples>> = {}) {
  return composeMail(template, { ...mailExamples(catalogues, template), locale, ...changed });
}

describe.each(catalogues.locales.flatMap((locale) => templates.map((template) => [locale, template] as const)))(
  '%s: the mail %s',
  (locale, template) => {
    const body = compose(template, locale);
    const { text, html } = renderBody(body, mailTheme);

    it('names the service in a short subject, and has no unresolved placeholder', () => {
      expect(body.subject).toContain('auth.example.com');
      expect(body.subject.length).toBeLessThanOrEqual(60);
      expect(text).not.toMatch(/[{}]|undefined|Invalid Date/);
    });

    it('says the same in both parts, and something else than the subject in the list of mails', () => {
      const { words, service, preheader } = shownText(html);
      expect(words).toEqual(wordsOfText(text));
      expect(service).toBe('auth.example.com');
      expect(preheader).toBe(body.preheader);
      expect(preheader).not.toBe(body.subject);
    });

    it('has a link or a code exactly when its template declares one, and the code in the subject', () => {
      const { linkPath, hasCode = false, hasCodeBesideLink = false } = mailTemplates[template];
      expect(/https?:/.test(text)).toBe(linkPath !== null);
      for (const shown of [text, html]) expect(/\b012345\b/.test(shown)).toBe(hasCode || hasCodeBesideLink);
      expect(/\b012345\b/.test(body.subject)).toBe(hasCode);
      expect(html.match(/<a /g)?.length ?? 0).toBe(linkPath === null ? 0 : 1);
    });

    it('has an end for every link and code, and advice for those who did not ask for it', () => {
      const { linkPath, hasCode, closing, paragraphs } = mailTemplates[template];
      expect(closing.includes('expiry')).toBe(linkPath !== null || hasCode === true);
      expect([...closing, ...paragraphs].some((part) => part === 'unexpected' || part === 'advice')).toBe(true);
    });

    it('has at most 4 kB of HTML', () => {
      expect(Buffer.byteLength(html)).toBeLessThanOrEqual(4_096);
    });
  },
);

describe('composeMail', () => {
  it('greets by the name of the registration, otherwise by the name of the user', () => {
    expect(compose('verify_email').greeting).toBe('Hello Grace Hopper,');
    expect(compose('new_device').greeting).toBe('Hello Ada Lovelace,');
  });

  it.each(['<img src=x>', 'Win at evil.example', 'a\r\nBcc: eve@example.net'])(
    'does not include the name %j',
    (name) => {
      const body = compose('verify_email', 'en', { params: { name } });
      const { text, html } = renderBody(body, mailTheme);
      expect(body.greeting).toBe('Hello,');
      expect(text + html + body.subject).not.toMatch(/img|evil|Bcc/);
    },
  );

  it('describes a new device with its address and time, in the language of the reader', () => {
    const { text } = renderBody(compose('new_device', 'de'), mailTheme);
    expect(text).toContain('\nZeit: 2. Januar 2026 um 10:00 UTC\nBrowser: Firefox auf Linux\nIP-Adresse: 192.0.2.7\n');
  });

  it('says that a browser is not known', () => {
    const params = { address: '192.0.2.7' };
    expect(renderBody(compose('password_changed', 'en', { params }), mailTheme).text).toContain(
      'Browser: Unknown browser\nIP address: 192.0.2.7\n',
    );
    expect(
      renderBody(compose('password_changed', 'en', { params: { ...params, os: 'Linux' } }), mailTheme).text,
    ).toContain('Browser: Unknown browser on Linux\n');
  });

  it('shows the time alone when an operator changed the account, or a node of the previous release wrote the row', () => {
    const { facts } = compose('password_changed', 'en', { params: {} });
    expect(facts).toEqual([{ label: 'When', value: 'January 2, 2026 at 03:04 AM UTC' }]);
    const params = { device: 'Firefox on Linux', address: '192.0.2.7', time: '2026-01-02T10:00:00.000Z' };
    expect(compose('new_device', 'en', { params }).facts.map(({ value }) => value)).toEqual([
      'January 2, 2026 at 10:00 AM UTC',
      'Firefox on Linux',
      '192.0.2.7',
    ]);
  });

  it('truncates a value and removes its line breaks', () => {
    const device = `x\r\n\u202eBcc: ${'y'.repeat(200)}`;
    const [, fact] = compose('new_device', 'en', { params: { device, address: 'a', time: '2026' } }).facts;
    expect(fact?.value).toMatch(/^x Bcc: y{70,75}$/);
  });

  it('says who it was sent to, and why', () => {
    expect(compose('verify_email').foot).toBe(
      'Sent to ada@example.com because this address was entered at auth.example.com.',
    );
    expect(compose('password_changed').foot).toBe(
      'Sent to ada@example.com because of your account at auth.example.com.',
    );
  });
});

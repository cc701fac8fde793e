import { beforeAll, describe, expect, it } from 'vitest';
import { mailTemplates } from '#domain/mail-ledger/index.ts';
import { Application } from '#test/support/application.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

describe('/dev/mails', () => {
  it('200 shows an example of each mail in each language and scheme, in a sandboxed frame', async () => {
    const { status, text, headers } = await app.send('GET', '/dev/mails?template=new_device&locale=de&scheme=dark');
    expect([status, headers.get('content-security-policy')]).toEqual([
      200,
      expect.stringContaining("frame-src 'self'"),
    ]);
    expect(text).toContain(
      '<iframe class="mail" sandbox src="/dev/mails/preview?template=new_device&amp;locale=de&amp;scheme=dark"',
    );
    for (const template of Object.keys(mailTemplates)) expect(text).toContain(`template=${template}&amp;`);
    expect(text).toContain('Gerät');
  });

  it('200 for the HTML of every template, in every language and scheme', async () => {
    for (const template of Object.keys(mailTemplates)) {
      for (const locale of app.services.catalogues.locales) {
        for (const scheme of ['system', 'light', 'dark']) {
          const query = new URLSearchParams({ template, locale, scheme }).toString();
          const { status, text, headers } = await app.send('GET', `/dev/mails/preview?${query}`);
          expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
          expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*; sandbox$/);
          expect(text).toContain(`<html lang="${locale}"`);
          expect(text.includes('prefers-color-scheme')).toBe(scheme === 'system');
        }
      }
    }
  });

  it('shows the first mail for names that it does not know, and repeats none of them', async () => {
    const { status, text } = await app.send('GET', '/dev/mails?template=<script>&locale=__proto__&scheme=constructor');
    expect([status, text.includes('template=verify_email&amp;locale=en&amp;scheme=system')]).toEqual([200, true]);
    expect(text).not.toMatch(/&lt;script|__proto__|constructor/);
  });

  it.each(['192.0.2.9', '2001:db8::1'])('404 for %s', async (peerAddress) => {
    for (const path of ['/dev/mails', '/dev/mails/preview']) {
      expect((await app.send('GET', path, { peerAddress })).status).toBe(404);
    }
  });
});

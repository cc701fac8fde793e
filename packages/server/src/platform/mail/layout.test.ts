import { describe, expect, it } from 'vitest';
import { mailTheme } from '#test/support/mail-theme.ts';
import { shownText, wordsOfText } from '#test/support/mail-words.ts';
import { type MailBody, renderBody } from './layout.ts';

const body: MailBody = {
  locale: 'en',
  dir: 'ltr',
  service: 'Acme',
  subject: '482913 is your code for Acme',
  preheader: 'It works once.',
  title: 'Your code',
  greeting: 'Hello <script>alert(1)</script>,',
  paragraphs: ['One & two.'],
  facts: [{ label: 'Browser', value: 'Firefox on "Linux"' }],
  code: '482913',
  action: { label: 'Confirm', url: 'https://auth.example.com/verify-email?token=a&b=c' },
  closing: ['It works once.', 'Not you? Do nothing.'],
  foot: 'Sent to ada@example.com.',
};

describe('renderBody', () => {
  it('says the same words in both parts, in the same order', () => {
    const { text, html } = renderBody(body, mailTheme);
    const { service, preheader, ...shown } = shownText(html);
    expect([service, preheader]).toEqual([body.service, body.preheader]);
    expect(shown.words).toEqual(wordsOfText(text));
    expect(shown.words.length).toBeGreaterThan(20);
  });

  it('escapes the content in the HTML, and puts link and code on lines of their own in the text', () => {
    const { text, html } = renderBody(body, mailTheme);
    expect(text).toContain('\nhttps://auth.example.com/verify-email?token=a&b=c\n');
    expect(text).toContain('\n482913\n');
    expect(html).toContain('Hello &lt;script&gt;alert(1)&lt;/script&gt;,');
    expect(html).toContain('href="https://auth.example.com/verify-email?token=a&amp;b=c"');
    expect(html).not.toContain('<script');
  });

  it('has no link without an action, and loads nothing in any case', () => {
    const { text, html } = renderBody({ ...body, action: null }, mailTheme);
    expect(text).not.toContain('http');
    expect(html).not.toContain('href');
    expect(renderBody(body, mailTheme).html).not.toMatch(/<img|<link|<script|url\(|src=|@import|@font-face/);
  });

  it('carries the light colors on the elements and the dark ones in a style sheet', () => {
    const { html } = renderBody(body, mailTheme);
    const [head = '', shown = ''] = html.split('<body');
    expect(head).toContain('<meta name="color-scheme" content="light dark">');
    expect(head).toContain(mailTheme.dark?.ground);
    expect(shown).toContain(`background:${mailTheme.colors.ground}`);
    expect(shown).not.toContain(mailTheme.dark?.ground);
    const classes = new Set([...shown.matchAll(/class="([^"]+)"/g)].flatMap(([, names = '']) => names.split(' ')));
    for (const name of classes) expect(head).toContain(`.${name}{`);
  });

  it('has no dark colors where the deployment has one scheme', () => {
    const { html } = renderBody(body, { ...mailTheme, dark: undefined });
    expect(html).not.toMatch(/<style|color-scheme/);
  });

  it('runs from right to left where the language does, and the code and the link do not', () => {
    const { html } = renderBody({ ...body, locale: 'ar', dir: 'rtl' }, mailTheme);
    expect(html).toContain('<html lang="ar" dir="rtl">');
    expect(html).toMatch(/<p class="i" dir="ltr" [^>]*text-align:right">482913</);
    expect(html).toMatch(/<p class="s" dir="ltr" [^>]*>https:/);
    expect(html).toContain('<bdi>Firefox on &quot;Linux&quot;</bdi>');
  });
});

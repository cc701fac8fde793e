import { expect, it } from 'vitest';
import { type MailBody, renderBody } from './layout.ts';

const body: MailBody = {
  locale: 'en',
  subject: 'Confirm',
  greeting: 'Hello <script>alert(1)</script>,',
  paragraphs: ['One & two.'],
  action: { label: 'Confirm', url: 'https://auth.example.com/verify-email?token=a&b=c' },
  closing: ['Not you? Do nothing.'],
  signature: 'Latchkey',
};

it('has the same content in both parts, escapes it in the HTML, and puts the link on a line of its own in the text', () => {
  const { text, html } = renderBody(body);
  expect(text).toContain('\nhttps://auth.example.com/verify-email?token=a&b=c\n');
  expect(text).toContain('One & two.');
  expect(html).toContain('Hello &lt;script&gt;alert(1)&lt;/script&gt;,');
  expect(html).toContain('href="https://auth.example.com/verify-email?token=a&amp;b=c"');
  expect(html).toContain('One &amp; two.');
  expect(html).not.toContain('<script');
});

it('has no link without an action', () => {
  const { text, html } = renderBody({ ...body, action: null });
  expect(text).not.toContain('http');
  expect(html).not.toContain('href');
});

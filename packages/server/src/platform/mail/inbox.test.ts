import { expect, it } from 'vitest';
import { Inbox } from './inbox.ts';
import type { MailMessage } from './message.ts';

function message(to: string, n: number): MailMessage {
  const date = new Date('2026-01-02T03:04:05Z');
  const text = `Confirm:\nhttp://localhost:5625/verify-email?token=${n}\n\nor https://example.com/ later`;
  const from = { name: 'Latchkey', address: 'no-reply@localhost' };
  return { from, to, subject: `Mail ${n}`, text, html: '<p></p>', messageId: `<${n}@localhost>`, date };
}

it('lists messages newest first with their links, optionally of one recipient', async () => {
  const inbox = new Inbox();
  for (const [n, to] of ['ada@example.org', 'eve@example.net', 'ada@example.org'].entries()) {
    expect(await inbox.send(message(to, n))).toMatchObject({ kind: 'accepted', code: 250 });
  }
  expect(inbox.list().map(({ subject }) => subject)).toEqual(['Mail 2', 'Mail 1', 'Mail 0']);
  const [newest, ...older] = inbox.list('Ada@Example.org');
  expect(older).toHaveLength(1);
  expect(newest).toMatchObject({
    to: 'ada@example.org',
    subject: 'Mail 2',
    receivedAt: '2026-01-02T03:04:05.000Z',
    links: ['http://localhost:5625/verify-email?token=2', 'https://example.com/'],
  });
});

it('drops the oldest messages beyond its capacity', async () => {
  const inbox = new Inbox(2);
  for (let n = 0; n < 5; n += 1) await inbox.send(message('ada@example.org', n));
  expect(inbox.list().map(({ subject }) => subject)).toEqual(['Mail 4', 'Mail 3']);
});

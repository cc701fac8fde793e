import { beforeAll, describe, expect, it } from 'vitest';
import type { InboxMessage } from '#platform/mail/index.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import { messagesTo, register, uniqueEmail } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

async function listMessages(email: string): Promise<readonly InboxMessage[]> {
  const response = await app.send('GET', `/dev/inbox/messages?to=${encodeURIComponent(email)}`);
  return JSON.parse(response.text) as readonly InboxMessage[];
}

describe('GET /dev/inbox/messages', () => {
  it('200 lists the messages to one address with their links, newest first', async () => {
    const email = uniqueEmail();
    await register(app, email, { name: 'First' });
    await register(app, email, { name: 'Second' });
    await register(app, uniqueEmail());
    await messagesTo(app, email, 2);
    const messages = await listMessages(email);
    expect(messages.map(({ to }) => to)).toEqual([email, email]);
    expect(new Set(messages.map(({ messageId }) => messageId)).size).toBe(2);
    expect(messages.every(({ links }) => links[0]?.includes('/verify-email?token='))).toBe(true);
  });

  it('200 with an empty list for an address without mail', async () => {
    expect(await listMessages(uniqueEmail())).toEqual([]);
  });
});

describe('GET /dev/inbox', () => {
  it('200 lists recipients and subjects, those of one with ?to=, and escapes what it shows', async () => {
    const [email, other] = [uniqueEmail(), uniqueEmail()];
    await register(app, email, { name: 'Ada <i>Lovelace</i>' });
    await register(app, other);
    await messagesTo(app, email, 1);
    await messagesTo(app, other, 1);
    const page = await app.send('GET', `/dev/inbox?to=${encodeURIComponent(email)}`);
    expect(page.status).toBe(200);
    expect(page.text).toContain(`<bdi>${email}</bdi>`);
    expect(page.text).not.toContain(other);
    expect(page.text).not.toContain('<i>');
    expect((await app.send('GET', '/dev/inbox')).text).toContain(other);
  });

  it('200 opens one mail: its HTML in a sandboxed frame, its text, and its link outside of the frame', async () => {
    const email = uniqueEmail();
    await register(app, email);
    const [message] = await messagesTo(app, email, 1);
    const mail = encodeURIComponent(message?.messageId ?? '');
    const page = await app.send('GET', `/dev/inbox?to=${encodeURIComponent(email)}&mail=${mail}`);
    const link = (message?.links[0] ?? 'none').replaceAll('&', '&amp;');
    expect(page.headers.get('content-security-policy')).toContain("frame-src 'self'");
    expect(page.text).toContain(`<a href="${link}">`);
    const src = /<iframe class="mail" sandbox src="([^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const framed = await app.send('GET', src);
    expect([framed.status, framed.text]).toEqual([200, message?.html]);
    expect(framed.headers.get('content-security-policy')).toMatch(/; sandbox$/);
  });

  it('200 without a mail that is gone, whose HTML is 404', async () => {
    const page = await app.send('GET', '/dev/inbox?mail=%3Cgone%40localhost%3E');
    expect([page.status, page.text.includes('<iframe')]).toEqual([200, false]);
    expect((await app.send('GET', '/dev/inbox/mail?mail=gone')).status).toBe(404);
  });
});

describe('/dev/*', () => {
  it.each(['192.0.2.9', '10.0.0.1', '2001:db8::1', '::ffff:192.0.2.9'])('404 for %s', async (peerAddress) => {
    for (const path of ['/dev/inbox', '/dev/inbox/mail', '/dev/inbox/messages']) {
      expect((await app.send('GET', path, { peerAddress })).status).toBe(404);
    }
  });

  it.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1'])('200 for %s', async (peerAddress) => {
    expect((await app.send('GET', '/dev/inbox/messages', { peerAddress })).status).toBe(200);
  });

  it('404 in production', async () => {
    const env = {
      NODE_ENV: 'production',
      LATCHKEY_PUBLIC_URL: 'https://auth.example.com',
      SMTP_URL: 'smtps://user:secret@mail.example.com',
      LATCHKEY_ARGON2_MEMORY_KIB: '19456',
      LATCHKEY_ARGON2_TIME: '2',
    };
    const production = await Application.open({ deploymentOf: app, env, manual: true });
    const responses: AppResponse[] = [];
    for (const path of ['/dev/inbox', '/dev/mails']) responses.push(await production.send('GET', path));
    await production.close();
    expect(responses.map(({ status }) => status)).toEqual([404, 404]);
    for (const { headers } of responses) {
      expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d{8,}; includeSubDomains/);
    }
  });
});

/** Published breaks whose way in was a mail: to whom it went, what stood in it, where its link led. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '../support/application.ts';
import { allMailSent, headerOf, readMail, startMailSink, urlsIn } from '../support/raw-mail.ts';
import type { TestSmtpServer } from '../support/smtp.ts';
import { addVerifiedUser, mailsTo, newestMailedToken, uniqueEmail } from '../support/user-actions.ts';

const evil = 'eve@evil.example';

let app: Application;
let sink: TestSmtpServer;

beforeAll(async () => {
  const { server, transport } = await startMailSink();
  sink = server;
  app = await Application.open({ transport });
  return async () => {
    await app.close();
    await sink.stop();
  };
});

/** Asks for a reset link with `email` as it stands; the status. */
async function forgot(email: unknown, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  return (await app.send('POST', '/api/v1/auth/forgot-password', { json: { email }, headers })).status;
}

/** Everybody in an envelope since message `first`. */
async function recipientsSince(first: number): Promise<readonly string[]> {
  await allMailSent(app);
  return sink.received.slice(first).flatMap(({ to }) => to);
}

/** Asks with each value; answers who was written to. */
async function writtenToAfter(values: readonly unknown[], status: number): Promise<readonly string[]> {
  await allMailSent(app);
  const first = sink.received.length;
  for (const value of values) expect([value, await forgot(value)]).toEqual([value, status]);
  return recipientsSince(first);
}

// GitLab, 2024: `user[email][]` was looked up by its first member and mailed to all of them, verified or not.
// Ours: an address is one string, and a mail goes to the address as stored, never as sent.
describe('CVE-2023-7028', () => {
  it('a reset for two addresses is no request, in JSON and in a form', async () => {
    const victim = await addVerifiedUser(app);
    const lists = [[victim, evil], [victim], { 0: victim, 1: evil }, { address: victim }];
    expect(await writtenToAfter(lists, 422)).toEqual([]);
    const first = sink.received.length;
    for (const bytes of [`email[]=${victim}&email[]=${evil}`, `email=${victim}&email=${evil}`]) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const { status } = await app.send('POST', '/api/v1/auth/forgot-password', { bytes, headers });
      expect([bytes, status]).toEqual([bytes, 415]);
    }
    const twice = `{"email":"${victim}","email":"${evil}"}`;
    const headers = { 'content-type': 'application/json' };
    const { code } = await app.send('POST', '/api/v1/auth/forgot-password', { bytes: twice, headers });
    expect(code).toBe('duplicate_key');
    expect(await recipientsSince(first)).toEqual([]);
  });

  it('a link goes to the proven address alone, while another waits for its proof', async () => {
    const victim = await addVerifiedUser(app);
    const { data } = await app.send<{ accessToken: string }>('POST', '/api/v1/auth/login', {
      json: { email: victim, password: 'correct horse battery' },
    });
    const pending = uniqueEmail('pending');
    const json = { newEmail: pending, currentPassword: 'correct horse battery' };
    const asked = await app.send('POST', '/api/v1/users/me/email', { json, token: data.accessToken });
    expect(asked.status).toBe(202);
    expect(await writtenToAfter([pending], 202)).toEqual([]);
    expect(await writtenToAfter([victim], 202)).toEqual([victim]);
  });
});

// next-auth, 2022: the address of a login by mail was split at a comma only after it had been looked up, so that one
// request mailed a working link to every address of the list.
describe('CVE-2022-35924', () => {
  it('an address that is a list is none', async () => {
    const victim = await addVerifiedUser(app);
    const lists = [`${victim},${evil}`, `${evil}, ${victim}`, `${victim};${evil}`, `<${victim}>,<${evil}>`];
    expect(await writtenToAfter(lists, 422)).toEqual([]);
  });
});

// next-auth, 2022: the address was put into the HTML of the mail as it came, so that a stranger could send anybody a
// mail of ours with words and links of his own.
describe('CVE-2022-31127', () => {
  it('no words of the request stand in a mail to somebody else', async () => {
    const words = 'Claim your prize at evil.example';
    const victim = await addVerifiedUser(app);
    const markup = [`<a href="https://evil.example">${words}</a> <${victim}>`, `"${words}"@people.example`];
    expect(await writtenToAfter(markup, 422)).toEqual([]);
    const first = sink.received.length;
    const headers = { 'user-agent': `<b>${words}</b>`, 'accept-language': `<b>${words}</b>` };
    const name = `<a href="https://evil.example/">${words}</a>`;
    const json = { email: uniqueEmail(), password: 'correct horse battery', name };
    await app.send('POST', '/api/v1/auth/register', { json, headers });
    expect(await forgot(victim, headers)).toBe(202);
    expect(await recipientsSince(first)).toContain(victim);
    for (const mail of sink.received.slice(first).map(readMail)) {
      expect(`${mail.text}${mail.html}${headerOf(mail.headers, 'subject')}`).not.toMatch(/prize|evil\.example/);
    }
  });
});

// Auth.js, 2026: the address was split at `@` first and normalised by NFKC afterwards, when a full-width or small `@`
// became a real one: what had been checked and what was written to were two mailboxes.
describe('GHSA-7rqj-j65f-68wh', () => {
  it('a sign that only normalises to @ makes no address', async () => {
    const victim = await addVerifiedUser(app);
    const [local = '', domain = ''] = victim.split('@');
    const signs = ['\uff20', '\ufe6b', '@evil.example\uff20', '\uff20evil.example@'];
    expect(
      await writtenToAfter(
        signs.map((sign) => `${local}${sign}${domain}`),
        422,
      ),
    ).toEqual([]);
  });
});

// nodemailer before 7.0.7: a quoted local part with an address inside was mailed to the address inside.
// Ours: no quotes are accepted, and what is accepted is the envelope's recipient byte for byte.
describe('CVE-2025-13033', () => {
  it('a quoted local part is refused', async () => {
    const quoted = [`"${evil} x"@people.example`, `"${evil}"@people.example`, `"a\\"@evil.example"@people.example`];
    expect(await writtenToAfter(quoted, 422)).toEqual([]);
  });

  it('every accepted local part arrives as it is stored', async () => {
    const odd = ["o'brien", 'a+b', '{a}', 'a|b', '`a`', '#!$%&*/=?^_~-x', 'a.b.c'];
    const emails = odd.map((local, index) => `${local}@p${index}.people.example`);
    const first = sink.received.length;
    for (const email of emails) {
      const json = { email, password: 'correct horse battery', name: 'Ada' };
      expect([email, (await app.send('POST', '/api/v1/auth/register', { json })).status]).toEqual([email, 201]);
    }
    expect([...(await recipientsSince(first))].sort()).toEqual([...emails].sort());
  });
});

// Supabase Auth, 2024: the origin of mailed links was taken from `X-Forwarded-Host`, so that anybody could have a
// working link mailed that led to a server of his own. Every disguise of every operation is in mail-urls.test.ts.
describe('GHSA-3529-5m8x-rpv3', () => {
  it('no header moves a mailed link to another host', async () => {
    const victim = await addVerifiedUser(app);
    const first = sink.received.length;
    const headers = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example;proto=https',
      origin: 'http://localhost:3000',
    };
    expect(await forgot(victim, headers)).toBe(202);
    await allMailSent(app);
    const mail = readMail(sink.received[first] as (typeof sink.received)[number]);
    const links = [...urlsIn(mail.text), ...urlsIn(mail.html)];
    expect(links.length).toBeGreaterThan(0);
    expect(links.filter((link) => !link.startsWith('http://localhost:3000/'))).toEqual([]);
  });
});

// GitHub, 2019 (also Django's CVE-2019-19844): "mıke@" was lower-cased to "mike@" for the look-up, and the link then
// mailed to the address as typed, another person's mailbox.
describe('the dotless i in a reset mail', () => {
  it('finds nobody, and writes to nobody, in the local part and in the domain', async () => {
    const victim = `mike.${uniqueEmail('github')}`;
    const json = { email: victim, password: 'correct horse battery', name: 'Mike' };
    await app.send('POST', '/api/v1/auth/register', { json });
    const token = await newestMailedToken(app, victim, '/verify-email');
    expect((await app.send('POST', '/api/v1/auth/verify-email', { json: { token } })).status).toBe(200);
    const before = await mailsTo(app, victim);
    const folded = [victim.replace('i', '\u0131'), victim.replace('i', '\u0130'), victim.replace('k', '\u212a')];
    expect(await writtenToAfter(folded, 422)).toEqual([]);
    expect(await writtenToAfter([victim.replace('people', 'peop\u0131e')], 202)).toEqual([]);
    expect(await mailsTo(app, victim)).toEqual(before);
  });
});

/** Advisories about mails: their recipients, their content and their links. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '../support/application.ts';
import { allMailSent, headerOf, readMail, startMailSink, urlsIn } from '../support/raw-mail.ts';
import type { TestSmtpServer } from '../support/smtp.ts';
import { addVerifiedUser, mailsTo, newestMailedToken, uniqueEmail } from '../support/user-actions.ts';

const attackerEmail = 'eve@evil.example';

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

/** Requests a reset link for `email` as given; returns the status. */
async function requestReset(email: unknown, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  return (await app.send('POST', '/api/v1/auth/forgot-password', { json: { email }, headers })).status;
}

/** Every envelope recipient since message `first`. */
async function recipientsSince(first: number): Promise<readonly string[]> {
  await allMailSent(app);
  return sink.received.slice(first).flatMap(({ to }) => to);
}

/** Requests a reset link for each value; returns the recipients of mails. */
async function recipientsOfResets(values: readonly unknown[], status: number): Promise<readonly string[]> {
  await allMailSent(app);
  const first = sink.received.length;
  for (const value of values) expect([value, await requestReset(value)]).toEqual([value, status]);
  return recipientsSince(first);
}

// GitLab, 2024: `user[email][]` was looked up by its first member and mailed to all, verified or not.
// Here, an address is one string, and mail goes to the stored address only.
describe('CVE-2023-7028', () => {
  it('a reset for two addresses is rejected, in JSON and in a form', async () => {
    const victim = await addVerifiedUser(app);
    const lists = [[victim, attackerEmail], [victim], { 0: victim, 1: attackerEmail }, { address: victim }];
    expect(await recipientsOfResets(lists, 422)).toEqual([]);
    const first = sink.received.length;
    for (const bytes of [`email[]=${victim}&email[]=${attackerEmail}`, `email=${victim}&email=${attackerEmail}`]) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const { status } = await app.send('POST', '/api/v1/auth/forgot-password', { bytes, headers });
      expect([bytes, status]).toEqual([bytes, 415]);
    }
    const twice = `{"email":"${victim}","email":"${attackerEmail}"}`;
    const headers = { 'content-type': 'application/json' };
    const { code } = await app.send('POST', '/api/v1/auth/forgot-password', { bytes: twice, headers });
    expect(code).toBe('duplicate_key');
    expect(await recipientsSince(first)).toEqual([]);
  });

  it('a reset link goes to the verified address only, while another address is unconfirmed', async () => {
    const victim = await addVerifiedUser(app);
    const { data } = await app.send<{ accessToken: string }>('POST', '/api/v1/auth/login', {
      json: { email: victim, password: 'correct horse battery' },
    });
    const pending = uniqueEmail('pending');
    const json = { newEmail: pending, currentPassword: 'correct horse battery' };
    const requested = await app.send('POST', '/api/v1/users/me/email', { json, token: data.accessToken });
    expect(requested.status).toBe(202);
    expect(await recipientsOfResets([pending], 202)).toEqual([]);
    expect(await recipientsOfResets([victim], 202)).toEqual([victim]);
  });
});

// next-auth, 2022: the address of a login by mail was split at a comma after the lookup, so one request mailed a valid
// link to every address of the list.
describe('CVE-2022-35924', () => {
  it('a list of addresses is rejected', async () => {
    const victim = await addVerifiedUser(app);
    const lists = [
      `${victim},${attackerEmail}`,
      `${attackerEmail}, ${victim}`,
      `${victim};${attackerEmail}`,
      `<${victim}>,<${attackerEmail}>`,
    ];
    expect(await recipientsOfResets(lists, 422)).toEqual([]);
  });
});

// next-auth, 2022: the address was copied into the HTML of the mail, so an attacker could send mails with text and
// links of their choice.
describe('CVE-2022-31127', () => {
  it('no text of a request appears in a mail to another user', async () => {
    const words = 'Claim your prize at evil.example';
    const victim = await addVerifiedUser(app);
    const markup = [`<a href="https://evil.example">${words}</a> <${victim}>`, `"${words}"@people.example`];
    expect(await recipientsOfResets(markup, 422)).toEqual([]);
    const first = sink.received.length;
    const headers = { 'user-agent': `<b>${words}</b>`, 'accept-language': `<b>${words}</b>` };
    const name = `<a href="https://evil.example/">${words}</a>`;
    const json = { email: uniqueEmail(), password: 'correct horse battery', name };
    await app.send('POST', '/api/v1/auth/register', { json, headers });
    expect(await requestReset(victim, headers)).toBe(202);
    expect(await recipientsSince(first)).toContain(victim);
    for (const mail of sink.received.slice(first).map(readMail)) {
      expect(`${mail.text}${mail.html}${headerOf(mail.headers, 'subject')}`).not.toMatch(/your prize|evil\.example/);
    }
  });
});

// Auth.js, 2026: the address was split at `@` first and NFKC-normalized afterwards, which turned a full-width or small
// `@` into a real one: the checked address and the recipient were different mailboxes.
describe('GHSA-7rqj-j65f-68wh', () => {
  it('a character that normalizes to @ is rejected', async () => {
    const victim = await addVerifiedUser(app);
    const [local = '', domain = ''] = victim.split('@');
    const characters = ['\uff20', '\ufe6b', '@evil.example\uff20', '\uff20evil.example@'];
    expect(
      await recipientsOfResets(
        characters.map((sign) => `${local}${sign}${domain}`),
        422,
      ),
    ).toEqual([]);
  });
});

// nodemailer before 7.0.7: a quoted local part that contained an address was mailed to that address.
// Here, quotes are rejected, and an accepted address is the envelope recipient byte for byte.
describe('CVE-2025-13033', () => {
  it('a quoted local part is rejected', async () => {
    const quotedAddresses = [
      `"${attackerEmail} x"@people.example`,
      `"${attackerEmail}"@people.example`,
      `"a\\"@evil.example"@people.example`,
    ];
    expect(await recipientsOfResets(quotedAddresses, 422)).toEqual([]);
  });

  it('every accepted local part receives mail as stored', async () => {
    const unusual = ["o'brien", 'a+b', '{a}', 'a|b', '`a`', '#!$%&*/=?^_~-x', 'a.b.c'];
    const emails = unusual.map((local, index) => `${local}@p${index}.people.example`);
    const first = sink.received.length;
    for (const email of emails) {
      const json = { email, password: 'correct horse battery', name: 'Ada' };
      expect([email, (await app.send('POST', '/api/v1/auth/register', { json })).status]).toEqual([email, 201]);
    }
    expect([...(await recipientsSince(first))].sort()).toEqual([...emails].sort());
  });
});

// Supabase Auth, 2024: mailed links took their origin from `X-Forwarded-Host`, so an attacker could have a valid link
// to their own server mailed. mail-urls.test.ts covers every header and operation.
describe('GHSA-3529-5m8x-rpv3', () => {
  it('no header changes the host of a mailed link', async () => {
    const victim = await addVerifiedUser(app);
    const first = sink.received.length;
    const headers = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example;proto=https',
      origin: 'http://localhost:5625',
    };
    expect(await requestReset(victim, headers)).toBe(202);
    await allMailSent(app);
    const mail = readMail(sink.received[first] as (typeof sink.received)[number]);
    const links = [...urlsIn(mail.text), ...urlsIn(mail.html)];
    expect(links.length).toBeGreaterThan(0);
    expect(links.filter((link) => !link.startsWith('http://localhost:5625/'))).toEqual([]);
  });
});

// GitHub, 2019 (also Django's CVE-2019-19844): the lookup lower-cased "mıke@" to "mike@", but the link was mailed to
// the address as typed, another user's mailbox.
describe('the dotless i in a reset mail', () => {
  it('matches no user and sends no mail, in the local part and in the domain', async () => {
    const victim = `mike.${uniqueEmail('github')}`;
    const json = { email: victim, password: 'correct horse battery', name: 'Mike' };
    await app.send('POST', '/api/v1/auth/register', { json });
    const token = await newestMailedToken(app, victim, '/verify-email');
    expect((await app.send('POST', '/api/v1/auth/verify-email', { json: { token } })).status).toBe(200);
    const before = await mailsTo(app, victim);
    const folded = [victim.replace('i', '\u0131'), victim.replace('i', '\u0130'), victim.replace('k', '\u212a')];
    expect(await recipientsOfResets(folded, 422)).toEqual([]);
    expect(await recipientsOfResets([victim.replace('people', 'peop\u0131e')], 202)).toEqual([]);
    expect(await mailsTo(app, victim)).toEqual(before);
  });
});

/** Input for an address or a name becomes no recipient, no header, no markup and no link. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { statement } from '#platform/database/index.ts';
import { parseEmailAddress } from '#protocol/email-address/index.ts';
import { Application, type AppResponse } from './support/application.ts';
import {
  equivalentSpellings,
  hostileNames,
  invalidAddresses,
  lookalikeAddresses,
  marker,
} from './support/hostile-text.ts';
import { invite } from './support/invitations.ts';
import { loginMethodsEnabled } from './support/login-by-mail.ts';
import { allMailSent, headerOf, type ReadMail, readMail, startMailSink, urlsIn } from './support/raw-mail.ts';
import type { TestSmtpServer } from './support/smtp.ts';
import {
  addLoggedInUser,
  addVerifiedUser,
  login,
  mailedToken,
  register,
  uniqueEmail,
  validPassword,
  verifyEmail,
} from './support/user-actions.ts';
import { expectedOperations } from './surface/operations.ts';

const countMails = statement('hostile_mail_test.count', {
  lane: 'pool',
  sql: `select count(*)::int4 as mails from mail_ledger`,
  params: {},
  columns: { mails: 'int4' },
});
const countMailsOf = statement('hostile_mail_test.count_of', {
  lane: 'pool',
  sql: `select count(*)::int4 as mails from mail_ledger m join identifiers i on i.user_id = m.user_id
    where i.canonical = :email`,
  params: { email: 'text' },
  columns: { mails: 'int4' },
});
const findStored = statement('hostile_mail_test.stored', {
  lane: 'pool',
  sql: `select canonical from identifiers`,
  params: {},
  columns: { canonical: 'text' },
});

let app: Application;
let sink: TestSmtpServer;
let requester: Awaited<ReturnType<typeof addLoggedInUser>>;
/** Canonical addresses of links and invitations that no identifier stores. */
const unstoredAddresses = new Set<string>();

beforeAll(async () => {
  const { server, transport } = await startMailSink();
  sink = server;
  app = await Application.open({ transport, env: loginMethodsEnabled });
  requester = await addLoggedInUser(app);
  return async () => {
    await app.close();
    await sink.stop();
  };
});

interface AddressField {
  readonly id: string;
  readonly field: string;
}

/** Every member of a body or form that accepts addresses only. */
function findAddressFields(): AddressField[] {
  return app.endpoints.flatMap(({ id, ...endpoint }) => {
    const request = 'request' in endpoint ? (endpoint.request as Readonly<Record<string, unknown>> | undefined) : {};
    const schema = (request?.body ?? request?.form) as { readonly shape?: Record<string, z.ZodType> } | undefined;
    const fields = Object.entries(schema?.shape ?? {});
    return fields.filter(([, field]) => acceptsAddress(field)).map(([field]) => ({ id, field }));
  });
}

function acceptsAddress(field: z.ZodType): boolean {
  return field.safeParse('ada@people.example').success && !field.safeParse('not an address at all').success;
}

/** Calls an operation with its valid input and this address. */
async function sendWith({ id, field }: AddressField, address: unknown): Promise<AppResponse> {
  const operation = expectedOperations.find((expected) => expected.id === id);
  if (operation === undefined) throw new Error(`${id} is in no table`);
  const { method, path, principals, body } = operation;
  const needsSession = principals.includes('session');
  const json = { ...body, ...(needsSession ? { currentPassword: validPassword } : {}), [field]: address };
  const response = await app.send(method, path, { json, ...(needsSession ? { token: requester.accessToken } : {}) });
  const canonical = typeof address === 'string' ? canonicalOf(address) : undefined;
  if (canonical !== undefined && response.status < 300) unstoredAddresses.add(canonical);
  return response;
}

const mailsOf = async (email: string) => (await app.services.database.row(countMailsOf, { email }))?.mails;

describe('every operation that takes an address', () => {
  it('is found in the list of endpoints', () => {
    const found = findAddressFields().map(({ id, field }) => `${id} ${field}`);
    const known = ['register.person', 'verify_email.resend', 'login.password', 'password.forgot'];
    const wanted = [...known.map((id) => `${id} email`), 'change_email.request newEmail'];
    expect(found).toEqual(expect.arrayContaining(wanted));
    const inTable = expectedOperations.filter(({ body }) =>
      Object.values(body ?? {}).some((text) => /@/.test(JSON.stringify(text))),
    );
    const ids = (names: readonly string[]) => new Set(names.map((name) => name.split(' ')[0]));
    expect(ids(found)).toEqual(ids(inTable.map(({ id }) => id)));
  });

  it('422 or 413 for an invalid address, and nothing is mailed', { timeout: 60_000 }, async () => {
    const victim = await addVerifiedUser(app);
    const before = await app.services.database.row(countMails, {});
    for (const target of findAddressFields()) {
      for (const [what, value] of invalidAddresses(victim)) {
        const { status } = await sendWith(target, value);
        expect([target.id, what, status]).toEqual([target.id, what, status === 413 ? 413 : 422]);
      }
    }
    expect(await app.services.database.row(countMails, {})).toEqual(before);
  });

  it('treats a look-alike as a different address: the original receives nothing', { timeout: 60_000 }, async () => {
    const victim = await addVerifiedUser(app);
    const before = await mailsOf(victim);
    for (const target of findAddressFields()) {
      for (const [what, value] of lookalikeAddresses(victim)) {
        const { status } = await sendWith(target, value);
        expect([target.id, what, status < 500]).toEqual([target.id, what, true]);
      }
    }
    expect(await mailsOf(victim)).toBe(before);
    expect((await login(app, victim)).status).toBe(200);
  });

  it('treats another spelling as the same address, and mails to the stored one', async () => {
    const victim = await addVerifiedUser(app);
    const before = (await mailsOf(victim)) ?? 0;
    for (const [what, spelled] of equivalentSpellings(victim)) {
      expect([what, (await register(app, spelled)).status]).toEqual([what, 201]);
      await app.send('POST', '/api/v1/auth/forgot-password', { json: { email: spelled } });
    }
    await allMailSent(app);
    expect(await mailsOf(victim)).toBe(before + 2 * equivalentSpellings(victim).length);
    expect(sink.received.filter(({ to }) => to[0] === victim)).toHaveLength(
      before + 2 * equivalentSpellings(victim).length,
    );
  });
});

/** Passes the name through every operation that could put a name or a user agent into a mail. */
async function useName(name: string): Promise<void> {
  const [email, newEmail, invited] = [uniqueEmail(), uniqueEmail(), uniqueEmail()];
  unstoredAddresses.add(newEmail).add(invited);
  const headers = { 'user-agent': name.replace(/[^\x20-\x7e]/g, '') };
  if ((await register(app, email, { name })).status === 422) await register(app, email);
  await verifyEmail(app, await mailedToken(app, email));
  const token = (await login(app, email)).data.accessToken;
  await login(app, email, {}, headers);
  const renamed = await app.send('PATCH', '/api/v1/users/me', { token, json: { name } });
  expect([200, 422]).toContain(renamed.status);
  await app.send('POST', '/api/v1/auth/forgot-password', { json: { email }, headers });
  const json = { newEmail, currentPassword: validPassword };
  expect((await app.send('POST', '/api/v1/users/me/email', { token, json, headers })).status).toBe(202);
  const accepted = { token: await invite(app, invited), name, password: validPassword };
  await app.send('POST', '/api/v1/auth/accept-invitation', { json: accepted });
  await app.send('POST', '/api/v1/auth/forgot-password', { json: { email: invited } });
}

describe('every text that a user provides', () => {
  it('reaches no mail as text, markup, header or link', { timeout: 60_000 }, async () => {
    const first = sink.received.length;
    await Promise.all(hostileNames.map(useName));
    await allMailSent(app);
    expect(sink.received.length - first).toBeGreaterThan(hostileNames.length * 5);
    for (const received of sink.received.slice(first)) {
      const { text, html, headers } = readMail(received);
      expect(`${text}${html}${JSON.stringify(headers)}`).not.toContain(marker);
      expect(`${text}${withoutStyle(html)}`).not.toMatch(/evil\.example|javascript:|<script|<img|\{|\}/i);
    }
  });

  it('keeps an ordinary name as it is, escaped', async () => {
    const email = uniqueEmail();
    await register(app, email, { name: "Siobhán O'Brien" });
    await allMailSent(app);
    const received = sink.received.filter(({ to }) => to[0] === email).map(readMail);
    expect(received.map(({ text }) => text.includes("Hello Siobhán O'Brien,"))).toEqual([true]);
    expect(received[0]?.html).toContain('Hello Siobhán O&#39;Brien,');
  });
});

const headerNames = ['auto-submitted', 'content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to'];
const tags = /^(?:!doctype|\/?(?:a|b|bdi|body|div|h1|head|html|p|span|style|table|td|th|title|tr)|meta)$/i;

describe('every message sent by this file', () => {
  it("has one stored recipient, the product's sender and headers, and no foreign link", async () => {
    await allMailSent(app);
    const rows = await app.services.database.rows(findStored, {});
    const stored = new Set([...unstoredAddresses, ...rows.map(({ canonical }) => canonical)]);
    expect(sink.received.length).toBeGreaterThan(100);
    for (const received of sink.received) checkMail(readMail(received), stored);
    expect(new Set(sink.received.map((received) => styleOf(readMail(received).html))).size).toBe(1);
  });
});

function checkMail({ to, headers, text, html }: ReadMail, stored: ReadonlySet<string>): void {
  expect(headers.map(([name]) => name).sort()).toEqual(headerNames);
  // The test's SMTP server shows A-labels as U-labels; the header has them as sent.
  expect(to.map(canonicalOf)).toEqual([headerOf(headers, 'to')]);
  expect(stored).toContain(headerOf(headers, 'to'));
  expect(headerOf(headers, 'from')).toBe('localhost <no-reply@localhost>');
  expect(headerOf(headers, 'subject')).toMatch(/^[\w' -]+ localhost[\w ]*$/);
  const links = [...urlsIn(text), ...urlsIn(html)];
  expect(links.filter((link) => !link.startsWith('http://localhost:5625/'))).toEqual([]);
  expect(new Set(links).size).toBeLessThanOrEqual(1);
  expect([...html.matchAll(/<([/!]?\w*)/g)].filter(([, tag = '']) => !tags.test(tag))).toEqual([]);
}

/** The one style sheet of a mail, which no user has a part in. */
function styleOf(html: string): string {
  return /<style>[^<]*<\/style>/.exec(html)?.[0] ?? '';
}

function withoutStyle(html: string): string {
  return html.replace(styleOf(html), '');
}

function canonicalOf(address: string): string | undefined {
  const parsed = parseEmailAddress(address);
  return parsed.kind === 'ok' ? parsed.address.canonical : undefined;
}

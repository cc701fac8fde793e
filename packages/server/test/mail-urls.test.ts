/** Every URL that the product sends begins with the public URL, whatever host a request claims (invariant 7). */
import { beforeAll, describe, expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { Application } from './support/application.ts';
import { sendRaw } from './support/raw-http.ts';
import { allMailSent, urlsIn } from './support/raw-mail.ts';
import { renderedForm } from './support/rendered-form.ts';
import { attackerHost, ignoredSpoofs, rejectedSpoofs, type SpoofedRequest } from './support/spoofed-requests.ts';
import { addVerifiedUser, newestMailedToken, type Tokens, uniqueEmail, validPassword } from './support/user-actions.ts';
import { eventually } from './support/wait.ts';
import { expectedOperations } from './surface/operations.ts';

const publicUrl = 'https://login.example.com';
const laterPassword = 'another horse battery';

const countTemplates = statement('mail_urls_test.templates', {
  lane: 'pool',
  sql: `select template, count(*)::int4 as mails from mail_ledger group by template`,
  params: {},
  columns: { template: 'text', mails: 'int4' },
});

/**
 * Mails of `performFlows`. The others have no request (invitation, deletion without grace period) or are disabled
 * (login by mail).
 */
const expectedMails = [
  'account_deletion_scheduled',
  'account_deletion_canceled',
  'already_registered',
  'email_change_confirm',
  'email_change_taken',
  'email_change_undone',
  'email_changed_notice',
  'new_device',
  'password_changed',
  'password_reset_done',
  'refresh_token_reuse',
  'reset_password',
  'verify_email',
];

interface Body {
  readonly json?: unknown;
  readonly form?: string;
  readonly token?: string;
}

describe.each([
  ['without a trusted proxy', { LATCHKEY_EMAIL_CHANGE_CONFIRM: 'both' }, 'email_change_approve'],
  ['from a trusted proxy', { LATCHKEY_TRUSTED_PROXIES: '127.0.0.1' }, 'email_change_requested'],
])('spoofed requests %s', (_, env, settingMail) => {
  let app: Application;
  let port: number;
  let takenAddress: string;

  beforeAll(async () => {
    app = await Application.open({
      env: {
        ...env,
        LATCHKEY_PUBLIC_URL: publicUrl,
        LATCHKEY_CHANGE_PASSWORD_URL: `${publicUrl}/password`,
      },
    });
    const [address] = await app.server.listen({ hosts: ['127.0.0.1'], port: 0 });
    port = address?.port ?? 0;
    takenAddress = await addVerifiedUser(app);
    return () => app.close();
  });

  async function send(
    { lines, target }: SpoofedRequest,
    method: string,
    path: string,
    { json, form, token }: Body = {},
  ) {
    const body = json === undefined ? (form ?? '') : JSON.stringify(json);
    const type = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json';
    const head = [
      `${method} ${target?.(path) ?? path} HTTP/1.1`,
      ...lines(`127.0.0.1:${port}`),
      ...(body === '' ? [] : [`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`]),
      ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
      'Sec-Fetch-Site: same-origin',
      `Cookie: ${renderedForm.cookie}`,
    ];
    const response = await sendRaw(port, `${head.join('\r\n')}\r\n\r\n${body}`);
    const sent = `${JSON.stringify(response.headers)}\n${response.body}`;
    expect(sent).not.toContain(attackerHost);
    expect(sent).not.toContain(`127.0.0.1:${port}`);
    return response;
  }

  /** Performs every flow that sends a mail; returns the recipients. */
  async function performFlows(spoof: SpoofedRequest): Promise<readonly string[]> {
    const [email, newEmail] = [uniqueEmail(), uniqueEmail()];
    const post = async (path: string, json: unknown, token?: string): Promise<Tokens> => {
      const response = await send(spoof, 'POST', `/api/v1${path}`, token === undefined ? { json } : { json, token });
      expect([path, response.status, response.body]).toEqual([path, expect.toSatisfy(isSuccess), expect.any(String)]);
      expect(urlsIn(response.body)).toEqual([]);
      return (JSON.parse(response.body) as { readonly data: Tokens }).data;
    };
    const logIn = (password = validPassword) => post('/auth/login', { email, password });

    await post('/auth/register', { email, password: validPassword, name: 'Ada' });
    await post('/auth/resend-verification', { email });
    await post('/auth/verify-email', {
      token: await newestMailedToken(app, email, '/verify-email'),
      password: validPassword,
    });
    await post('/auth/register', { email, password: validPassword, name: 'Ada' });
    await logIn();
    const { refreshToken } = await logIn();
    await post('/auth/refresh', { refreshToken });
    app.clock.advance(11_000);
    const reused = await send(spoof, 'POST', '/api/v1/auth/refresh', { json: { refreshToken } });
    expect(urlsIn(reused.body).filter((url) => !url.startsWith(`${publicUrl}/`))).toEqual([]);
    await post('/auth/forgot-password', { email });
    await post('/auth/reset-password', {
      token: await newestMailedToken(app, email, '/reset-password'),
      password: laterPassword,
    });
    const passwords = { currentPassword: laterPassword, newPassword: validPassword };
    await post('/users/me/password', passwords, (await logIn(laterPassword)).accessToken);
    await changeEmailAndUndo(email, newEmail, post, (await logIn()).accessToken);
    const { accessToken: token } = await logIn(laterPassword);
    const deleted = await send(spoof, 'DELETE', '/api/v1/users/me', {
      json: { currentPassword: laterPassword },
      token,
    });
    expect(deleted.status).toBe(200);
    await post('/auth/cancel-deletion', { token: await newestMailedToken(app, email, '/cancel-deletion') });
    return [email, newEmail];
  }

  async function changeEmailAndUndo(
    email: string,
    newEmail: string,
    post: (path: string, json: unknown, token?: string) => Promise<unknown>,
    token: string,
  ): Promise<void> {
    const approve = settingMail === 'email_change_approve';
    await post('/users/me/email', { newEmail: takenAddress, currentPassword: validPassword }, token);
    // This request mailed a link to the old address too, which the next one replaces. Mails are sent several at once, so
    // the inbox may have them in any order.
    const replaced = approve ? await newestMailedToken(app, email, '/confirm-email-change') : undefined;
    await post('/users/me/email', { newEmail, currentPassword: validPassword }, token);
    const newToken = await newestMailedToken(app, newEmail, '/confirm-email-change');
    if (approve) {
      const findOther = async () => {
        const found = await newestMailedToken(app, email, '/confirm-email-change');
        return found !== replaced && found;
      };
      const approval = await eventually(findOther, { what: 'the link that replaces the first one' });
      await post('/auth/confirm-email-change', { token: approval });
    }
    await post('/auth/confirm-email-change', { token: newToken });
    const undo = { token: await newestMailedToken(app, email, '/undo-email-change'), password: laterPassword };
    await post('/auth/undo-email-change', undo);
  }

  it('every link of every mail begins with the public URL', { timeout: 60_000 }, async () => {
    const recipients = (await Promise.all(ignoredSpoofs.map(performFlows))).flat();
    await allMailSent(app);
    const counts = await app.services.database.rows(countTemplates, {});
    const frequent = counts.filter(({ mails }) => mails >= ignoredSpoofs.length).map(({ template }) => template);
    expect(frequent.sort()).toEqual([...expectedMails, settingMail].sort());
    const messages = app.inbox.list();
    expect(recipients.filter((email) => !messages.some(({ to }) => to === email))).toEqual([]);
    for (const { text, html, subject } of messages) {
      const links = [...urlsIn(text), ...urlsIn(html)];
      expect(links.filter((link) => !link.startsWith(`${publicUrl}/`))).toEqual([]);
      expect(`${subject}${text}${html}`).not.toMatch(/evil\.example|gopher:|127\.0\.0\.1:|:8443/);
    }
    expect(messages.flatMap(({ links }) => links).length).toBeGreaterThanOrEqual(ignoredSpoofs.length * 5);
  });

  it('every operation responds as without the spoofed host', { timeout: 60_000 }, async () => {
    const plain: SpoofedRequest = { what: 'nothing', lines: (host) => [`Host: ${host}`] };
    for (const operation of expectedOperations) {
      const { id, method, path, query, body, form } = operation;
      const target = query === undefined ? path : `${path}?${query}`;
      const sent = {
        ...(body && { json: body }),
        ...(form && { form: new URLSearchParams({ ...renderedForm.fields, ...form }).toString() }),
      };
      const { status } = await send(plain, method, target, sent);
      for (const spoof of ignoredSpoofs) {
        // Beyond the delay between attempts at one user.
        app.clock.advance(60_000);
        const response = await send(spoof, method, target, sent);
        // Development endpoints respond 404 under another host name, against DNS rebinding.
        const expected = id.startsWith('dev.') && response.status === 404 ? 404 : status;
        expect([id, spoof.what, response.status]).toEqual([id, spoof.what, expected]);
        const { location = '' } = response.headers;
        expect([id, urlsIn(location).filter((url) => !url.startsWith(publicUrl))]).toEqual([id, []]);
      }
    }
  });

  it('400 for an invalid request, and nothing is mailed', async () => {
    const json = { email: uniqueEmail(), password: validPassword, name: 'Ada' };
    const before = await app.services.database.rows(countTemplates, {});
    for (const spoof of rejectedSpoofs) {
      const { status } = await send(spoof, 'POST', '/api/v1/auth/register', { json });
      expect([spoof.what, status]).toEqual([spoof.what, 400]);
    }
    expect(await app.services.database.rows(countTemplates, {})).toEqual(before);
  });
});

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

import { beforeAll, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { parseEmailAddress } from '#protocol/email-address/index.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import {
  addLoggedInUser,
  addVerifiedUser,
  cookieHeader,
  isAccepted,
  login,
  mailedToken,
  mailsTo,
  messagesTo,
  newestMailedToken,
  register,
  sameOrigin,
  uniqueEmail,
  validPassword,
  verifyEmail,
} from '#test/support/user-actions.ts';
import { eventually } from '#test/support/wait.ts';

const hourMs = 60 * 60 * 1000;
const newPassword = 'chosen at the old address';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

function requestChange(
  of: Application,
  token: string,
  newEmail: unknown,
  currentPassword = validPassword,
): Promise<AppResponse> {
  return of.send('POST', '/api/v1/users/me/email', { token, json: { newEmail, currentPassword } });
}

function confirm(of: Application, token: string): Promise<AppResponse> {
  return of.send('POST', '/api/v1/auth/confirm-email-change', { json: { token } });
}

function undo(of: Application, token: string, password = newPassword): Promise<AppResponse> {
  return of.send('POST', '/api/v1/auth/undo-email-change', { json: { token, password } });
}

const confirmLink = (email: string, of = app) => newestMailedToken(of, email, '/confirm-email-change');
const undoLink = (email: string, of = app) => newestMailedToken(of, email, '/undo-email-change');

/** A user with a pending change and its link. */
async function addPendingChange(of = app) {
  const user = await addLoggedInUser(of);
  const newEmail = uniqueEmail('new');
  const response = await requestChange(of, user.accessToken, newEmail);
  expect(response.status).toBe(202);
  return { ...user, newEmail, token: await confirmLink(newEmail, of) };
}

/** A user with a confirmed change and its undo link. */
async function addConfirmedChange(of = app) {
  const user = await addPendingChange(of);
  expect((await confirm(of, user.token)).status).toBe(200);
  return { ...user, undoToken: await undoLink(user.email, of) };
}

describe('POST /api/v1/users/me/email', () => {
  it('202 sends a link to the new address and a notice to the old one, and changes nothing', async () => {
    const { email, accessToken, newEmail } = await addPendingChange();
    const profile = await app.send('GET', '/api/v1/users/me', { token: accessToken });
    expect(profile.data).toMatchObject({ email, pendingEmail: newEmail });
    expect(await mailsTo(app, email)).toContain('email_change_requested');
    expect((await login(app, newEmail)).code).toBe('invalid_credentials');
    expect((await login(app, email)).status).toBe(200);
  });

  it('202 with the same response for a taken address, and notifies only its owner', async () => {
    const owner = await addVerifiedUser(app);
    const [one, two] = [await addLoggedInUser(app), await addLoggedInUser(app)];
    const free = uniqueEmail('free');
    const [taken, untaken] = [
      await requestChange(app, one.accessToken, owner),
      await requestChange(app, two.accessToken, free),
    ];
    expect(Object.keys(taken.data as object)).toEqual(Object.keys(untaken.data as object));
    const waitingFor = ['new_address'];
    const data = { pendingEmail: owner, expiresAt: expect.any(String), waitingFor };
    expect([taken.status, taken.data]).toEqual([202, data]);
    expect(untaken.status).toBe(202);
    await confirmLink(free);
    await messagesTo(app, owner, (await mailsTo(app, owner)).length);
    expect((await mailsTo(app, owner)).at(-1)).toBe('email_change_taken');
    const links = app.inbox.list().filter(({ to, links }) => to === owner && links.join().includes('confirm-email'));
    expect(links).toEqual([]);
    expect((await login(app, owner)).status).toBe(200);
  });

  it('403 for a wrong password, without a mail', async () => {
    const { accessToken, email } = await addLoggedInUser(app);
    const response = await requestChange(app, accessToken, uniqueEmail(), 'not the password');
    expect([response.status, response.code]).toEqual([403, 'invalid_password']);
    expect(await mailsTo(app, email)).not.toContain('email_change_requested');
  });

  it('422 for the current address in any spelling', async () => {
    const { accessToken, email } = await addLoggedInUser(app);
    for (const same of [email, email.toUpperCase()]) {
      const response = await requestChange(app, accessToken, same);
      expect([response.status, response.errors[0]]).toMatchObject([422, { path: '/newEmail', code: 'same_address' }]);
    }
  });

  it.each([
    ['a list in an array', ['a@people.example', 'b@people.example']],
    ['an object', { address: 'a@people.example' }],
    ['a list', 'a@people.example,b@people.example'],
    ['a list by semicolon', 'a@people.example;b@people.example'],
    ['a comment', 'a@people.example(b@elsewhere.example)'],
    ['a display name', 'Ada <a@people.example>'],
    ['markup', '<b>a</b>@people.example'],
    ['a quoted local part', '"a b"@people.example'],
    ['a line break', 'a@people.example\r\nBcc: b@elsewhere.example'],
    ['a line break in the local part', 'a\nb@people.example'],
    ['a route', '@elsewhere.example:a@people.example'],
    ['two at signs', 'a@elsewhere.example@people.example'],
    ['a zero-width space', 'a@peo\u200bple.example'],
    ['a Cyrillic local part', '\u0430@people.example'],
    ['a literal', 'a@[192.0.2.1]'],
    ['a NUL', 'a\u0000@people.example'],
  ])('422 for %s as the new address, without a mail', async (_, newEmail) => {
    const { accessToken, email } = await addLoggedInUser(app);
    expect((await requestChange(app, accessToken, newEmail)).status).toBe(422);
    expect(await mailsTo(app, email)).not.toContain('email_change_requested');
    expect(app.inbox.list().filter(({ to }) => /elsewhere|Bcc|,|</.test(to))).toEqual([]);
  });

  it('202 for a look-alike of a taken address, without a mail to its owner or a change', async () => {
    const owner = await addVerifiedUser(app);
    const { accessToken } = await addLoggedInUser(app);
    const lookalike = owner.replace('people', 'p\u0435ople');
    const parsed = parseEmailAddress(lookalike);
    const stored = parsed.kind === 'ok' ? parsed.address.canonical : '';
    expect(stored).toMatch(/@xn--/);
    expect((await requestChange(app, accessToken, lookalike)).status).toBe(202);
    expect((await confirm(app, await confirmLink(stored))).status).toBe(200);
    expect(app.inbox.list().filter(({ to, subject }) => to === owner && /new email/i.test(subject))).toEqual([]);
    expect((await login(app, owner)).status).toBe(200);
  });

  it('replaces the pending change by a new request', async () => {
    const { accessToken, token } = await addPendingChange();
    const other = uniqueEmail('other');
    await requestChange(app, accessToken, other);
    expect((await confirm(app, token)).code).toBe('invalid_token');
    expect((await confirm(app, await confirmLink(other))).status).toBe(200);
  });
});

describe('DELETE /api/v1/users/me/email', () => {
  it('200 cancels the pending change, also when there is none', async () => {
    const { accessToken, token, email } = await addPendingChange();
    for (const _ of [1, 2]) {
      const response = await app.send('DELETE', '/api/v1/users/me/email', { token: accessToken });
      expect([response.status, response.data]).toEqual([200, {}]);
    }
    const profile = await app.send('GET', '/api/v1/users/me', { token: accessToken });
    expect(profile.data).toMatchObject({ email, pendingEmail: null });
    expect((await confirm(app, token)).code).toBe('invalid_token');
    expect((await login(app, email)).status).toBe(200);
  });
});

describe('POST /api/v1/auth/confirm-email-change', () => {
  it('200 replaces the address and ends every session', async () => {
    const { email, newEmail, token, accessToken, refreshToken } = await addPendingChange();
    const response = await confirm(app, token);
    expect([response.status, response.data]).toEqual([200, { status: 'changed', waitingFor: [] }]);
    expect(await isAccepted(app, accessToken)).toBe(false);
    const refreshed = await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
    expect(refreshed.code).toBe('invalid_refresh_token');
    expect((await login(app, email)).code).toBe('invalid_credentials');
    const { data } = await login(app, newEmail);
    const profile = await app.send('GET', '/api/v1/users/me', { token: data.accessToken });
    expect(profile.data).toMatchObject({ email: newEmail, emailVerified: true, pendingEmail: null });
    expect(await mailsTo(app, email)).toContain('email_changed_notice');
  });

  it('400 for a used link, a link of another purpose and an unknown token', async () => {
    const { token, undoToken } = await addConfirmedChange();
    for (const invalid of [token, undoToken, 'nonsense', `lk_ot_${'A'.repeat(49)}`]) {
      expect(await confirm(app, invalid)).toMatchObject({ status: 400, code: 'invalid_token' });
    }
  });

  it('400 after a logout everywhere, which raises the epoch', async () => {
    const { accessToken, token } = await addPendingChange();
    await app.send('POST', '/api/v1/auth/logout-all', { token: accessToken });
    expect((await confirm(app, token)).code).toBe('invalid_token');
  });

  it('409 when another user has verified the address meanwhile, without a change', async () => {
    const { email, newEmail, token, accessToken } = await addPendingChange();
    await register(app, newEmail);
    await verifyEmail(app, await mailedToken(app, newEmail));
    expect(await confirm(app, token)).toMatchObject({ status: 409, code: 'email_unavailable' });
    expect(await isAccepted(app, accessToken)).toBe(true);
    expect((await login(app, email)).status).toBe(200);
    const page = await app.send('POST', '/confirm-email-change', { form: { token }, headers: sameOrigin });
    expect(page.status).toBe(409);
  });

  it('200 takes the address from an unverified registration and revokes its link', async () => {
    const registered = uniqueEmail('registered');
    await register(app, registered, { password: 'of the squatter' });
    const registrationLink = await mailedToken(app, registered);
    const { accessToken } = await addLoggedInUser(app);
    await requestChange(app, accessToken, registered);
    expect((await confirm(app, await confirmLink(registered))).status).toBe(200);
    expect((await verifyEmail(app, registrationLink)).code).toBe('invalid_token');
    expect((await login(app, registered, { password: 'of the squatter' })).code).toBe('invalid_credentials');
    expect((await login(app, registered)).status).toBe(200);
  });

  it('holds the old address until the undo link expires, then releases it', async () => {
    const frozen = await Application.open({ time: new FixedClock(new Date('2030-05-05T05:05:05.005Z')) });
    const { email } = await addConfirmedChange(frozen);
    await register(frozen, email);
    expect((await mailsTo(frozen, email)).at(-1)).toBe('already_registered');
    const other = await addLoggedInUser(frozen);
    await requestChange(frozen, other.accessToken, email);
    expect((await mailsTo(frozen, email)).at(-1)).toBe('email_change_taken');
    frozen.clock.advance(72 * hourMs);
    await eventually(
      async () => {
        await register(frozen, email);
        return (await mailsTo(frozen, email)).includes('verify_email') || undefined;
      },
      { what: 'the address is free' },
    );
    await frozen.close();
  });

  it('200 until a millisecond before 24 hours have passed, then 400', async () => {
    const frozen = await Application.open({ time: new FixedClock(new Date('2030-05-05T05:05:05.005Z')) });
    const [inTime, late] = [await addPendingChange(frozen), await addPendingChange(frozen)];
    frozen.clock.advance(24 * hourMs - 1);
    expect((await confirm(frozen, inTime.token)).status).toBe(200);
    frozen.clock.advance(1);
    expect((await confirm(frozen, late.token)).code).toBe('invalid_token');
    await frozen.close();
  });
});

describe('POST /api/v1/auth/undo-email-change', () => {
  it('200 once: restores the old address with a new password and ends every session', async () => {
    const { email, newEmail, undoToken } = await addConfirmedChange();
    const attacker = (await login(app, newEmail)).data;
    const response = await undo(app, undoToken);
    expect([response.status, response.data]).toEqual([200, { status: 'restored' }]);
    expect(await isAccepted(app, attacker.accessToken)).toBe(false);
    for (const [address, password] of [
      [newEmail, validPassword],
      [newEmail, newPassword],
      [email, validPassword],
    ]) {
      expect((await login(app, address ?? '', { password })).code).toBe('invalid_credentials');
    }
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
    expect(await mailsTo(app, email)).toContain('email_change_undone');
    expect((await undo(app, undoToken)).code).toBe('invalid_token');
  });

  it('200 after a logout everywhere and a second change', async () => {
    const { email, newEmail, undoToken } = await addConfirmedChange();
    await app.send('POST', '/api/v1/auth/logout-all', { token: (await login(app, newEmail)).data.accessToken });
    const { accessToken } = (await login(app, newEmail)).data;
    const further = uniqueEmail('further');
    await requestChange(app, accessToken, further);
    expect((await confirm(app, await confirmLink(further))).status).toBe(200);
    const laterLink = await undoLink(newEmail);
    expect((await undo(app, undoToken)).status).toBe(200);
    expect((await undo(app, laterLink)).code).toBe('invalid_token');
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
    for (const removed of [newEmail, further]) {
      expect((await login(app, removed, { password: newPassword })).code).toBe('invalid_credentials');
      await register(app, removed);
      expect((await mailsTo(app, removed)).at(-1)).toBe('verify_email');
    }
  });

  it('200 for the earlier link after the later one was used', async () => {
    const { email, newEmail, undoToken } = await addConfirmedChange();
    const { accessToken } = (await login(app, newEmail)).data;
    const further = uniqueEmail('further');
    await requestChange(app, accessToken, further);
    await confirm(app, await confirmLink(further));
    expect((await undo(app, await undoLink(newEmail), 'of the other one')).status).toBe(200);
    expect((await login(app, newEmail, { password: 'of the other one' })).status).toBe(200);
    expect((await login(app, email, { password: 'of the other one' })).code).toBe('invalid_credentials');
    expect((await undo(app, undoToken)).status).toBe(200);
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
    expect((await login(app, newEmail, { password: newPassword })).code).toBe('invalid_credentials');
  });

  it('200 after a change back to the old address keeps only that address', async () => {
    const { email, newEmail, undoToken } = await addConfirmedChange();
    const { accessToken } = (await login(app, newEmail)).data;
    await requestChange(app, accessToken, email);
    expect((await confirm(app, await confirmLink(email))).status).toBe(200);
    expect((await login(app, email)).status).toBe(200);
    expect((await undo(app, undoToken)).status).toBe(200);
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
    expect((await login(app, newEmail, { password: newPassword })).code).toBe('invalid_credentials');
  });

  it('200 until a millisecond before 72 hours have passed, then 400', async () => {
    const frozen = await Application.open({ time: new FixedClock(new Date('2030-05-05T05:05:05.005Z')) });
    const [inTime, late] = [await addConfirmedChange(frozen), await addConfirmedChange(frozen)];
    frozen.clock.advance(72 * hourMs - 1);
    expect((await undo(frozen, inTime.undoToken)).status).toBe(200);
    frozen.clock.advance(1);
    expect((await undo(frozen, late.undoToken)).code).toBe('invalid_token');
    await frozen.close();
  });

  it('422 without a new password keeps the link valid', async () => {
    const { undoToken } = await addConfirmedChange();
    const bare = await app.send('POST', '/api/v1/auth/undo-email-change', { json: { token: undoToken } });
    expect([bare.status, bare.code]).toEqual([422, 'validation_failed']);
    expect((await undo(app, undoToken, 'short')).code).toBe('validation_failed');
    expect((await undo(app, undoToken)).status).toBe(200);
  });
});

describe('the pages', () => {
  const open = (path: string, token: string) => app.send('GET', `${path}?token=${encodeURIComponent(token)}`);
  const submit = (
    path: string,
    form: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = sameOrigin,
  ) => app.send('POST', path, { form, headers });

  it('200 changes nothing when a page is opened, and applies the form when it is submitted', async () => {
    const { email, newEmail, token } = await addPendingChange();
    for (const _ of [1, 2]) expect((await open('/confirm-email-change', token)).text).toContain(newEmail);
    expect((await login(app, email)).status).toBe(200);
    expect((await submit('/confirm-email-change', { token }, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await submit('/confirm-email-change', { token })).status).toBe(200);
    const undoToken = await undoLink(email);
    for (const _ of [1, 2]) {
      expect((await open('/undo-email-change', undoToken)).text).toContain('autocomplete="new-password"');
    }
    const rejected = await submit('/undo-email-change', { token: undoToken, password: 'short' });
    expect([rejected.status, rejected.text.includes('<form')]).toEqual([422, true]);
    expect((await submit('/undo-email-change', { token: undoToken, password: newPassword })).status).toBe(200);
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
    // The change does not hold any more, but its undoing does.
    expect((await open('/confirm-email-change', token)).status).toBe(400);
    expect((await open('/undo-email-change', undoToken)).status).toBe(200);
  });

  it('200 when a form is submitted twice, also at once', async () => {
    const { email, token } = await addPendingChange();
    const thrice = (path: string, form: Readonly<Record<string, string>>) =>
      Promise.all([1, 2, 3].map(() => submit(path, form)));
    const confirmed = await thrice('/confirm-email-change', { token });
    expect(confirmed.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await open('/confirm-email-change', token)).text).toContain('Email changed');
    const undoToken = await undoLink(email);
    const undone = await thrice('/undo-email-change', { token: undoToken, password: newPassword });
    expect(undone.map(({ status, text }) => [status, text.includes('Email restored')])).toEqual(
      Array.from({ length: 3 }, () => [200, true]),
    );
  });

  it.each(['/confirm-email-change', '/undo-email-change'])(
    '400 at %s for an unknown token, without a form',
    async (path) => {
      const page = await open(path, `lk_ot_${'A'.repeat(49)}`);
      expect([page.status, page.text.includes('<form')]).toEqual([400, false]);
      const sent = await submit(path, { token: `lk_ot_${'A'.repeat(49)}` });
      expect([sent.status, sent.text.includes('<form')]).toEqual([400, false]);
    },
  );
});

it('403 for a cookie session when another site requests the change', async () => {
  const email = await addVerifiedUser(app);
  const cookie = cookieHeader((await login(app, email, { transport: 'cookie' })).cookies);
  const json = { newEmail: uniqueEmail(), currentPassword: validPassword };
  const send = (headers: Readonly<Record<string, string>>) =>
    app.send('POST', '/api/v1/users/me/email', { cookie, json, headers });
  expect((await send({ 'sec-fetch-site': 'cross-site' })).code).toBe('cross_site_request');
  expect((await send(sameOrigin)).status).toBe(202);
});

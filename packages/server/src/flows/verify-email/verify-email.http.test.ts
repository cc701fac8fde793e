import { beforeAll, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import {
  login,
  mailedToken,
  register,
  sameOrigin,
  uniqueEmail,
  validPassword,
  verifyEmail,
} from '#test/support/user-actions.ts';

const dayMs = 24 * 60 * 60 * 1000;
const newPassword = 'chosen on the page';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

/** Somebody who registered and has not pressed the link. */
async function addWaiting(): Promise<{ readonly email: string; readonly token: string }> {
  const email = uniqueEmail();
  await register(app, email);
  return { email, token: await mailedToken(app, email) };
}

/** Somebody whose address was registered twice, and who asked for a link that belongs to neither. */
async function addContested(): Promise<{ readonly email: string; readonly token: string }> {
  const email = uniqueEmail();
  await register(app, email, { name: 'First' });
  await register(app, email, { name: 'Second' });
  await app.send('POST', '/api/v1/auth/resend-verification', { json: { email } });
  return { email, token: await mailedToken(app, email, 3) };
}

function openPage(token: string): Promise<AppResponse> {
  return app.send('GET', `/verify-email?token=${encodeURIComponent(token)}`);
}

function submit(
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = sameOrigin,
): Promise<AppResponse> {
  return app.send('POST', '/verify-email', { form, headers });
}

describe('POST /api/v1/auth/verify-email', () => {
  it('200 proves the address, and only then a login succeeds', async () => {
    const { email, token } = await addWaiting();
    expect((await login(app, email)).code).toBe('email_not_verified');
    const answer = await verifyEmail(app, token);
    expect([answer.status, answer.data]).toEqual([200, { status: 'verified' }]);
    expect((await login(app, email)).status).toBe(200);
  });

  it('400 for a link that was used', async () => {
    const { token } = await addWaiting();
    await verifyEmail(app, token);
    expect(await verifyEmail(app, token)).toMatchObject({ status: 400, code: 'invalid_token' });
  });

  it('400 for a link that another one replaced', async () => {
    const { email, token } = await addWaiting();
    await register(app, email);
    await verifyEmail(app, await mailedToken(app, email, 2));
    expect(await verifyEmail(app, token)).toMatchObject({ status: 400, code: 'invalid_token' });
  });

  it('200 a millisecond before 24 hours, 400 from then on', async () => {
    const frozen = await Application.open({ time: new FixedClock(new Date('2030-05-05T05:05:05.005Z')) });
    const registerAndRead = async () => {
      const email = uniqueEmail();
      await register(frozen, email);
      return mailedToken(frozen, email);
    };
    const [inTime, late] = [await registerAndRead(), await registerAndRead()];
    frozen.clock.advance(dayMs - 1);
    expect((await verifyEmail(frozen, inTime)).status).toBe(200);
    frozen.clock.advance(1);
    expect(await verifyEmail(frozen, late)).toMatchObject({ status: 400, code: 'invalid_token' });
    await frozen.close();
  });

  it.each(['lk_ot_', 'nonsense', `lk_ot_${'A'.repeat(49)}`, 'x'.repeat(200)])(
    '400 for %s, which we never made',
    async (token) => {
      expect(await verifyEmail(app, token)).toMatchObject({ status: 400, code: 'invalid_token' });
    },
  );

  it('422 for a link of several registrations without a password, and the link stays good for one with it', async () => {
    const { email, token } = await addContested();
    expect(await verifyEmail(app, token)).toMatchObject({ status: 422, code: 'password_required' });
    expect((await verifyEmail(app, token, 'too short')).code).toBe('validation_failed');
    expect((await verifyEmail(app, token, newPassword)).status).toBe(200);
    expect((await login(app, email)).code).toBe('invalid_credentials');
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
  });

  it('200 with a password that nobody asked for sets that password: whoever holds the link owns the mailbox', async () => {
    const { email, token } = await addWaiting();
    expect((await verifyEmail(app, token, newPassword)).status).toBe(200);
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
    expect((await login(app, email)).code).toBe('invalid_credentials');
  });
});

describe('GET /api/v1/auth/verify-email', () => {
  it('200 consumes the token, for clients that only follow links', async () => {
    const { email, token } = await addWaiting();
    const get = () => app.send('GET', `/api/v1/auth/verify-email?token=${token}`);
    expect((await get()).status).toBe(200);
    expect((await login(app, email)).status).toBe(200);
    expect(await get()).toMatchObject({ status: 400, code: 'invalid_token' });
  });

  it('422 for a link that needs a password, which a GET cannot bring', async () => {
    const { token } = await addContested();
    expect((await app.send('GET', `/api/v1/auth/verify-email?token=${token}`)).code).toBe('password_required');
    const more = await app.send('GET', `/api/v1/auth/verify-email?token=${token}&password=${newPassword}`);
    expect(more.code).toBe('validation_failed');
  });

  it('is what `/api/auth/verify-email` means too', async () => {
    const { token } = await addWaiting();
    const head = await app.send('HEAD', `/api/auth/verify-email?token=${token}`);
    expect([head.status, head.headers.get('allow')]).toEqual([405, 'POST, GET, OPTIONS']);
    expect((await app.send('GET', `/api/auth/verify-email?token=${token}`)).status).toBe(200);
  });
});

describe('GET /verify-email', () => {
  it('200 shows whose registration it is and changes nothing, however often it is opened', async () => {
    const { email, token } = await addWaiting();
    for (const _ of [1, 2, 3]) {
      const page = await openPage(token);
      expect(page.status).toBe(200);
      expect(page.text).toContain('Ada Lovelace');
      expect(page.text).toContain('this wasn’t me');
      expect(page.text).not.toContain('type="password"');
    }
    await app.send('HEAD', `/verify-email?token=${token}`);
    expect((await login(app, email)).code).toBe('email_not_verified');
    expect((await verifyEmail(app, token)).status).toBe(200);
  });

  it('200 asks for a password when the link carries none', async () => {
    const { token } = await addContested();
    const page = await openPage(token);
    expect(page.text).toContain('autocomplete="new-password"');
    expect(page.text).not.toMatch(/First|Second/);
  });

  it('400 says that a dead link is dead, and holds no form', async () => {
    const { token } = await addWaiting();
    await verifyEmail(app, token);
    const page = await openPage(token);
    expect(page.status).toBe(400);
    expect(page.text).not.toContain('<form');
  });

  it('shows a name as text', async () => {
    const email = uniqueEmail();
    await register(app, email, { name: '<script>alert(1)</script>' });
    const page = await openPage(await mailedToken(app, email));
    expect(page.text).not.toContain('<script');
    expect(page.text).toContain('&lt;script');
  });
});

describe('POST /verify-email', () => {
  it('200 verifies when the first button is pressed', async () => {
    const { email, token } = await addWaiting();
    expect((await submit({ token, choice: 'verify' })).status).toBe(200);
    expect((await login(app, email)).status).toBe(200);
  });

  it('200 voids the registration when the second button is pressed', async () => {
    const { email, token } = await addWaiting();
    expect((await submit({ token, choice: 'disown' })).status).toBe(200);
    expect((await verifyEmail(app, token)).code).toBe('invalid_token');
    expect((await submit({ token, choice: 'disown' })).status).toBe(400);
    expect((await login(app, email)).code).toBe('email_not_verified');
  });

  it('disowning one registration leaves the link of another alive', async () => {
    const { email, token } = await addWaiting();
    await register(app, email, { name: 'The owner' });
    await submit({ token, choice: 'disown' });
    expect((await verifyEmail(app, await mailedToken(app, email, 2))).status).toBe(200);
  });

  it('422 shows the form again with what is wrong with the password, and 200 takes a good one', async () => {
    const { email, token } = await addContested();
    const refused = await submit({ token, choice: 'verify', password: 'short' });
    expect(refused.status).toBe(422);
    expect(refused.text).toContain('at least 12 characters');
    expect(refused.text).toContain('<form');
    expect((await submit({ token, choice: 'verify', password: newPassword })).status).toBe(200);
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
  });

  it('400 for a dead link', async () => {
    const { token } = await addWaiting();
    await verifyEmail(app, token);
    expect((await submit({ token, choice: 'verify' })).status).toBe(400);
  });

  it('403 when another site sends the form', async () => {
    const { email, token } = await addWaiting();
    const form = { token, choice: 'verify' };
    expect((await submit(form, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await submit(form, { origin: 'https://elsewhere.example' })).status).toBe(403);
    expect((await login(app, email)).code).toBe('email_not_verified');
    expect((await submit(form, { origin: 'http://localhost:3000' })).status).toBe(200);
  });

  it('415 for JSON, 422 for a field that is not known', async () => {
    const { token } = await addWaiting();
    expect((await app.send('POST', '/verify-email', { json: { token }, headers: sameOrigin })).status).toBe(415);
    expect((await submit({ token, choice: 'verify', name: validPassword })).status).toBe(422);
  });
});

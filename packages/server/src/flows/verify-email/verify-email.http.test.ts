import { beforeAll, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import { foreignScripts } from '#test/support/markup.ts';
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

/** A pending registration with its link. */
async function addPending(): Promise<{ readonly email: string; readonly token: string }> {
  const email = uniqueEmail();
  await register(app, email);
  return { email, token: await mailedToken(app, email) };
}

/** An address with two pending registrations and a link that carries neither. */
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
  it('200 verifies the address, which enables the login', async () => {
    const { email, token } = await addPending();
    expect((await login(app, email)).code).toBe('email_not_verified');
    const response = await verifyEmail(app, token);
    expect([response.status, response.data]).toEqual([200, { status: 'verified' }]);
    expect((await login(app, email)).status).toBe(200);
  });

  it.each([
    ['Ada Lovelace', true],
    ["Siobhán O'Brien", true],
    ['Win at evil.example', false],
    ['Your account is closed, call 0190 123456', false],
  ])('shows on its page the name %j of the registration: %s', async (name, isShown) => {
    const email = uniqueEmail();
    await register(app, email, { name });
    const page = await openPage(await mailedToken(app, email));
    const fact = `<dt>Name</dt><dd><bdi>${name.replace("'", '&#39;')}</bdi>`;
    expect([page.status, page.text.includes(fact)]).toEqual([200, isShown]);
    expect(page.text).toContain('An account was created with this email');
    expect(page.text).not.toMatch(/evil\.example|0190 123456/);
  });

  it('400 for a link that was used', async () => {
    const { token } = await addPending();
    await verifyEmail(app, token);
    expect(await verifyEmail(app, token)).toMatchObject({ status: 400, code: 'invalid_token' });
  });

  it('400 for a link that was replaced by the use of another', async () => {
    const { email, token } = await addPending();
    await register(app, email);
    await verifyEmail(app, await mailedToken(app, email, 2));
    expect(await verifyEmail(app, token)).toMatchObject({ status: 400, code: 'invalid_token' });
  });

  it('200 until a millisecond before 24 hours have passed, then 400', async () => {
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
    '400 for the unknown token %s',
    async (token) => {
      expect(await verifyEmail(app, token)).toMatchObject({ status: 400, code: 'invalid_token' });
    },
  );

  it('422 without a password for a link of several registrations; the link stays valid', async () => {
    const { email, token } = await addContested();
    expect(await verifyEmail(app, token)).toMatchObject({ status: 422, code: 'password_required' });
    expect((await verifyEmail(app, token, 'too short')).code).toBe('validation_failed');
    expect((await verifyEmail(app, token, newPassword)).status).toBe(200);
    expect((await login(app, email)).code).toBe('invalid_credentials');
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
  });

  it('200 with an optional password replaces the password of the registration', async () => {
    const { email, token } = await addPending();
    expect((await verifyEmail(app, token, newPassword)).status).toBe(200);
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
    expect((await login(app, email)).code).toBe('invalid_credentials');
  });
});

describe('GET /api/v1/auth/verify-email', () => {
  it('200 consumes the token, for clients that only follow links', async () => {
    const { email, token } = await addPending();
    const get = () => app.send('GET', `/api/v1/auth/verify-email?token=${token}`);
    expect((await get()).status).toBe(200);
    expect((await login(app, email)).status).toBe(200);
    expect(await get()).toMatchObject({ status: 400, code: 'invalid_token' });
  });

  it('422 for a link that requires a password, which a GET cannot send', async () => {
    const { token } = await addContested();
    expect((await app.send('GET', `/api/v1/auth/verify-email?token=${token}`)).code).toBe('password_required');
    const more = await app.send('GET', `/api/v1/auth/verify-email?token=${token}&password=${newPassword}`);
    expect(more.code).toBe('validation_failed');
  });

  it('is also served at `/api/auth/verify-email`', async () => {
    const { token } = await addPending();
    const head = await app.send('HEAD', `/api/auth/verify-email?token=${token}`);
    expect([head.status, head.headers.get('allow')]).toEqual([405, 'POST, GET, OPTIONS']);
    expect((await app.send('GET', `/api/auth/verify-email?token=${token}`)).status).toBe(200);
  });
});

describe('GET /verify-email', () => {
  it('200 shows the name of the registration and changes nothing when it is opened repeatedly', async () => {
    const { email, token } = await addPending();
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

  it('200 shows a password field when the link carries no password', async () => {
    const { token } = await addContested();
    const page = await openPage(token);
    expect(page.text).toContain('autocomplete="new-password"');
    expect(page.text).toMatch(/type="email" value="[^"]+@[^"]+" autocomplete="username" readonly/);
    expect(page.text).not.toMatch(/First|Second/);
  });

  it('200 for a used link while its address is verified: all is well, without a form', async () => {
    const { token } = await addPending();
    await verifyEmail(app, token);
    const page = await openPage(token);
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('Email confirmed')]);
    expect(page.text).not.toContain('<form');
  });

  it('400 for a link that another registration replaced, and for one that never existed', async () => {
    const { email, token } = await addPending();
    await register(app, email, { name: 'The owner' });
    await verifyEmail(app, await mailedToken(app, email, 2));
    for (const other of [token, 'x', `${token.slice(0, -1)}x`]) expect((await openPage(other)).status).toBe(400);
  });

  it('escapes the name', async () => {
    const email = uniqueEmail();
    await register(app, email, { name: '<script>alert(1)</script>' });
    const page = await openPage(await mailedToken(app, email));
    expect(foreignScripts(page.text)).toEqual([]);
    expect(page.text).toContain('An account was created with this email');
  });
});

describe('POST /verify-email', () => {
  it('200 verifies the address for the choice `verify`', async () => {
    const { email, token } = await addPending();
    expect((await submit({ token, choice: 'verify' })).status).toBe(200);
    expect((await login(app, email)).status).toBe(200);
  });

  it('200 revokes the link for the choice `disown`', async () => {
    const { email, token } = await addPending();
    expect((await submit({ token, choice: 'disown' })).status).toBe(200);
    expect((await verifyEmail(app, token)).code).toBe('invalid_token');
    expect((await login(app, email)).code).toBe('email_not_verified');
  });

  it('verifies or revokes the link, and never both, when twenty requests ask for one or the other', async () => {
    const outcomes: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const { email, token } = await addPending();
      const choices = Array.from({ length: 20 }, (_, index) => (index % 2 === round % 2 ? 'disown' : 'verify'));
      const responses = await Promise.all(choices.map((choice) => submit({ token, choice })));
      const done = new Set(choices.filter((_, index) => responses[index]?.status === 200));
      expect([...done]).toHaveLength(1);
      const isVerified = (await login(app, email)).status === 200;
      expect(isVerified).toBe(done.has('verify'));
      outcomes.push(...done);
    }
    expect(outcomes).toHaveLength(4);
  });

  it('keeps the link of another registration when one is disowned', async () => {
    const { email, token } = await addPending();
    await register(app, email, { name: 'The owner' });
    await submit({ token, choice: 'disown' });
    expect((await verifyEmail(app, await mailedToken(app, email, 2))).status).toBe(200);
  });

  it('422 shows the form again with the password error, then 200 for a valid password', async () => {
    const { email, token } = await addContested();
    const invalid = await submit({ token, choice: 'verify', password: 'short' });
    expect(invalid.status).toBe(422);
    expect(invalid.text).toContain('at least 12 characters');
    expect(invalid.text).toContain('<form');
    expect((await submit({ token, choice: 'verify', password: newPassword })).status).toBe(200);
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
  });

  it('200 when it is pressed twice, also at once; 400 to disown what was confirmed', async () => {
    const { token } = await addPending();
    const pressed = await Promise.all([1, 2, 3].map(() => submit({ token, choice: 'verify' })));
    expect(pressed.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await submit({ token, choice: 'verify' })).text).toContain('Email confirmed');
    expect((await submit({ token, choice: 'disown' })).status).toBe(400);
  });

  it('200 when a registration is disowned twice; 400 to confirm it then', async () => {
    const { token } = await addPending();
    const disown = () => submit({ token, choice: 'disown' });
    const pressed = await Promise.all([disown(), disown()]);
    expect(pressed.map(({ status, text }) => [status, text.includes('We deleted')])).toEqual([
      [200, true],
      [200, true],
    ]);
    expect((await submit({ token, choice: 'verify' })).status).toBe(400);
  });

  it('403 for a form that another site submits', async () => {
    const { email, token } = await addPending();
    const form = { token, choice: 'verify' };
    expect((await submit(form, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await submit(form, { origin: 'https://elsewhere.example' })).status).toBe(403);
    expect((await login(app, email)).code).toBe('email_not_verified');
    expect((await submit(form, { origin: 'http://localhost:5625' })).status).toBe(200);
  });

  it('415 for JSON, 422 for an unknown field', async () => {
    const { token } = await addPending();
    expect((await app.send('POST', '/verify-email', { json: { token }, headers: sameOrigin })).status).toBe(415);
    expect((await submit({ token, choice: 'verify', name: validPassword })).status).toBe(422);
  });
});

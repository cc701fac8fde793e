import { beforeAll, describe, expect, it } from 'vitest';
import { Application, type AppResponse } from '#test/support/application.ts';
import {
  addVerifiedUser,
  login,
  mailedToken,
  mailsTo,
  register,
  sameOrigin,
  uniqueEmail,
  verifyEmail,
} from '#test/support/user-actions.ts';
import { setStatus } from '#test/support/user-status.ts';

const otherPassword = 'another long passphrase';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

function resend(email: string): Promise<AppResponse> {
  return app.send('POST', '/api/v1/auth/resend-verification', { json: { email } });
}

describe('POST /api/v1/auth/resend-verification', () => {
  it('202 sends another link with the password and the name of the only registration', async () => {
    const email = uniqueEmail();
    await register(app, email);
    const response = await resend(email);
    expect([response.status, response.data]).toEqual([202, { email, status: 'verification_sent' }]);
    const first = await mailedToken(app, email);
    expect((await verifyEmail(app, await mailedToken(app, email, 2))).status).toBe(200);
    expect((await login(app, email)).status).toBe(200);
    expect((await verifyEmail(app, first)).code).toBe('invalid_token');
  });

  it('202 keeps every earlier link valid until one is used', async () => {
    const email = uniqueEmail();
    await register(app, email);
    await resend(email);
    await resend(email);
    const links = await Promise.all([1, 2, 3].map((number) => mailedToken(app, email, number)));
    expect((await verifyEmail(app, links[0] ?? '')).status).toBe(200);
    for (const link of links) expect((await verifyEmail(app, link)).code).toBe('invalid_token');
  });

  it('202 after several registrations sends a link without a password', async () => {
    const email = uniqueEmail();
    await register(app, email);
    await register(app, email, { password: otherPassword });
    await resend(email);
    const token = await mailedToken(app, email, 3);
    expect((await verifyEmail(app, token)).code).toBe('password_required');
    expect((await verifyEmail(app, token, 'the third passphrase')).status).toBe(200);
    for (const password of [undefined, otherPassword]) {
      const attempt = await login(app, email, password === undefined ? {} : { password });
      expect(attempt.code).toBe('invalid_credentials');
    }
  });

  it('202 sends a link of the remaining registration after the other one was disowned', async () => {
    const email = uniqueEmail();
    await register(app, email);
    await register(app, email, { password: otherPassword });
    const disowned = await mailedToken(app, email, 2);
    await app.send('POST', '/verify-email', { form: { token: disowned, choice: 'disown' }, headers: sameOrigin });
    await resend(email);
    expect((await verifyEmail(app, await mailedToken(app, email, 3))).status).toBe(200);
    expect((await login(app, email)).status).toBe(200);
  });

  it('202 sends a valid link after all earlier ones have expired', async () => {
    const email = uniqueEmail();
    await register(app, email);
    const expired = await mailedToken(app, email);
    app.clock.advance(25 * 60 * 60 * 1000);
    expect((await verifyEmail(app, expired)).code).toBe('invalid_token');
    await resend(email);
    expect((await verifyEmail(app, await mailedToken(app, email, 2))).status).toBe(200);
    expect((await login(app, email)).status).toBe(200);
  });

  it('202 sends nothing to an unknown address', async () => {
    const email = uniqueEmail();
    expect((await resend(email)).status).toBe(202);
    expect(await mailsTo(app, email)).toEqual([]);
    expect((await login(app, email)).code).toBe('invalid_credentials');
  });

  it('202 sends nothing to a verified address', async () => {
    const email = await addVerifiedUser(app);
    expect((await resend(email)).status).toBe(202);
    expect(await mailsTo(app, email)).toEqual(['verify_email']);
  });

  it('202 sends nothing to a disabled user', async () => {
    const email = uniqueEmail();
    await register(app, email);
    await setStatus(app, email, 'disabled');
    expect((await resend(email)).status).toBe(202);
    expect(await mailsTo(app, email)).toEqual(['verify_email']);
    expect(app.inbox.list(email).length).toBeLessThanOrEqual(1);
  });
});

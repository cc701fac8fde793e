/** Advisories about the ownership of an address. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '../support/application.ts';
import {
  addLoggedInUser,
  isAccepted,
  login,
  mailedToken,
  newestMailedToken,
  register,
  uniqueEmail,
  validPassword,
  verifyEmail,
} from '../support/user-actions.ts';

const attackerPassword = 'the password of an attacker';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

// Sudhodanan and Paverd, "Pre-hijacked accounts" (USENIX Security 2022): an attacker registers with the victim's
// address and waits; 35 of 75 services then shared the account. Here, verification discards everything set before it.
describe('pre-hijacking by unverified registration', () => {
  it("classic: verification sets the owner's password and revokes the attacker's", async () => {
    const email = uniqueEmail();
    await register(app, email, { password: attackerPassword, name: 'An attacker' });
    const attackerToken = await mailedToken(app, email);
    await register(app, email, { name: 'The owner' });
    expect((await verifyEmail(app, await mailedToken(app, email, 2))).status).toBe(200);
    expect((await login(app, email, { password: attackerPassword })).code).toBe('invalid_credentials');
    const { data } = await login(app, email);
    const me = await app.send('GET', '/api/v1/users/me', { token: data.accessToken });
    expect(me.data).toMatchObject({ name: 'The owner' });
    expect((await verifyEmail(app, attackerToken)).code).toBe('invalid_token');
    expect((await login(app, email, { password: attackerPassword })).code).toBe('invalid_credentials');
  });

  it('unexpired session: an unverified registration creates no session that could outlive verification', async () => {
    const email = uniqueEmail();
    await register(app, email, { password: attackerPassword });
    const before = await login(app, email, { password: attackerPassword, transport: 'cookie' });
    expect([before.cookies, before.data?.accessToken]).toEqual([[], undefined]);
    const json = { email };
    await app.send('POST', '/api/v1/auth/forgot-password', { json });
    const token = await newestMailedToken(app, email, '/reset-password');
    await app.send('POST', '/api/v1/auth/reset-password', { json: { token, password: validPassword } });
    expect((await login(app, email, { password: attackerPassword })).code).toBe('invalid_credentials');
    expect((await login(app, email)).status).toBe(200);
  });

  it("unexpired change of address: an attacker's pending change cannot take an address that its owner has verified", async () => {
    const attacker = await addLoggedInUser(app);
    const email = uniqueEmail();
    const json = { newEmail: email, currentPassword: validPassword };
    const requested = await app.send('POST', '/api/v1/users/me/email', { json, token: attacker.accessToken });
    expect(requested.status).toBe(202);
    const pending = await newestMailedToken(app, email, '/confirm-email-change');
    await register(app, email);
    expect((await verifyEmail(app, await newestMailedToken(app, email, '/verify-email'))).status).toBe(200);
    const owner = (await login(app, email)).data;
    const confirmed = await app.send('POST', '/api/v1/auth/confirm-email-change', { json: { token: pending } });
    expect(confirmed.status).toBeGreaterThanOrEqual(400);
    expect(await isAccepted(app, owner.accessToken)).toBe(true);
    expect((await login(app, email)).data.userId).toBe(owner.userId);
    expect((await login(app, attacker.email)).data.userId).toBe(attacker.userId);
  });
});

// @better-auth/sso before 1.7.0: a provider's domain could change while the proof of the old one was pending, and the
// proof counted for the new one. The product verifies addresses, not domains.
describe('GHSA-8c5h-wx78-2cfg', () => {
  it('a confirmation counts only for the address that it was issued for', async () => {
    const { email, userId, accessToken } = await addLoggedInUser(app);
    const requestChange = async (newEmail: string) => {
      const json = { newEmail, currentPassword: validPassword };
      expect((await app.send('POST', '/api/v1/users/me/email', { json, token: accessToken })).status).toBe(202);
    };
    const [own, victim] = [uniqueEmail('own'), uniqueEmail('victim')];
    await requestChange(own);
    const confirmation = await newestMailedToken(app, own, '/confirm-email-change');
    await requestChange(victim);
    const confirmed = await app.send('POST', '/api/v1/auth/confirm-email-change', { json: { token: confirmation } });
    expect(confirmed.code).toBe('invalid_token');
    expect((await login(app, victim)).code).toBe('invalid_credentials');
    expect((await login(app, email)).data.userId).toBe(userId);
  });

  it('a confirmation concurrent with another request changes only to the confirmed address', async () => {
    const { accessToken } = await addLoggedInUser(app);
    const [own, victim] = [uniqueEmail('own'), uniqueEmail('victim')];
    const requestChange = (newEmail: string) =>
      app.send('POST', '/api/v1/users/me/email', {
        json: { newEmail, currentPassword: validPassword },
        token: accessToken,
      });
    await requestChange(own);
    const confirmation = await newestMailedToken(app, own, '/confirm-email-change');
    await Promise.all([
      app.send('POST', '/api/v1/auth/confirm-email-change', { json: { token: confirmation } }),
      requestChange(victim),
    ]);
    expect((await login(app, victim)).code).toBe('invalid_credentials');
  });
});

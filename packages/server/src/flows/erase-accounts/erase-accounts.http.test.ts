import { describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import {
  addLoggedInUser,
  addVerifiedUser,
  isAccepted,
  login,
  mailedToken,
  validPassword,
} from '#test/support/user-actions.ts';
import { userIdOf } from '#test/support/user-status.ts';
import { eventually } from '#test/support/wait.ts';
import { eraseDueAccounts } from './index.ts';

const graceMs = 7 * 24 * 60 * 60 * 1000;

/** A user with a scheduled deletion. */
async function addPendingDeletion(app: Application): Promise<string> {
  const { email, accessToken } = await addLoggedInUser(app);
  const json = { currentPassword: validPassword };
  await app.send('DELETE', '/api/v1/users/me', { token: accessToken, json });
  return email;
}

describe('erasure after the grace period', () => {
  it('rejects every credential of the account and frees its address', async () => {
    const own = await Application.open();
    const email = await addPendingDeletion(own);
    const [userId, token] = [await userIdOf(own, email), await mailedToken(own, email, 2)];
    const { ticket } = (await login(own, email)).data;
    own.clock.advance(graceMs);
    await eraseDueAccounts(own.services);
    expect(await own.services.users.profile(userId)).toBeUndefined();
    expect((await login(own, email)).code).toBe('invalid_credentials');
    const post = (json: object) => own.send('POST', '/api/v1/auth/cancel-deletion', { json });
    expect([(await post({ token })).code, (await post({ ticket })).code]).toEqual(['invalid_token', 'invalid_ticket']);
    expect((await own.send('GET', `/cancel-deletion?token=${token}`)).status).toBe(400);
    await own.close();
  });

  it('erases by the hourly job', async () => {
    const own = await Application.open();
    const userId = await userIdOf(own, await addPendingDeletion(own));
    own.clock.advance(graceMs);
    const isErased = async () => (await own.services.users.profile(userId)) === undefined;
    await eventually(isErased, { what: 'the account is erased' });
    await own.close();
  });

  it('keeps accounts without a scheduled deletion', async () => {
    const own = await Application.open();
    const email = await addVerifiedUser(own);
    own.clock.advance(graceMs);
    expect(await eraseDueAccounts(own.services)).toBe(0);
    const { data } = await login(own, email);
    expect(await isAccepted(own, data.accessToken)).toBe(true);
    await own.close();
  });
});

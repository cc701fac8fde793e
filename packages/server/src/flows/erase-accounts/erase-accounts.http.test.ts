import { describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { addActiveUser } from '#test/support/daily-traffic.ts';
import { cureRows, poisonRows } from '#test/support/thousands.ts';
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

  it('erases the others when one account fails, logs that once, and erases it in the next run', async () => {
    const own = await Application.open({ manual: true });
    const userIds: string[] = [];
    for (let index = 0; index < 4; index += 1) {
      const email = await addActiveUser(own);
      const userId = await userIdOf(own, email);
      const { accessToken } = (await login(own, email)).data;
      const json = { currentPassword: validPassword };
      await own.send('DELETE', '/api/v1/users/me', { token: accessToken, json });
      own.clock.advance(1000);
      userIds.push(userId);
    }
    await poisonRows(own.services.database, 'users', [userIds[0] ?? '', userIds[2] ?? '']);
    own.clock.advance(graceMs);
    await expect(eraseDueAccounts(own.services)).rejects.toThrow('2 accounts could not be erased');
    const left = await Promise.all(userIds.map(async (id) => (await own.services.users.profile(id)) !== undefined));
    expect(left).toEqual([true, false, true, false]);
    await cureRows(own.services.database);
    expect(await eraseDueAccounts(own.services)).toBe(2);
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

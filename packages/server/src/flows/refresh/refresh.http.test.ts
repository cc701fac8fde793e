import { beforeAll, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import { auditActionsOf, sessionEndReasons } from '#test/support/stored-login.ts';
import { addLoggedInUser, isAccepted, mailsTo, messagesTo, type Tokens } from '#test/support/user-actions.ts';
import { setStatus } from '#test/support/user-status.ts';

const graceMs = 10_000;
const dayMs = 24 * 60 * 60 * 1000;

let app: Application;

beforeAll(async () => {
  app = await Application.open({ time: new FixedClock(new Date('2030-02-03T04:05:06.007Z')) });
  return () => app.close();
});

function refresh(refreshToken: string): Promise<AppResponse<Tokens>> {
  return app.send<Tokens>('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
}

const rejection = { status: 401, code: 'invalid_refresh_token' };

describe('POST /api/v1/auth/refresh', () => {
  it('200 returns a new pair of tokens of the same session and keeps the earlier access token valid', async () => {
    const before = await addLoggedInUser(app);
    const { status, data } = await refresh(before.refreshToken);
    expect(status).toBe(200);
    expect(data.refreshToken).toMatch(/^lk_rt_/);
    expect(data.refreshToken).not.toBe(before.refreshToken);
    for (const token of [before.accessToken, data.accessToken]) {
      const session = await app.send<Tokens>('GET', '/api/v1/auth/session', { token });
      expect(session.data.sessionId).toBe(before.sessionId);
    }
    expect((await auditActionsOf(app, before.email)).at(-1)).toBe('login.succeeded');
  });

  it('200 for each successor in turn', async () => {
    let { refreshToken } = await addLoggedInUser(app);
    const seen = new Set([refreshToken]);
    for (const _ of [1, 2, 3, 4, 5]) {
      app.clock.advance(dayMs);
      const response = await refresh(refreshToken);
      expect(response.status).toBe(200);
      ({ refreshToken } = response.data);
      seen.add(refreshToken);
    }
    expect(seen.size).toBe(6);
  });

  it('200 with the same successor for a retry within the grace period', async () => {
    const { refreshToken } = await addLoggedInUser(app);
    const first = await refresh(refreshToken);
    app.clock.advance(graceMs - 1);
    const again = await refresh(refreshToken);
    expect(again.data.refreshToken).toBe(first.data.refreshToken);
    expect((await refresh(again.data.refreshToken)).status).toBe(200);
  });

  it('200 with one successor for twenty concurrent requests', async () => {
    const { refreshToken } = await addLoggedInUser(app);
    const responses = await Promise.all(Array.from({ length: 20 }, () => refresh(refreshToken)));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(responses.map(({ data }) => data.refreshToken)).size).toBe(1);
  });

  it('401 within the grace period after the successor was used, and keeps the session', async () => {
    const { refreshToken } = await addLoggedInUser(app);
    const second = (await refresh(refreshToken)).data;
    const third = (await refresh(second.refreshToken)).data;
    expect(await refresh(refreshToken)).toMatchObject(rejection);
    expect(await isAccepted(app, third.accessToken)).toBe(true);
    expect((await refresh(third.refreshToken)).status).toBe(200);
  });

  it('401 after the grace period ends the session with all its tokens and notifies the user once', async () => {
    const { email, refreshToken, accessToken } = await addLoggedInUser(app);
    const second = (await refresh(refreshToken)).data;
    app.clock.advance(graceMs);
    expect(await isAccepted(app, accessToken)).toBe(true);
    expect(await refresh(refreshToken)).toMatchObject(rejection);
    for (const token of [accessToken, second.accessToken]) expect(await isAccepted(app, token)).toBe(false);
    expect(await refresh(second.refreshToken)).toMatchObject(rejection);
    expect(await refresh(refreshToken)).toMatchObject(rejection);
    expect(await sessionEndReasons(app, email)).toEqual(['refresh_token_reuse']);
    expect(await mailsTo(app, email)).toEqual(['verify_email', 'refresh_token_reuse']);
    const [, notice] = await messagesTo(app, email, 2);
    expect(notice?.subject).toContain('We ended one of your sessions');
  });

  it('401 for twenty concurrent reuses ends the session once, with one mail and one event', async () => {
    const { email, refreshToken } = await addLoggedInUser(app);
    await refresh(refreshToken);
    app.clock.advance(graceMs);
    const responses = await Promise.all(Array.from({ length: 20 }, () => refresh(refreshToken)));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([401]));
    expect(await mailsTo(app, email)).toEqual(['verify_email', 'refresh_token_reuse']);
    const events = (await auditActionsOf(app, email)).filter((action) => action === 'refresh_token.reused');
    expect(events).toHaveLength(1);
  });

  it('401 ends only the session of the reused token', async () => {
    const user = await addLoggedInUser(app);
    const json = { email: user.email, password: 'correct horse battery', deviceToken: user.deviceToken };
    const other = (await app.send<Tokens>('POST', '/api/v1/auth/login', { json })).data;
    await refresh(user.refreshToken);
    app.clock.advance(graceMs);
    await refresh(user.refreshToken);
    expect(await isAccepted(app, other.accessToken)).toBe(true);
    expect((await refresh(other.refreshToken)).status).toBe(200);
  });

  it('200 until a millisecond before seven days have passed, then 401', async () => {
    const [inTime, late] = [await addLoggedInUser(app), await addLoggedInUser(app)];
    app.clock.advance(7 * dayMs - 1);
    expect((await refresh(inTime.refreshToken)).status).toBe(200);
    app.clock.advance(1);
    expect(await refresh(late.refreshToken)).toMatchObject(rejection);
    expect(await mailsTo(app, late.email)).toEqual(['verify_email']);
  });

  it('401 for a token of a disabled user', async () => {
    const { email, refreshToken } = await addLoggedInUser(app);
    await setStatus(app, email, 'disabled');
    expect(await refresh(refreshToken)).toMatchObject(rejection);
  });

  it('401 for an unknown token and a device token, and rejects an access token', async () => {
    const { accessToken, deviceToken } = await addLoggedInUser(app);
    for (const text of ['x', `lk_rt_${'A'.repeat(49)}`, deviceToken])
      expect(await refresh(text)).toMatchObject(rejection);
    expect((await refresh(accessToken)).status).toBeGreaterThanOrEqual(400);
  });
});

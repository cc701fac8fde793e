import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { sessionEndReasons } from '#test/support/stored-login.ts';
import { copySessions } from '#test/support/thousands.ts';
import { addLoggedInUser, addVerifiedUser, isAccepted, login } from '#test/support/user-actions.ts';

const path = '/api/v1/users/me/sessions';
const onPhone = {
  'user-agent':
    'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1',
};
const onLaptop = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0' };

interface Listed {
  readonly id: string;
  readonly current: boolean;
  readonly transport: string;
  readonly device: { readonly words: string };
  readonly address: string | null;
}

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

async function addOnTwoDevices() {
  const email = await addVerifiedUser(app);
  const laptop = (await login(app, email, {}, onLaptop)).data;
  app.clock.advance(1000);
  const phone = (await login(app, email, {}, onPhone)).data;
  return { email, laptop, phone };
}

function pagination(text: string) {
  interface Page {
    readonly limit: number;
    readonly nextCursor: string | null;
    readonly total: number;
  }
  return (JSON.parse(text) as { readonly pagination: Page }).pagination;
}

function list(token: string) {
  return app.send<readonly Listed[]>('GET', path, { token });
}

describe('GET /api/v1/users/me/sessions', () => {
  it('200 lists the active sessions, newest first, with a description of each device', async () => {
    const { laptop, phone } = await addOnTwoDevices();
    const { data, text } = await list(laptop.accessToken);
    expect(data.map(({ id, current }) => [id, current])).toEqual([
      [phone.sessionId, false],
      [laptop.sessionId, true],
    ]);
    expect(data.map(({ device }) => device.words)).toEqual(['Safari on iOS', 'Firefox on Linux']);
    expect(data[0]).toMatchObject({ address: '127.0.0.1', transport: 'token' });
    expect(text).not.toMatch(/Mozilla|lk_|hash/);
  });

  it('200 lists neither ended sessions nor those of other users', async () => {
    const { laptop, phone } = await addOnTwoDevices();
    await addLoggedInUser(app);
    await app.send('POST', '/api/v1/auth/logout', { token: phone.accessToken });
    expect((await list(laptop.accessToken)).data.map(({ id }) => id)).toEqual([laptop.sessionId]);
  });

  it('200 lists more than a hundred sessions in pages, each once, with the true total', async () => {
    const { accessToken: token, sessionId } = await addLoggedInUser(app);
    const ids = [sessionId, ...(await copySessions(app.services.database, sessionId, 230))];
    const readPage = (query: string) => app.send<readonly Listed[]>('GET', `${path}${query}`, { token });
    const seen: string[] = [];
    const sizes: number[] = [];
    let query = '';
    do {
      const page = await readPage(query);
      const { limit, nextCursor, total } = pagination(page.text);
      expect([limit, total]).toEqual([100, 231]);
      sizes.push(page.data.length);
      seen.push(...page.data.map(({ id }) => id));
      query = nextCursor === null ? '' : `?cursor=${encodeURIComponent(nextCursor)}`;
    } while (query !== '' && sizes.length < 5);
    expect(sizes).toEqual([100, 100, 31]);
    expect(seen.toSorted()).toEqual(ids.toSorted());
    const five = await readPage('?limit=5');
    expect([five.data.length, pagination(five.text)]).toEqual([5, expect.objectContaining({ limit: 5, total: 231 })]);
  });

  it('422 for a limit that is not from 1 to 100, and for a cursor of another user or with another position', async () => {
    const [own, other] = [await addOnTwoDevices(), await addOnTwoDevices()];
    const read = (query: string, token = own.laptop.accessToken) => app.send('GET', `${path}?${query}`, { token });
    const { nextCursor } = pagination((await read('limit=1')).text);
    expect((await read(`cursor=${nextCursor}`)).status).toBe(200);
    const [position, mac] = String(nextCursor).split('.');
    const moved = Buffer.from(String(Buffer.from(position ?? '', 'base64url')).replace('[1', '[2')).toString(
      'base64url',
    );
    for (const cursor of ['', 'x', 'x.y', 'e30.e30', position, `.${mac}`, `${moved}.${mac}`, `${nextCursor}A`]) {
      expect((await read(`cursor=${cursor}`)).code).toBe('validation_failed');
    }
    expect((await read(`cursor=${nextCursor}`, other.laptop.accessToken)).code).toBe('validation_failed');
    for (const limit of ['0', '101', '-1', '1.5', '', 'x']) {
      expect((await read(`limit=${limit}`)).code).toBe('validation_failed');
    }
  });

  it('200 shows `Unknown device` when the login had no user agent', async () => {
    const { accessToken } = await addLoggedInUser(app);
    expect((await list(accessToken)).data[0]?.device).toEqual({ words: 'Unknown device', browser: null, os: null });
  });
});

describe('DELETE /api/v1/users/me/sessions/{id}', () => {
  it('200 ends the session and rejects its tokens from the response on', async () => {
    const { email, laptop, phone } = await addOnTwoDevices();
    expect(await isAccepted(app, phone.accessToken)).toBe(true);
    const response = await app.send('DELETE', `${path}/${phone.sessionId}`, { token: laptop.accessToken });
    expect(response.status).toBe(200);
    expect(await isAccepted(app, phone.accessToken)).toBe(false);
    expect(await isAccepted(app, laptop.accessToken)).toBe(true);
    const json = { refreshToken: phone.refreshToken };
    expect((await app.send('POST', '/api/v1/auth/refresh', { json })).code).toBe('invalid_refresh_token');
    expect(await sessionEndReasons(app, email)).toEqual([null, 'ended_by_user']);
  });

  it('404 for another user’s session, identical to the 404 for an unknown id, and the session stays active', async () => {
    const [own, other] = [await addLoggedInUser(app), await addLoggedInUser(app)];
    const end = (id: string) => app.send('DELETE', `${path}/${id}`, { token: own.accessToken });
    const foreign = await end(other.sessionId);
    const unknown = await end('01890000-0000-7000-8000-000000000000');
    expect([foreign.status, foreign.code]).toEqual([404, 'session_not_found']);
    const words = (text: string) => ({ ...(JSON.parse(text) as object), meta: undefined });
    expect(words(foreign.text)).toEqual(words(unknown.text));
    expect([...foreign.headers.keys()]).toEqual([...unknown.headers.keys()]);
    expect(await isAccepted(app, other.accessToken)).toBe(true);
  });

  it('404 for an ended session and for an invalid id', async () => {
    const { laptop, phone } = await addOnTwoDevices();
    const end = (id: string) => app.send('DELETE', `${path}/${id}`, { token: laptop.accessToken });
    await end(phone.sessionId);
    expect((await end(phone.sessionId)).code).toBe('session_not_found');
    for (const id of ['', 'x', '1', `${phone.sessionId}x`, '%00', "'--"]) expect((await end(id)).status).toBe(404);
  });

  it('200 for the current session ends it', async () => {
    const { accessToken, sessionId } = await addLoggedInUser(app);
    expect((await app.send('DELETE', `${path}/${sessionId}`, { token: accessToken })).status).toBe(200);
    expect(await isAccepted(app, accessToken)).toBe(false);
  });
});

describe('DELETE /api/v1/users/me/sessions', () => {
  it('200 ends all other sessions and keeps the current one', async () => {
    const { email, laptop, phone } = await addOnTwoDevices();
    const third = (await login(app, email)).data;
    const response = await app.send('DELETE', path, { token: laptop.accessToken });
    expect(response.data).toEqual({ endedSessions: 2 });
    for (const { accessToken } of [phone, third]) expect(await isAccepted(app, accessToken)).toBe(false);
    expect(await isAccepted(app, laptop.accessToken)).toBe(true);
    const json = { refreshToken: laptop.refreshToken };
    expect((await app.send('POST', '/api/v1/auth/refresh', { json })).status).toBe(200);
    expect((await app.send('DELETE', path, { token: laptop.accessToken })).data).toEqual({ endedSessions: 0 });
  });

  it('200 keeps the sessions of other users', async () => {
    const [own, other] = [await addLoggedInUser(app), await addLoggedInUser(app)];
    await app.send('DELETE', path, { token: own.accessToken });
    expect(await isAccepted(app, other.accessToken)).toBe(true);
  });
});

import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import {
  addVerifiedUser,
  cookieHeader,
  isAccepted,
  login,
  mailsTo,
  type Tokens,
  uniqueEmail,
  validPassword,
} from '#test/support/user-actions.ts';

interface Known {
  readonly id: string;
  readonly current: boolean;
  readonly device: { readonly words: string };
}

const path = '/api/v1/users/me/devices';
const phone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

async function list(token: string): Promise<readonly Known[]> {
  return (await app.send<{ readonly devices: readonly Known[] }>('GET', path, { token })).data.devices;
}

const forget = (token: string, id: string) => app.send('DELETE', `${path}/${id}`, { token });

/** A user who signed in on a phone, and then elsewhere. */
async function signedIn() {
  const email = await addVerifiedUser(app);
  const headers = { 'user-agent': phone };
  const json = { email, password: validPassword, transport: 'token' };
  const first = (await app.send<Tokens>('POST', '/api/v1/auth/login', { json, headers })).data;
  app.clock.advance(60_000);
  const { accessToken: token } = (await login(app, email)).data;
  return { email, token, phoneTokens: first };
}

describe('GET /api/v1/users/me/devices', () => {
  it('200 with the devices in words, the last login first, and the current one marked', async () => {
    const { token } = await signedIn();
    const devices = await list(token);
    expect(devices.map(({ current, device }) => [current, device.words])).toEqual([
      [true, expect.any(String)],
      [false, 'Safari on iOS'],
    ]);
  });

  it('lists one device for several logins of it, and none of another user', async () => {
    const { email, token, phoneTokens } = await signedIn();
    await login(app, email, { deviceToken: phoneTokens.deviceToken });
    const other = await signedIn();
    const ids = (await list(token)).map(({ id }) => id);
    expect(ids).toHaveLength(2);
    for (const { id } of await list(other.token)) expect(ids).not.toContain(id);
  });

  it('lists no device from before the password was changed, except the one that changed it', async () => {
    const { token } = await signedIn();
    const json = { currentPassword: validPassword, newPassword: 'another long passphrase' };
    const { data } = await app.send<Tokens>('POST', '/api/v1/users/me/password', { json, token });
    expect((await list(data.accessToken)).map(({ current }) => current)).toEqual([true]);
  });
});

describe('DELETE /api/v1/users/me/devices/{id}', () => {
  it('200 ends no session, and the next login from the device is that of a new one', async () => {
    const { email, token, phoneTokens } = await signedIn();
    const { id = '' } = (await list(token)).find(({ current }) => !current) ?? {};
    expect((await forget(token, id)).status).toBe(200);
    expect(await isAccepted(app, phoneTokens.accessToken)).toBe(true);
    const notices = async () => (await mailsTo(app, email)).filter((mail) => mail === 'new_device').length;
    const before = await notices();
    await login(app, email, { deviceToken: phoneTokens.deviceToken });
    expect(await notices()).toBe(before + 1);
    expect(await auditActionsOf(app, email)).toContain('device.forgotten');
  });

  it('404 for an unknown device and for that of another user, which stays', async () => {
    const [one, other] = [await signedIn(), await signedIn()];
    const [theirs] = await list(other.token);
    const unknown = '01890000-0000-7000-8000-000000000000';
    for (const id of [theirs?.id ?? '', unknown]) {
      const { status, code } = await forget(one.token, id);
      expect([status, code]).toEqual([404, 'device_not_found']);
    }
    expect((await list(other.token)).map(({ id }) => id)).toContain(theirs?.id);
    expect((await forget(one.token, 'no-id')).code).toBe('not_found');
  });

  it('one of twenty concurrent requests forgets the device, and one event says so', async () => {
    const { email, token } = await signedIn();
    const [device] = await list(token);
    const responses = await Promise.all(Array.from({ length: 20 }, () => forget(token, device?.id ?? '')));
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
    const events = (await auditActionsOf(app, email)).filter((action) => action === 'device.forgotten');
    expect(events).toHaveLength(1);
  });
});

describe('the known devices on /account/sessions', () => {
  it('are listed, and forgotten after a question or from the list', async () => {
    const email = await addVerifiedUser(app, { name: uniqueEmail('name') });
    const elsewhere = await login(app, email, { transport: 'cookie' });
    const browser = new PageBrowser(app, { 'user-agent': phone });
    await browser.follow(await signIn(browser, email, validPassword));
    const { text } = await browser.open('/account/sessions');
    expect(text).toContain('<h2>Known devices</h2>');
    const ids = [...(text.split('Known devices')[1]?.matchAll(/name="id" value="([^"]+)"/g) ?? [])].map(
      ([, id]) => id ?? '',
    );
    expect(ids).toHaveLength(2);
    const question = await browser.open(`/account/sessions/forget-device?id=${ids[1]}`);
    expect(question.text).toContain('Forget this device?');
    const done = await browser.submit('/account/sessions/forget-device');
    expect((await browser.follow(done)).text).toContain('The device is forgotten.');
    const { text: after } = await browser.open('/account/sessions');
    expect(after).not.toContain(`value="${ids[1]}"`);
    const cookie = cookieHeader(elsewhere.cookies);
    expect((await app.send('GET', '/api/v1/auth/session', { cookie })).status).toBe(200);
    expect((await browser.open(`/account/sessions/forget-device?id=${ids[1]}`)).headers.get('location')).toBe(
      '/account/sessions',
    );
  });
});

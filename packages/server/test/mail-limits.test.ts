/** Quotas of mails: what a stranger can cause for a recipient, and notices. */
import { afterEach, describe, expect, it } from 'vitest';
import { addSeconds } from '#kernel/clock.ts';
import { statement } from '#platform/database/index.ts';
import { Application } from './support/application.ts';
import { loginByCode, loginMethodsEnabled, mailedCodes, requestCode, requestLink } from './support/login-by-mail.ts';
import {
  addVerifiedUser,
  login,
  mailsTo,
  newestMailedToken,
  register,
  sameOrigin,
  uniqueEmail,
  validPassword,
} from './support/user-actions.ts';
import { eventually } from './support/wait.ts';

const opened: Application[] = [];

afterEach(async () => {
  for (const app of opened.splice(0).reverse()) await app.close();
});

async function open(env: Readonly<Record<string, string>> = {}, deploymentOf?: Application): Promise<Application> {
  const application = { env: { ...loginMethodsEnabled, ...env }, limits: 'shipped' } as const;
  const app = await Application.open({ ...application, ...(deploymentOf !== undefined && { deploymentOf }) });
  opened.push(app);
  return app;
}

const countJobs = statement('mail_limits_test.jobs', {
  lane: 'pool',
  sql: `select count(*)::int4 as waiting from jobs
    where state = 'queued' and kind in ('mail.send', 'mail_requests.enqueue', 'mail_requests.enqueue_with_return')
      and run_at <= :until`,
  params: { until: 'timestamptz' },
  columns: { waiting: 'int4' },
});

/** Waits until every requested mail was sent or withheld. The job of a summary is due in an hour, and a lease is shorter. */
function settled(app: Application): Promise<unknown> {
  const isSettled = async () => {
    const until = addSeconds(app.clock.now(), 600);
    return (await app.services.database.row(countJobs, { until }))?.waiting === 0;
  };
  return eventually(isSettled, { what: 'no mail is waiting', timeoutMs: 60_000 });
}

/** The number of messages with this text in their subject that an address received. */
function received(app: Application, email: string, subject: string): number {
  return app.inbox.list().filter((message) => message.to === email && message.subject.includes(subject)).length;
}

function forgot(app: Application, email: string, more: object = {}, peerAddress = '198.51.100.1') {
  return app.send('POST', '/api/v1/auth/forgot-password', { json: { email, ...more }, peerAddress });
}

const hourMs = 60 * 60_000;

describe('mails that a stranger can cause', () => {
  it('are three of a kind and six together in an hour, of twenty at once on two nodes, and get one response', async () => {
    const nodeA = await open();
    const nodeB = await open({}, nodeA);
    const email = await addVerifiedUser(nodeA);
    nodeA.clock.advance(hourMs);
    const requests = Array.from({ length: 20 }, (_, index) =>
      forgot(index % 2 === 0 ? nodeA : nodeB, email, {}, `198.51.100.${index}`),
    );
    const unknown = await forgot(nodeA, uniqueEmail());
    for (const { status, data } of await Promise.all(requests)) {
      expect([status, Object.keys(data as object)]).toEqual([unknown.status, Object.keys(unknown.data as object)]);
    }
    for (let time = 0; time < 5; time += 1) await requestLink(nodeB, email);
    for (let time = 0; time < 5; time += 1) await requestCode(nodeA, email);
    await settled(nodeA);
    const sent = (await mailsTo(nodeA, email)).filter((template) => template !== 'verify_email');
    expect(sent.filter((template) => template === 'reset_password')).toHaveLength(3);
    expect(sent.filter((template) => template === 'magic_link').length).toBeLessThanOrEqual(3);
    expect(sent).toHaveLength(6);
    expect(nodeA.inbox.list().filter(({ to }) => to === email)).toHaveLength(7);
    nodeA.clock.advance(hourMs);
    await forgot(nodeA, email);
    await settled(nodeA);
    expect((await mailsTo(nodeA, email)).filter((template) => template === 'reset_password')).toHaveLength(4);
  });

  it('are counted together, whether or not they lead back to an application', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    app.clock.advance(hourMs);
    for (let time = 0; time < 4; time += 1) {
      const form = { email, password: '', act: 'magic_link', ...(time % 2 === 0 && { continue: '/account/security' }) };
      await app.send('POST', '/login', { form, headers: sameOrigin });
    }
    await settled(app);
    expect((await mailsTo(app, email)).filter((template) => template === 'magic_link')).toHaveLength(3);
  });

  it('never close a way to log in: requests that send none use up nothing', async () => {
    const app = await open();
    const email = uniqueEmail();
    await register(app, email);
    await settled(app);
    for (let index = 0; index < 20; index += 1) {
      await requestLink(app, email, {});
      await requestCode(app, email, {});
    }
    await settled(app);
    expect(await mailsTo(app, email)).toEqual(['verify_email']);
    expect((await forgot(app, email)).status).toBe(202);
    expect(await newestMailedToken(app, email, '/reset-password')).not.toBe('');
  });

  it('keep a mailed code valid while further requests send none', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const { browserToken } = (await requestCode(app, email)).data;
    // One at a time: mails that wait together arrive in any order.
    for (let time = 0; time < 4; time += 1) {
      await settled(app);
      await requestCode(app, email, { browserToken });
    }
    await settled(app);
    const [newest = ''] = await mailedCodes(app, email, 3);
    expect((await mailedCodes(app, email, 3)).length).toBe(3);
    expect((await loginByCode(app, email, newest, { browserToken })).status).toBe(200);
  });

  it('leave the quotas of known devices alone', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const { deviceToken } = (await login(app, email)).data;
    const foreign = (await login(app, await addVerifiedUser(app))).data.deviceToken;
    app.clock.advance(hourMs);
    const resets = async () => (await mailsTo(app, email)).filter((template) => template === 'reset_password').length;
    for (let time = 0; time < 5; time += 1) await forgot(app, email, { deviceToken: foreign });
    await settled(app);
    expect(await resets()).toBe(3);
    await forgot(app, email, { deviceToken });
    await settled(app);
    expect(await resets()).toBe(4);
  });

  it('include registrations of one address, which lose nothing of the first three', async () => {
    const app = await open();
    const email = uniqueEmail();
    for (let time = 0; time < 5; time += 1) expect((await register(app, email)).status).toBe(201);
    await settled(app);
    expect(received(app, email, 'Confirm')).toBe(3);
  });

  it('are sixty in an hour for one requesting address, registrations included, and no rejected input counts', async () => {
    const app = await open();
    for (let time = 0; time < 5; time += 1) {
      expect((await register(app, uniqueEmail(), { password: 'password1234' })).status).toBe(422);
    }
    for (let index = 0; index < 60; index += 1) expect((await register(app, uniqueEmail())).status).toBe(201);
    const { status, headers } = await register(app, uniqueEmail());
    expect([status, headers.get('ratelimit-policy')]).toEqual([429, '"mail-address";q=60;w=3600']);
    expect((await forgot(app, uniqueEmail())).status).toBe(202);
  });
});

describe('notices', () => {
  it('of 150 right logins from unknown devices are ten and one summary, and none of the changes is withheld', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    let token = (await login(app, email)).data.accessToken;
    for (let time = 0; time < 150; time += 1) {
      const { status, data } = await login(app, email);
      expect(status).toBe(200);
      token = data.accessToken;
    }
    await settled(app);
    expect(received(app, email, 'New sign-in')).toBe(10);
    const json = { currentPassword: validPassword, newPassword: 'another good password' };
    expect((await app.send('POST', '/api/v1/users/me/password', { token, json })).status).toBe(200);
    await settled(app);
    expect(received(app, email, 'changed')).toBe(1);
    expect(received(app, email, 'More activity')).toBe(0);
    app.clock.advance(hourMs + 1000);
    await settled(app);
    const summaries = app.inbox.list().filter(({ to, subject }) => to === email && subject.includes('More activity'));
    expect(summaries.map(({ text }) => /^\s*\d+ × .*$/m.exec(text)?.[0]?.trim())).toEqual([
      '140 × New sign-in to your account',
    ]);
    expect((await login(app, email, { password: json.newPassword })).status).toBe(200);
    await settled(app);
    expect(received(app, email, 'New sign-in')).toBe(11);
  }, 120_000);
});

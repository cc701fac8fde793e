import { beforeAll, describe, expect, it } from 'vitest';
import { findMetadata } from '#domain/users/index.ts';
import { changeMetadata, disableUser } from '#flows/admin-users/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { Application } from '#test/support/application.ts';
import { operator } from '#test/support/operator.ts';
import { addCookieSession, addLoggedInUser, isAccepted, sameOrigin } from '#test/support/user-actions.ts';

const path = '/api/v1/users/me';

const findEvents = statement('profile_test.find_events', {
  lane: 'pool',
  sql: `select id, convert_from(body, 'UTF8') as body from audit_events
    where user_id = :userId and action = 'profile.changed' order by id`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', body: 'text?' },
});

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

async function eventsOf(userId: string) {
  const rows = await app.services.database.rows(findEvents, { userId });
  const key = present(await app.services.users.key(userId), 'the key');
  return rows.map(({ id, body }) => {
    const event = JSON.parse(body ?? '') as { readonly facts: unknown; readonly personal: { readonly sealed: string } };
    const associatedData = { table: 'audit_events', column: 'body', row: id };
    const opened = key.open(Buffer.from(event.personal.sealed, 'base64url'), associatedData).toString();
    return { body, facts: event.facts, personal: JSON.parse(opened) as unknown };
  });
}

describe('GET /api/v1/users/me', () => {
  it('200 returns the profile of the caller without private data', async () => {
    const { accessToken, email, userId } = await addLoggedInUser(app);
    const { data, text } = await app.send('GET', '/api/v1/users/me', { token: accessToken });
    expect(data).toEqual({
      id: userId,
      subject: userId,
      email,
      emailVerified: true,
      pendingEmail: null,
      pendingEmailWaitsFor: [],
      name: 'Ada Lovelace',
      locale: 'en',
      status: 'active',
      publicMetadata: {},
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect(text).not.toMatch(/password|epoch|private|argon/i);
  });

  it('200 for a cookie session, also at the path without a version', async () => {
    const { cookie, email } = await addCookieSession(app);
    expect((await app.send('GET', '/api/users/me', { cookie })).data).toMatchObject({ email });
  });

  it('401 without a session', async () => {
    expect((await app.send('GET', '/api/v1/users/me')).code).toBe('not_authenticated');
  });
});

describe('PATCH /api/v1/users/me', () => {
  const change = (token: string, json: object) => app.send('PATCH', path, { token, json });

  it('200 changes what the session check returns from the next request on, and ends no session', async () => {
    const { accessToken } = await addLoggedInUser(app);
    const nameOf = async () =>
      (await app.send<{ readonly name: string }>('GET', '/api/v1/auth/session', { token: accessToken })).data.name;
    expect(await nameOf()).toBe('Ada Lovelace');
    await change(accessToken, { name: 'Countess' });
    expect(await nameOf()).toBe('Countess');
  });

  it('200 changes the given fields, returns the whole profile, and keeps the session', async () => {
    const { accessToken, email } = await addLoggedInUser(app);
    const { data } = await change(accessToken, { name: 'Grace Hopper', locale: 'pt-BR' });
    expect(data).toMatchObject({ email, name: 'Grace Hopper', locale: 'pt-BR' });
    expect((await change(accessToken, { locale: 'en' })).data).toMatchObject({ name: 'Grace Hopper', locale: 'en' });
    expect((await app.send('GET', path, { token: accessToken })).data).toMatchObject({ name: 'Grace Hopper' });
    expect(await isAccepted(app, accessToken)).toBe(true);
  });

  it('200 records an event that names the fields and encrypts their new values', async () => {
    const { accessToken, userId } = await addLoggedInUser(app);
    await change(accessToken, { name: 'Grace Hopper', locale: 'en' });
    const [event, ...others] = await eventsOf(userId);
    expect(others).toEqual([]);
    expect([event?.facts, event?.personal]).toEqual([{ fields: ['name'] }, { name: 'Grace Hopper' }]);
    expect(event?.body).not.toContain('Grace');
  });

  it('200 without an event when no value changes', async () => {
    const { accessToken, userId } = await addLoggedInUser(app);
    expect((await change(accessToken, { name: 'Ada Lovelace', locale: 'en' })).status).toBe(200);
    expect(await eventsOf(userId)).toEqual([]);
  });

  it('200 for twenty changes at once, with one event of the right value each', async () => {
    const { accessToken, userId } = await addLoggedInUser(app);
    const names = Array.from({ length: 20 }, (_, index) => `Ada ${index}`);
    await Promise.all(names.map((name) => change(accessToken, { name })));
    const recorded = (await eventsOf(userId)).map(({ personal }) => (personal as { readonly name: string }).name);
    expect([...recorded].sort()).toEqual([...names].sort());
  });

  it.each([
    ['an empty body', {}],
    ['a member that the user cannot change', { name: 'Ada', email: 'other@people.example' }],
    ['public metadata', { publicMetadata: { plan: 'pro' } }],
    ['private metadata', { privateMetadata: {} }],
    ['a status', { name: 'Ada', status: 'active' }],
    ['null', { name: null }],
    ['an empty name', { name: '' }],
    ['an invalid locale', { locale: '../en' }],
  ])('422 for %s, without a change', async (_, json) => {
    const { accessToken, userId } = await addLoggedInUser(app);
    expect((await change(accessToken, json)).code).toBe('validation_failed');
    expect((await app.send('GET', path, { token: accessToken })).data).toMatchObject({ name: 'Ada Lovelace' });
    expect(await eventsOf(userId)).toEqual([]);
  });

  it('returns public metadata and never private metadata', async () => {
    const { accessToken, userId } = await addLoggedInUser(app);
    await changeMetadata(app.services, operator, userId, { public: { plan: 'pro' }, private: { note: 'a friend' } });
    const { data, text } = await change(accessToken, { name: 'Grace' });
    expect(data).toMatchObject({ publicMetadata: { plan: 'pro' } });
    expect(text).not.toContain('friend');
    expect((await findMetadata(app.services.database, userId))?.private).toEqual({ note: 'a friend' });
  });

  it('403 for a cookie session from another site, 200 from the same origin', async () => {
    const { cookie } = await addCookieSession(app);
    const send = (headers: Readonly<Record<string, string>>) =>
      app.send('PATCH', path, {
        cookie,
        headers: { 'content-type': 'application/json', ...headers },
        json: { name: 'X' },
      });
    expect((await send({ 'sec-fetch-site': 'cross-site' })).code).toBe('cross_site_request');
    expect((await send(sameOrigin)).status).toBe(200);
  });

  it('401 without a session and for a disabled user', async () => {
    expect((await app.send('PATCH', path, { json: { name: 'X' } })).code).toBe('not_authenticated');
    const { accessToken, userId } = await addLoggedInUser(app);
    await disableUser(app.services, operator, userId);
    expect((await change(accessToken, { name: 'X' })).code).toBe('not_authenticated');
  });
});

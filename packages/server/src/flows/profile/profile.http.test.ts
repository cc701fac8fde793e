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
    const place = { table: 'audit_events', column: 'body', row: id };
    const opened = key.open(Buffer.from(event.personal.sealed, 'base64url'), place).toString();
    return { body, facts: event.facts, personal: JSON.parse(opened) as unknown };
  });
}

describe('GET /api/v1/users/me', () => {
  it('200 says what we know of the caller, and nothing that is private', async () => {
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

  it('200 for a session by cookie, and by the path without a version', async () => {
    const { cookie, email } = await addCookieSession(app);
    expect((await app.send('GET', '/api/users/me', { cookie })).data).toMatchObject({ email });
  });

  it('401 without a session', async () => {
    expect((await app.send('GET', '/api/v1/users/me')).code).toBe('not_authenticated');
  });
});

describe('PATCH /api/v1/users/me', () => {
  const change = (token: string, json: object) => app.send('PATCH', path, { token, json });

  it('200 changes what is given, answers the whole profile, and ends nothing', async () => {
    const { accessToken, email } = await addLoggedInUser(app);
    const { data } = await change(accessToken, { name: 'Grace Hopper', locale: 'pt-BR' });
    expect(data).toMatchObject({ email, name: 'Grace Hopper', locale: 'pt-BR' });
    expect((await change(accessToken, { locale: 'en' })).data).toMatchObject({ name: 'Grace Hopper', locale: 'en' });
    expect((await app.send('GET', path, { token: accessToken })).data).toMatchObject({ name: 'Grace Hopper' });
    expect(await isAccepted(app, accessToken)).toBe(true);
  });

  it('200 leaves an event that names the fields, and seals what they hold now', async () => {
    const { accessToken, userId } = await addLoggedInUser(app);
    await change(accessToken, { name: 'Grace Hopper', locale: 'en' });
    const [event, ...others] = await eventsOf(userId);
    expect(others).toEqual([]);
    expect([event?.facts, event?.personal]).toEqual([{ fields: ['name'] }, { name: 'Grace Hopper' }]);
    expect(event?.body).not.toContain('Grace');
  });

  it('200 without an event when nothing is new', async () => {
    const { accessToken, userId } = await addLoggedInUser(app);
    expect((await change(accessToken, { name: 'Ada Lovelace', locale: 'en' })).status).toBe(200);
    expect(await eventsOf(userId)).toEqual([]);
  });

  it('200 by twenty at once: each event is true of the moment', async () => {
    const { accessToken, userId } = await addLoggedInUser(app);
    const names = Array.from({ length: 20 }, (_, index) => `Ada ${index}`);
    await Promise.all(names.map((name) => change(accessToken, { name })));
    const told = (await eventsOf(userId)).map(({ personal }) => (personal as { readonly name: string }).name);
    expect([...told].sort()).toEqual([...names].sort());
  });

  it.each([
    ['nothing', {}],
    ['a member that is not the user’s to change', { name: 'Ada', email: 'other@people.example' }],
    ['public metadata', { publicMetadata: { plan: 'pro' } }],
    ['private metadata', { privateMetadata: {} }],
    ['a status', { name: 'Ada', status: 'active' }],
    ['null', { name: null }],
    ['an empty name', { name: '' }],
    ['a locale that is none', { locale: '../en' }],
  ])('422 for %s, and nothing is changed', async (_, json) => {
    const { accessToken, userId } = await addLoggedInUser(app);
    expect((await change(accessToken, json)).code).toBe('validation_failed');
    expect((await app.send('GET', path, { token: accessToken })).data).toMatchObject({ name: 'Ada Lovelace' });
    expect(await eventsOf(userId)).toEqual([]);
  });

  it('shows public metadata that an operator set, and private metadata to nobody', async () => {
    const { accessToken, userId } = await addLoggedInUser(app);
    await changeMetadata(app.services, operator, userId, { public: { plan: 'pro' }, private: { note: 'a friend' } });
    const { data, text } = await change(accessToken, { name: 'Grace' });
    expect(data).toMatchObject({ publicMetadata: { plan: 'pro' } });
    expect(text).not.toContain('friend');
    expect((await findMetadata(app.services.database, userId))?.private).toEqual({ note: 'a friend' });
  });

  it('403 by cookie from another site, 200 from this one', async () => {
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

  it('401 without a session, and for a user who is disabled', async () => {
    expect((await app.send('PATCH', path, { json: { name: 'X' } })).code).toBe('not_authenticated');
    const { accessToken, userId } = await addLoggedInUser(app);
    await disableUser(app.services, operator, userId);
    expect((await change(accessToken, { name: 'X' })).code).toBe('not_authenticated');
  });
});

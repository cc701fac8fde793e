import { beforeAll, describe, expect, it } from 'vitest';
import { findCandidate } from '#domain/authentication/index.ts';
import { revoke } from '#flows/admin-invitations/index.ts';
import { FixedClock } from '#kernel/clock.ts';
import { statement } from '#platform/database/index.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import { invite } from '#test/support/invitations.ts';
import { foreignScripts } from '#test/support/markup.ts';
import { operator } from '#test/support/operator.ts';
import {
  addVerifiedUser,
  login,
  mailedToken,
  register,
  sameOrigin,
  uniqueEmail,
  validPassword,
  verifyEmail,
} from '#test/support/user-actions.ts';
import { userIdOf } from '#test/support/user-status.ts';

const weekMs = 7 * 24 * 60 * 60 * 1000;

const findOpen = statement('accept_invitation_test.open', {
  lane: 'pool',
  sql: `select id from invitations where canonical = :email`,
  params: { email: 'text' },
  columns: { id: 'uuid' },
});

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env: { LATCHKEY_REGISTRATION: 'invite' } });
  return () => app.close();
});

function accept(token: string, more: Readonly<Record<string, unknown>> = {}, databaseKind = app): Promise<AppResponse> {
  const json = { token, name: 'Grace Hopper', password: validPassword, ...more };
  return databaseKind.send('POST', '/api/v1/auth/accept-invitation', { json });
}

const findUsers = statement('accept_invitation_test.users', {
  lane: 'pool',
  sql: `select user_id from identifiers where canonical = :email`,
  params: { email: 'text' },
  columns: { userId: 'uuid' },
});

const usersOf = (databaseKind: Application, email: string) =>
  databaseKind.services.database.rows(findUsers, { email: email.toLowerCase() });

const databases = ['postgres', 'embedded'] as const;
const patience = { timeout: 60_000 };

/** In parallel, because each invitation waits for the worker's next poll. */
const inParallel = <T>(begin: (email: string) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: 10 }, () => begin(uniqueEmail())));

async function profileOf(email: string): Promise<Readonly<Record<string, unknown>>> {
  const token = (await login(app, email)).data.accessToken;
  return (await app.send<Readonly<Record<string, unknown>>>('GET', '/api/v1/users/me', { token })).data;
}

describe('POST /api/v1/auth/accept-invitation', () => {
  it('201 creates an account with the invited address, verified, that can log in at once', async () => {
    const email = uniqueEmail('Invited');
    const response = await accept(await invite(app, email, { locale: 'de' }));
    expect([response.status, response.data]).toEqual([201, { status: 'registered' }]);
    const token = (await login(app, email)).data.accessToken;
    const { data } = await app.send<object>('GET', '/api/v1/users/me', { token });
    expect(data).toMatchObject({ email, emailVerified: true, name: 'Grace Hopper', locale: 'de' });
  });

  it('201 with a role turns two factors on: the first login sets one up', async () => {
    const email = uniqueEmail();
    expect((await accept(await invite(app, email, { role: 'owner' }))).status).toBe(201);
    const { database } = app.services;
    const userId = await userIdOf(app, email);
    const candidate = await findCandidate(database, { userId, now: app.clock.now() });
    expect(candidate).toMatchObject({ mfaEnabled: true, hasRole: true });
    expect((await login(app, email)).data.step).toBe('confirm_mailbox');
  });

  it('201 prefers the locale of the request', async () => {
    const email = uniqueEmail();
    await accept(await invite(app, email, { locale: 'de' }), { locale: 'fr' });
    expect(await profileOf(email)).toMatchObject({ locale: 'fr' });
  });

  it('201 for exactly one of twenty concurrent acceptances, 400 for the others', async () => {
    const email = uniqueEmail();
    const token = await invite(app, email);
    const names = Array.from({ length: 20 }, (_, number) => `Person ${number}`);
    const responses = await Promise.all(names.map((name) => accept(token, { name })));
    const winner = responses.findIndex(({ status }) => status === 201);
    const others = responses.filter(({ status }) => status !== 201);
    expect(others.map(({ status, code }) => [status, code])).toEqual(Array(19).fill([400, 'invalid_token']));
    expect(await profileOf(email)).toMatchObject({ name: names[winner] });
  });

  it('400 for an invitation that was used, revoked or replaced, and for an unknown token', async () => {
    const used = await invite(app, uniqueEmail());
    await accept(used);
    const [email, again] = [uniqueEmail(), uniqueEmail()];
    const revoked = await invite(app, email);
    const row = await app.services.database.row(findOpen, { email });
    expect(await revoke(app.services, operator, row?.id ?? '')).toBe(true);
    const replaced = await invite(app, again);
    const newer = await invite(app, again);
    for (const token of [used, revoked, replaced, `lk_ot_${'A'.repeat(49)}`, 'nonsense']) {
      expect(await accept(token)).toMatchObject({ status: 400, code: 'invalid_token' });
    }
    expect((await accept(newer)).status).toBe(201);
  });

  it('201 until a millisecond before seven days have passed, then 400', async () => {
    const time = new FixedClock(new Date('2030-05-05T05:05:05.005Z'));
    const frozen = await Application.open({ time, env: { LATCHKEY_REGISTRATION: 'invite' } });
    const [inTime, late] = [await invite(frozen, uniqueEmail()), await invite(frozen, uniqueEmail())];
    frozen.clock.advance(weekMs - 1);
    expect((await accept(inTime, {}, frozen)).status).toBe(201);
    frozen.clock.advance(1);
    expect(await accept(late, {}, frozen)).toMatchObject({ status: 400, code: 'invalid_token' });
    await frozen.close();
  });

  it('400 when another user has verified the address meanwhile, whose account stays unchanged', async () => {
    const open = await Application.open();
    const email = uniqueEmail();
    const token = await invite(open, email);
    await register(open, email);
    await verifyEmail(open, await mailedToken(open, email));
    const before = await usersOf(open, email);
    expect(await accept(token, {}, open)).toMatchObject({ status: 400, code: 'invalid_token' });
    expect((await login(open, email)).status).toBe(200);
    expect(await usersOf(open, email)).toEqual(before);
    await open.close();
  });

  it('201 takes the address from an unverified registration, made before or after the invitation', async () => {
    const open = await Application.open();
    const squatter = { password: 'of the squatter' };
    for (const isInvitedFirst of [true, false]) {
      const email = uniqueEmail();
      const first = isInvitedFirst ? await invite(open, email) : undefined;
      await register(open, email, squatter);
      const link = await mailedToken(open, email);
      const token = first ?? (await invite(open, email));
      expect((await accept(token, {}, open)).status).toBe(201);
      expect((await verifyEmail(open, link)).code).toBe('invalid_token');
      expect((await login(open, email, squatter)).code).toBe('invalid_credentials');
      expect((await login(open, email)).status).toBe(200);
    }
    await open.close();
  });

  it.each(databases)(
    'either the invitation or the verification link succeeds, never both, when they are used at once (%s)',
    patience,
    async (databaseKind) => {
      const open = await Application.open({ databaseKind });
      const both = await inParallel(async (email) => {
        await register(open, email, { password: 'of the squatter' });
        return { email, link: await mailedToken(open, email), token: await invite(open, email) };
      });
      for (const [round, { email, link, token }] of both.entries()) {
        const uses = [() => accept(token, {}, open), () => verifyEmail(open, link)];
        const order = round % 2 === 0 ? uses : uses.toReversed();
        const responses = await Promise.all(order.map((useLink) => useLink()));
        const codes = responses.map(({ status, code }) => `${status} ${code ?? ''}`).sort();
        expect(codes).toEqual([expect.stringMatching(/^20[01] $/), '400 invalid_token']);
        expect(await usersOf(open, email)).toHaveLength(1);
      }
      await open.close();
    },
  );

  it.each(databases)(
    '201 while a concurrent registration of the address gets no account (%s)',
    patience,
    async (databaseKind) => {
      const open = await Application.open({ databaseKind });
      const invited = await inParallel(async (email) => ({ email, token: await invite(open, email) }));
      for (const { email, token } of invited) {
        const squatter = { password: 'of the squatter' };
        const responses = await Promise.all([register(open, email, squatter), accept(token, {}, open)]);
        expect(responses.map(({ status }) => status)).toEqual([201, 201]);
        expect(await usersOf(open, email)).toHaveLength(1);
        expect((await login(open, email)).status).toBe(200);
      }
      await open.close();
    },
  );

  it('400 while registration is closed', async () => {
    const closed = await Application.open({ deploymentOf: app, env: { LATCHKEY_REGISTRATION: 'closed' } });
    const token = await invite(app, uniqueEmail());
    expect(await accept(token, {}, closed)).toMatchObject({ status: 400, code: 'invalid_token' });
    expect((await accept(token)).status).toBe(201);
    await closed.close();
  });

  it('rejects a request that names an address', async () => {
    const token = await invite(app, uniqueEmail());
    expect((await accept(token, { email: uniqueEmail() })).code).toBe('validation_failed');
  });
});

describe('the page /accept-invitation', () => {
  const view = (token: string, headers = {}) => app.send('GET', `/accept-invitation?token=${token}`, { headers });
  const submit = (form: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = sameOrigin) =>
    app.send('POST', '/accept-invitation', { form, headers });

  it('200 shows the invited address and changes nothing when it is opened repeatedly', async () => {
    const email = uniqueEmail();
    const token = await invite(app, email);
    for (const _ of [1, 2]) {
      const page = await view(token);
      expect([page.status, page.text.includes(email), foreignScripts(page.text)]).toEqual([200, true, []]);
    }
    expect((await accept(token)).status).toBe(201);
  });

  it('creates the account without JavaScript', async () => {
    const email = uniqueEmail();
    const token = await invite(app, email);
    const invalid = await submit({ token, name: '  ', password: 'short' });
    expect(invalid.status).toBe(422);
    expect(invalid.text.match(/aria-invalid="true"/g)).toHaveLength(2);
    expect((await submit({ token, name: 'Grace', password: validPassword })).status).toBe(200);
    expect(await profileOf(email)).toMatchObject({ name: 'Grace', email });
    const again = await submit({ token, name: 'Eve', password: validPassword });
    expect([again.status, again.text.includes('Invitation accepted')]).toEqual([200, true]);
    expect(await profileOf(email)).toMatchObject({ name: 'Grace' });
  });

  it('has the language of an active invitation, otherwise that of the browser', async () => {
    const token = await invite(app, uniqueEmail(), { locale: 'de' });
    expect((await view(token, { 'accept-language': 'en' })).text).toContain('<html lang="de">');
    await accept(token);
    expect((await view(token, { 'accept-language': 'en' })).text).toContain('Einladung angenommen');
    const unknown = `lk_ot_${'A'.repeat(49)}`;
    expect((await view(unknown, { 'accept-language': 'fr, de;q=0.9, en;q=0.5' })).text).toContain('<html lang="de">');
    expect((await view(unknown)).text).toContain('<html lang="en">');
  });

  it('escapes the submitted values', async () => {
    const token = await invite(app, uniqueEmail());
    const page = await submit({ token, name: '"><script>alert(1)</script>', password: 'short' });
    expect(page.status).toBe(422);
    expect(foreignScripts(page.text)).toEqual([]);
  });

  it('403 for a form that another site submits', async () => {
    const token = await invite(app, uniqueEmail());
    const form = { token, name: 'Grace', password: validPassword };
    expect((await submit(form, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await accept(token)).status).toBe(201);
  });
});

describe('POST /api/v1/auth/register', () => {
  it('403 while registration requires an invitation', async () => {
    expect(await register(app, uniqueEmail())).toMatchObject({ status: 403, code: 'registration_closed' });
  });

  it('403 for an email domain that is not allowed or is denied, also for a taken address; an invitation is exempt', async () => {
    const env = {
      LATCHKEY_EMAIL_DOMAINS_ALLOW: 'people.example,.people.example',
      LATCHKEY_EMAIL_DOMAINS_DENY: 'x.people.example',
    };
    const lists = await Application.open({ env });
    const taken = await addVerifiedUser(lists);
    const narrow = await Application.open({
      deploymentOf: lists,
      env: { LATCHKEY_EMAIL_DOMAINS_DENY: 'people.example' },
    });
    const responses = [
      await register(lists, 'a@elsewhere.example'),
      await register(lists, 'a@X.people.example'),
      await register(narrow, taken),
      await register(narrow, uniqueEmail()),
    ];
    expect(responses.map(({ code }) => code)).toEqual(Array(4).fill('email_domain_not_allowed'));
    expect((await register(lists, 'a@y.people.example')).status).toBe(201);
    expect((await accept(await invite(lists, 'b@elsewhere.example'), {}, narrow)).status).toBe(201);
    await narrow.close();
    await lists.close();
  });
});

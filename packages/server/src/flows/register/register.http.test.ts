import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import {
  addVerifiedUser,
  login,
  mailedToken,
  mailsTo,
  messagesTo,
  register,
  uniqueEmail,
  validPassword,
  verifyEmail,
} from '#test/support/user-actions.ts';

const otherPassword = 'another long passphrase';

const words = 'correct horse battery staple '.repeat(5);
const pictures = Array.from('🔑🐴🔋🎲🚲🧭🪵🧲🗿🛶🪁🎻'.repeat(11));

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

async function profileOf(email: string, password: string): Promise<{ readonly name: string; readonly locale: string }> {
  const { data } = await login(app, email, { password });
  const response = await app.send<{ name: string; locale: string }>('GET', '/api/v1/users/me', {
    token: data.accessToken,
  });
  return response.data;
}

describe('POST /api/v1/auth/register', () => {
  it('201 for a new address returns it as typed without an id and sends a link', async () => {
    const response = await register(app, 'New.Person@People.example');
    expect(response.status).toBe(201);
    expect(response.data).toEqual({
      email: 'New.Person@People.example',
      status: 'verification_sent',
      ticket: expect.stringMatching(/^lk_lt_/),
      ticketExpiresAt: expect.any(String),
    });
    expect(await mailsTo(app, 'new.person@people.example')).toEqual(['verify_email']);
    const [message] = await messagesTo(app, 'New.Person@people.example', 1);
    expect(message?.links[0]).toMatch(/^http:\/\/localhost:5625\/verify-email\?token=lk_ot_/);
    expect(message?.text).toContain('Ada Lovelace');
  });

  it('201 for a taken address has the same shape and header names, and notifies the owner', async () => {
    const taken = await addVerifiedUser(app);
    const [fresh, again] = [await register(app, uniqueEmail()), await register(app, taken)];
    expect(again.status).toBe(fresh.status);
    expect(Object.keys(again.data as object)).toEqual(Object.keys(fresh.data as object));
    expect([...again.headers.keys()]).toEqual([...fresh.headers.keys()]);
    expect(await mailsTo(app, taken)).toEqual(['verify_email', 'already_registered']);
    const [, notice] = await messagesTo(app, taken, 2);
    expect(notice?.subject).toContain('already have an account');
    expect(notice?.links).toEqual([]);
  });

  it('201 for a taken address changes neither its password nor its name', async () => {
    const email = await addVerifiedUser(app);
    await register(app, email, { password: otherPassword, name: 'Mallory' });
    expect((await login(app, email, { password: otherPassword })).code).toBe('invalid_credentials');
    expect(await profileOf(email, validPassword)).toMatchObject({ name: 'Ada Lovelace' });
  });

  it('201 for another spelling of an address finds the same identifier', async () => {
    const email = uniqueEmail('Spelling');
    await register(app, email);
    await register(app, email.toUpperCase());
    await verifyEmail(app, await mailedToken(app, email));
    expect((await login(app, email.toUpperCase())).status).toBe(200);
    const domain = uniqueEmail().replace('people.example', 'Bücher.example');
    expect((await register(app, domain)).status).toBe(201);
    expect(await mailsTo(app, domain.replace('Bücher', 'xn--bcher-kva'))).toEqual(['verify_email']);
  });

  it('201 stores the requested locale, and falls back to English for a mail that has no translation', async () => {
    const email = await addVerifiedUser(app, { locale: 'pt-BR' });
    const [message] = await messagesTo(app, email, 1);
    expect(message?.subject).toMatch(/confirm|verify/i);
    expect(message?.html).toContain('lang="en"');
    expect(await profileOf(email, validPassword)).toMatchObject({ locale: 'pt-BR' });
  });

  it('201 for the password of the documentation', async () => {
    expect((await register(app, uniqueEmail(), { password: 'SecurePass123!' })).status).toBe(201);
  });

  it.each([
    ['of 12 characters', words.slice(0, 12), undefined],
    ['of 11 characters', words.slice(0, 11), 'too_short'],
    ['of 0 characters', '', 'too_short'],
    ['of 128 characters', words.slice(0, 128), undefined],
    ['of 129 characters', words.slice(0, 129), 'too_long'],
    ['of 4,000 characters', words.repeat(28).slice(0, 4000), 'too_long'],
    ['of 12 code points outside the BMP', pictures.slice(0, 12).join(''), undefined],
    ['of 11 code points outside the BMP', pictures.slice(0, 11).join(''), 'too_short'],
    ['of 128 code points outside the BMP', pictures.slice(0, 128).join(''), undefined],
    ['of 129 code points outside the BMP', pictures.slice(0, 129).join(''), 'too_long'],
    ['of 12 characters once composed', `${words.slice(0, 11)}e\u0301`, undefined],
    ['of 11 characters once composed', `${words.slice(0, 10)}e\u0301`, 'too_short'],
  ])('counts the length of a password %s in code points after NFC', async (_, password, code) => {
    const response = await register(app, uniqueEmail(), { password });
    expect(response.status).toBe(code === undefined ? 201 : 422);
    expect(response.errors.map((error) => [error.path, error.code])).toEqual(
      code === undefined ? [] : [['/password', code]],
    );
  });

  it.each(['', 'nobody', 'a@b@c.example', '"quoted"@people.example', 'a b@people.example', 'a@people.example\n'])(
    '422 for %j, which is not an email address',
    async (email) => {
      const response = await register(app, email);
      expect([response.status, response.code]).toEqual([422, 'validation_failed']);
      expect(response.errors.map(({ path }) => path)).toEqual(['/email']);
    },
  );

  it.each(['', ' ', 'a\u0000b', 'line\nbreak', 'x'.repeat(201)])('422 for the name %j', async (name) => {
    const response = await register(app, uniqueEmail(), { name });
    expect(response.status).toBe(422);
    expect(new Set(response.errors.map(({ path }) => path))).toEqual(new Set(['/name']));
  });

  it('escapes the name in the mail', async () => {
    const email = uniqueEmail();
    await register(app, email, { name: '<b>Ada</b> https://evil.example/' });
    const [message] = await messagesTo(app, email, 1);
    expect(message?.html).not.toContain('<b>Ada');
    expect(message?.links.filter((link) => link.includes('evil'))).toEqual([]);
  });

  it('403 while registration is closed, without a user or a mail', async () => {
    const closed = await Application.open({ deploymentOf: app, env: { LATCHKEY_REGISTRATION: 'closed' } });
    const email = uniqueEmail();
    const response = await register(closed, email);
    await closed.close();
    expect([response.status, response.code]).toEqual([403, 'registration_closed']);
    expect(await mailsTo(app, email)).toEqual([]);
  });
});

describe('registering an unverified address again (invariant 18)', () => {
  it('keeps the password of the first registration', async () => {
    const email = uniqueEmail();
    await register(app, email);
    const again = await register(app, email, { password: otherPassword, name: 'Mallory' });
    expect(again.status).toBe(201);
    expect((await login(app, email)).code).toBe('email_not_verified');
    expect((await login(app, email, { password: otherPassword })).code).toBe('invalid_credentials');
    expect(await mailsTo(app, email)).toEqual(['verify_email', 'verify_email']);
  });

  it.each([
    { used: 1, sets: validPassword, name: 'First', never: otherPassword },
    { used: 2, sets: otherPassword, name: 'Second', never: validPassword },
  ])('link $used sets the password and the name of its own registration', async ({ used, sets, name, never }) => {
    const email = uniqueEmail();
    await register(app, email, { name: 'First' });
    await register(app, email, { name: 'Second', password: otherPassword });
    expect((await verifyEmail(app, await mailedToken(app, email, used))).status).toBe(200);
    expect((await login(app, email, { password: never })).code).toBe('invalid_credentials');
    expect(await profileOf(email, sets)).toMatchObject({ name });
  });

  it.each([1, 2, 3])('the use of link %i of three revokes the others', async (used) => {
    const email = uniqueEmail();
    for (const name of ['First', 'Second', 'Third']) await register(app, email, { name });
    const links = await Promise.all([1, 2, 3].map((number) => mailedToken(app, email, number)));
    expect((await verifyEmail(app, links[used - 1] ?? '')).status).toBe(200);
    for (const link of links) expect((await verifyEmail(app, link)).code).toBe('invalid_token');
  });

  it.each(['before', 'after'])('an attacker who registers %s the victim never gets access', async (order) => {
    const email = uniqueEmail('victim');
    const attack = () => register(app, email, { password: otherPassword, name: 'Mallory' });
    const own = () => register(app, email, { name: 'Victim' });
    for (const act of order === 'before' ? [attack, own] : [own, attack]) await act();
    const mails = await messagesTo(app, email, 2);
    const ownNumber = mails.findIndex(({ text }) => text.includes('Victim')) + 1;
    await verifyEmail(app, await mailedToken(app, email, ownNumber));
    await attack();
    expect((await login(app, email, { password: otherPassword })).code).toBe('invalid_credentials');
    expect(await profileOf(email, validPassword)).toMatchObject({ name: 'Victim' });
    expect((await mailsTo(app, email)).at(-1)).toBe('already_registered');
  });
});

/**
 * Every operation that sets a password applies the same rules (docs/security/passwords.md), in the reader's language; a
 * rejection consumes nothing.
 */
import { createHash } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createUser } from '#flows/admin-users/index.ts';
import { present } from '#kernel/assert.ts';
import { startOnPage } from './faults/statements/scenario.ts';
import { Application, type AppResponse } from './support/application.ts';
import { type HttpReceiver, type Reaction, startReceiver } from './support/http-receiver.ts';
import { invite } from './support/invitations.ts';
import { addSetupLink, mustChangePassword, ticketFor } from './support/login-steps.ts';
import { operator } from './support/operator.ts';
import { renderedForm } from './support/rendered-form.ts';
import { beforeEachHash } from './support/stored-login.ts';
import {
  addCookieSession,
  addLoggedInUser,
  addVerifiedUser,
  login,
  mailedToken,
  mailsTo,
  newestMailedToken,
  register,
  uniqueEmail,
  validPassword,
} from './support/user-actions.ts';
import { userIdOf } from './support/user-status.ts';

const sameOrigin = { origin: 'http://localhost:5625', 'sec-fetch-site': 'same-origin' };

/** A user about to set a password, and the operation that sets it. */
interface Attempt {
  readonly email: string;
  readonly set: (password: string, headers?: Readonly<Record<string, string>>) => Promise<AppResponse>;
}

let receiver: HttpReceiver;
/** Uses a range service and accepts passwords when it is down. */
let app: Application;
/** Another node of the deployment, which rejects passwords when the service is down. */
let strict: Application;

function breachSettings(whenDown: string): Record<string, string> {
  return {
    LATCHKEY_PASSWORD_BREACH_URL: `http://127.0.0.1:${receiver.port}/range/`,
    LATCHKEY_PASSWORD_BREACH_ALLOW_PRIVATE: '1',
    LATCHKEY_PASSWORD_BREACH_TIMEOUT_MS: '500',
    LATCHKEY_PASSWORD_BREACH_WHEN_DOWN: whenDown,
  };
}

/** The response of a range service that knows these passwords, with padding. */
function rangesOf(...passwords: readonly string[]): Reaction {
  return (response, { url }) => {
    const hashes = passwords.map((password) => createHash('sha1').update(password).digest('hex').toUpperCase());
    const prefix = url.slice(-5);
    const lines = hashes.filter((text) => text.startsWith(prefix)).map((text) => `${text.slice(5)}:42`);
    response.end([`${'0'.repeat(35)}:0`, ...lines, `${'F'.repeat(35)}:7`].join('\r\n'));
  };
}

beforeAll(async () => {
  receiver = await startReceiver();
  receiver.react(rangesOf());
  app = await Application.open({ env: breachSettings('allow') });
  strict = await Application.open({ deploymentOf: app, env: breachSettings('refuse') });
  return async () => {
    await strict.close();
    await app.close();
    await receiver.stop();
  };
});

beforeEach(async () => {
  receiver.react(rangesOf('seen in a breach'));
  // One success closes a breaker that failures of the previous test left half-open.
  for (const each of [app, strict]) expect((await register(each, uniqueEmail())).status).toBe(201);
});

async function addUserWithResetLink(of: Application, more: object = {}): Promise<{ email: string; token: string }> {
  const email = await addVerifiedUser(of, { ...more });
  await of.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
  return { email, token: await mailedToken(of, email, 2) };
}

/** A user whose newest link carries no registration, so that the link takes a password. */
async function addContestedUser(of: Application): Promise<{ email: string; token: string }> {
  const email = uniqueEmail();
  await register(of, email);
  await register(of, email, { name: 'Mallory' });
  await of.send('POST', '/api/v1/auth/resend-verification', { json: { email } });
  return { email, token: await mailedToken(of, email, 3) };
}

async function addUserWithUndoLink(of: Application): Promise<{ email: string; token: string }> {
  const { email, accessToken } = await addLoggedInUser(of);
  const newEmail = uniqueEmail('new');
  await of.send('POST', '/api/v1/users/me/email', {
    token: accessToken,
    json: { newEmail, currentPassword: validPassword },
  });
  const token = await newestMailedToken(of, newEmail, '/confirm-email-change');
  await of.send('POST', '/api/v1/auth/confirm-email-change', { json: { token } });
  return { email, token: await newestMailedToken(of, email, '/undo-email-change') };
}

async function addInvitation(of: Application): Promise<{ email: string; token: string }> {
  const email = uniqueEmail('invited');
  return { email, token: await invite(of, email) };
}

const ofApi =
  (of: Application, path: string, more: object): Attempt['set'] =>
  (password, headers = {}) =>
    of.send('POST', path, { json: { ...more, password }, headers });
const ofPage =
  (of: Application, path: string, more: Readonly<Record<string, string>>): Attempt['set'] =>
  (password, headers = {}) =>
    of.send('POST', path, { form: { ...more, password }, headers: { ...sameOrigin, ...headers } });

/** Every API operation that sets a password; reviewed by hand. */
const api: Readonly<Record<string, (of: Application) => Promise<Attempt>>> = {
  'register.person': async (of) => {
    const email = uniqueEmail();
    return { email, set: ofApi(of, '/api/v1/auth/register', { email, name: 'Ada Lovelace' }) };
  },
  'verify_email.press': async (of) => {
    const { email, token } = await addContestedUser(of);
    return { email, set: ofApi(of, '/api/v1/auth/verify-email', { token }) };
  },
  'password.reset': async (of) => {
    const { email, token } = await addUserWithResetLink(of);
    return { email, set: ofApi(of, '/api/v1/auth/reset-password', { token }) };
  },
  'invitation.accept': async (of) => {
    const { email, token } = await addInvitation(of);
    return { email, set: ofApi(of, '/api/v1/auth/accept-invitation', { token, name: 'Ada Lovelace' }) };
  },
  'change_email.undo': async (of) => {
    const { email, token } = await addUserWithUndoLink(of);
    return { email, set: ofApi(of, '/api/v1/auth/undo-email-change', { token }) };
  },
  'password.change': async (of) => {
    const { email, accessToken: token } = await addLoggedInUser(of);
    const set: Attempt['set'] = (newPassword, headers = {}) => {
      const json = { currentPassword: validPassword, newPassword };
      return of.send('POST', '/api/v1/users/me/password', { token, json, headers });
    };
    return { email, set };
  },
  'owner.set_up': async (of) => {
    const { email, token } = await addSetupLink(of);
    return { email, set: ofApi(of, '/api/v1/auth/setup', { token, name: 'Ada Lovelace' }) };
  },
  'login.change_password': async (of) => {
    const email = await addVerifiedUser(of);
    await mustChangePassword(of, await userIdOf(of, email));
    const ticket = await ticketFor(of, email, 'change_password');
    return { email, set: ofApi(of, '/api/v1/auth/login/change-password', { ticket }) };
  },
};

const pages: Readonly<Record<string, (of: Application) => Promise<Attempt>>> = {
  'register.submit': async (of) => {
    const email = uniqueEmail();
    return { email, set: ofPage(of, '/register', { email, name: 'Ada Lovelace' }) };
  },
  'owner.submit_set_up': async (of) => {
    const { email, token } = await addSetupLink(of);
    return { email, set: ofPage(of, '/setup', { token, name: 'Ada Lovelace' }) };
  },
  'login.submit_change_password': async (of) => {
    const email = await addVerifiedUser(of);
    await mustChangePassword(of, await userIdOf(of, email));
    const { cookie, fields } = await startOnPage({ app: of, email });
    const set: Attempt['set'] = (password, headers = {}) => {
      const form = { ...fields, password };
      return of.send('POST', '/login/change-password', { form, cookie, headers: { ...sameOrigin, ...headers } });
    };
    return { email, set };
  },
  'password.submit_change': async (of) => {
    const { cookie, email } = await addCookieSession(of);
    const set: Attempt['set'] = (password, headers = {}) => {
      const form = { ...renderedForm.fields, currentPassword: validPassword, password };
      const all = { ...sameOrigin, ...headers, cookie: `${cookie}; ${renderedForm.cookie}` };
      return of.send('POST', '/account/security/password', { form, headers: all });
    };
    return { email, set };
  },
  'verify_email.submit': async (of) => {
    const { email, token } = await addContestedUser(of);
    return { email, set: ofPage(of, '/verify-email', { token, choice: 'verify' }) };
  },
  'password.reset_submit': async (of) => {
    const { email, token } = await addUserWithResetLink(of);
    return { email, set: ofPage(of, '/reset-password', { token }) };
  },
  'invitation.submit': async (of) => {
    const { email, token } = await addInvitation(of);
    return { email, set: ofPage(of, '/accept-invitation', { token, name: 'Ada Lovelace' }) };
  },
  'change_email.submit_undo': async (of) => {
    const { email, token } = await addUserWithUndoLink(of);
    return { email, set: ofPage(of, '/undo-email-change', { token }) };
  },
};

/** Pages that lead to the next page of a sign-in. */
const leadsOn = ['login.submit_change_password', 'password.submit_change', 'owner.submit_set_up', 'register.submit'];

function attemptAt(id: string, table: typeof api, of: Application): Promise<Attempt> {
  return present(table[id], id)(of);
}

/** Operations that take an existing password. */
const provingOperations = ['login.password', 'login.submit', 'step_up.prove', 'step_up.submit'];

const rejected = [
  ['eleven char', 'too_short', /at least 12 characters/, /mindestens 12 Zeichen/],
  ['long enough, '.repeat(100), 'too_long', /at most 128 characters/, /höchstens 128 Zeichen/],
  ['ABABABABABAB', 'too_simple', /only repeats a few characters/, /wiederholt nur wenige Zeichen/],
  ['password1234', 'too_common', /most used passwords/, /meistverwendeten/],
  ['seen in a breach', 'breached', /data breach/, /Datenleck/],
  ['people.Person', 'contains_context', /little more than your name/, /fast nur aus Ihrem Namen/],
] as const;

async function hashesOf(work: () => Promise<unknown>): Promise<number> {
  let hashes = 0;
  const stop = beforeEachHash(app, () => {
    hashes += 1;
  });
  await work();
  stop();
  return hashes;
}

describe.each(Object.keys(api))('%s', (id) => {
  const field = id === 'password.change' ? '/newPassword' : '/password';
  const attemptIn = (of: Application) => attemptAt(id, api, of);

  it('422 with the reason for every rejected password; the same link then sets a better one', async () => {
    const { email, set } = await attemptIn(app);
    for (const [password, code, pattern] of rejected) {
      const response = await set(password);
      expect([response.status, response.code]).toEqual([422, 'validation_failed']);
      expect(response.errors).toEqual([{ path: field, code, message: expect.stringMatching(pattern) }]);
    }
    expect((await set('better than before')).status).toBeLessThan(300);
    if (id === 'register.person') expect(await mailsTo(app, email)).toEqual(['verify_email']);
    else expect((await login(app, email, { password: 'better than before' })).status).toBe(200);
  });

  it('422 before the new password is hashed', async () => {
    const { set } = await attemptIn(app);
    // The current password is checked first; otherwise a stolen session could test passwords at no cost.
    expect(await hashesOf(() => set('password1234'))).toBe(id === 'password.change' ? 1 : 0);
  });

  it('503 when the range service is down and the setting is refuse; accepts when it is allow', async () => {
    const refusing = await attemptIn(strict);
    const allowing = await attemptIn(app);
    receiver.react((response) => void response.writeHead(500).end());
    const response = await refusing.set('better than before');
    expect([response.status, response.code, response.headers.get('retry-after')]).toEqual([503, 'unavailable', '10']);
    expect((await allowing.set('better than before')).status).toBeLessThan(300);
    receiver.react(rangesOf());
    expect((await refusing.set('better than before')).status).toBeLessThan(300);
  });
});

describe.each(Object.keys(pages))('%s', (id) => {
  it('422 with the form and the reason; the same form then sets a better password', async () => {
    const { email, set } = await attemptAt(id, pages, app);
    for (const [password, , pattern] of rejected) {
      const response = await set(password);
      expect([response.status, response.text.includes('<form')]).toEqual([422, true]);
      expect(response.text).toMatch(pattern);
      expect(response.text).not.toContain(password);
    }
    expect((await set('better than before')).status).toBe(leadsOn.includes(id) ? 303 : 200);
    if (id === 'register.submit') expect(await mailsTo(app, email)).toEqual(['verify_email']);
    else expect((await login(app, email, { password: 'better than before' })).status).toBe(200);
  });
});

describe('the reason of a rejection', () => {
  it.each(rejected)('for %s is in the language of the reader', async (password, code, _, pattern) => {
    const json = { email: uniqueEmail(), password, name: 'Ada Lovelace', locale: 'de' };
    const byLocale = await app.send('POST', '/api/v1/auth/register', { json });
    expect(byLocale.errors).toEqual([{ path: '/password', code, message: expect.stringMatching(pattern) }]);
    const { token } = await addUserWithResetLink(app, { locale: 'de' });
    const headers = { 'accept-language': 'en' };
    const byLink = await app.send('POST', '/api/v1/auth/reset-password', { json: { token, password }, headers });
    expect(byLink.errors).toEqual(byLocale.errors);
    const withoutLocale = { json: { ...json, locale: undefined }, headers: { 'accept-language': 'fr, de;q=0.5' } };
    expect((await app.send('POST', '/api/v1/auth/register', withoutLocale)).errors).toEqual(byLocale.errors);
  });

  it('includes advice', async () => {
    const { errors } = await register(app, uniqueEmail(), { password: '123456789012' });
    expect(errors).toMatchObject([{ message: expect.stringMatching(/Try several words/) }]);
  });

  it('is the same for a new, an unverified and a verified address', async () => {
    const [fresh, waiting, taken] = [uniqueEmail(), uniqueEmail(), await addVerifiedUser(app)];
    await register(app, waiting);
    for (const [password] of rejected) {
      const responses: unknown[] = [];
      for (const email of [fresh, waiting, taken]) {
        const { status, code, errors } = await register(app, email, { password });
        responses.push({ status, code, errors });
      }
      expect(responses[1]).toEqual(responses[0]);
      expect(responses[2]).toEqual(responses[0]);
    }
  });

  it('names the minimum length of the profile, in every language', async () => {
    const json = { email: uniqueEmail(), password: 'fourteen chars', name: 'Ada Lovelace', locale: 'de' };
    const nist = await Application.open({ deploymentOf: app, env: { LATCHKEY_PASSWORD_PROFILE: 'nist' } });
    const german = await nist.send('POST', '/api/v1/auth/register', { json });
    const english = await nist.send('POST', '/api/v1/auth/register', { json: { ...json, locale: 'en' } });
    await nist.close();
    expect([german, english].map(({ status, errors }) => [status, errors])).toEqual([
      [422, [{ path: '/password', code: 'too_short', message: 'Wählen Sie ein Passwort mit mindestens 15 Zeichen.' }]],
      [422, [{ path: '/password', code: 'too_short', message: 'Choose a password with at least 15 characters.' }]],
    ]);
  });

  it('also applies to users that an operator creates', async () => {
    const user = { name: 'Ada', locale: 'en', roles: [], password: 'password1234' };
    const email = uniqueEmail();
    const creation = createUser(app.services, operator, { ...user, email: { asTyped: email, canonical: email } });
    await expect(creation).rejects.toMatchObject({ code: 'validation_failed', errors: [{ code: 'too_common' }] });
  });
});

describe('the range service', () => {
  it('receives five digits of a hash and nothing else, and only for passwords that no other rule rejects', async () => {
    const before = receiver.received.length;
    await register(app, uniqueEmail(), { password: 'password1234' });
    await register(app, uniqueEmail(), { password: 'too short' });
    expect(receiver.received.length).toBe(before);
    await register(app, uniqueEmail(), { password: 'better than before' });
    const [request, ...more] = receiver.received.slice(before);
    expect(more).toEqual([]);
    const digits = createHash('sha1').update('better than before').digest('hex').slice(0, 5).toUpperCase();
    expect(request).toMatchObject({ method: 'GET', url: `/range/${digits}`, body: '' });
    expect(request?.headers['add-padding']).toBe('true');
    expect(JSON.stringify(request)).not.toMatch(/better|people\.example/);
  });

  it.each<[string, Reaction]>([
    ['nothing', () => undefined],
    ['a page', (response) => void response.end('<html>Please log in</html>')],
    ['an empty response', (response) => void response.end()],
    ['another status', (response) => void response.writeHead(404).end(`${'0'.repeat(35)}:1`)],
    ['too much', (response) => void response.end(`${'0'.repeat(35)}:1\r\n`.repeat(10_000))],
  ])('counts as down when it returns %s', async (_, reaction) => {
    receiver.react(reaction);
    expect(await register(strict, uniqueEmail())).toMatchObject({ status: 503, code: 'unavailable' });
    expect((await register(app, uniqueEmail())).status).toBe(201);
  });

  it('may pad: a suffix with count 0 is not a breached password', async () => {
    const suffix = createHash('sha1').update(validPassword).digest('hex').toUpperCase().slice(5);
    receiver.react((response) => void response.end(`${suffix}:0\r\n${'A'.repeat(35)}:3`));
    expect((await register(strict, uniqueEmail())).status).toBe(201);
  });
});

describe('the tables of operations', () => {
  it('contain every operation that takes a new password', () => {
    const operations = app.endpoints.filter((endpoint) => {
      const schemas = endpoint.kind === 'document' ? [] : Object.values(endpoint.request);
      const fields = schemas.flatMap((schema: unknown) => (schema instanceof z.ZodObject ? [schema] : []));
      return fields.some(({ shape }) => 'password' in shape || 'newPassword' in shape);
    });
    const ids = operations.map(({ id }) => id).filter((id) => !provingOperations.includes(id));
    expect(ids.toSorted()).toEqual([...Object.keys(api), ...Object.keys(pages)].toSorted());
  });
});

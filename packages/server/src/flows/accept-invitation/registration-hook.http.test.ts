import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { type HttpReceiver, json, startReceiver } from '#test/support/http-receiver.ts';
import { invite } from '#test/support/invitations.ts';
import {
  hookRequestsFor,
  hookSettings,
  invalidHookResponses,
  isSigned,
  newestEvent,
} from '#test/support/registration-hook.ts';
import { sameOrigin, uniqueEmail, validPassword } from '#test/support/user-actions.ts';

let receiver: HttpReceiver;
/** Rejects registrations when the hook fails. */
let app: Application;
/** The same deployment; admits registrations when the hook fails. */
let lenient: Application;

beforeAll(async () => {
  receiver = await startReceiver();
  const mode = { LATCHKEY_REGISTRATION: 'invite', LATCHKEY_REGISTRATION_HOOK_TIMEOUT_MS: '250' };
  app = await Application.open({ env: hookSettings(receiver.port, mode) });
  const allow = { ...mode, LATCHKEY_REGISTRATION_HOOK_WHEN_DOWN: 'allow' };
  lenient = await Application.open({ deploymentOf: app, env: hookSettings(receiver.port, allow) });
  return async () => {
    await lenient.close();
    await app.close();
    await receiver.stop();
  };
});

function accept(token: string, on = app) {
  const body = { token, name: 'Grace Hopper', password: validPassword };
  return on.send('POST', '/api/v1/auth/accept-invitation', { json: body });
}

describe('POST /api/v1/auth/accept-invitation with a registration hook', () => {
  it('201 when the hook allows: one signed request about the invited address', async () => {
    receiver.react(json({ allow: true }));
    const email = uniqueEmail('Invited');
    expect((await accept(await invite(app, email, { locale: 'de' }))).status).toBe(201);
    const expected = { via: 'invitation', email: email.toLowerCase(), name: 'Grace Hopper', locale: 'de' };
    expect(hookRequestsFor(receiver, email)).toMatchObject([expected]);
    const request = receiver.received.at(-1);
    expect(request && isSigned(request)).toBe(true);
  });

  it('403 when the hook refuses, and the invitation stays unused', async () => {
    const token = await invite(app, uniqueEmail());
    receiver.react(json({ allow: false, reason: 'left_the_company' }));
    expect(await accept(token)).toMatchObject({ status: 403, code: 'registration_refused' });
    const event = await newestEvent(app, 'registration_hook.refused');
    expect(event?.facts).toEqual({ via: 'invitation', reason: 'left_the_company' });
    receiver.react(json({ allow: true }));
    expect((await accept(token)).status).toBe(201);
  });

  it.each(invalidHookResponses)(
    '%s: %s counts as a failure of the hook; 503 or 201 as configured, and audited',
    async (why, _, reaction) => {
      receiver.react(json({ allow: true }));
      for (const each of [app, lenient])
        expect((await accept(await invite(app, uniqueEmail()), each)).status).toBe(201);
      const token = await invite(app, uniqueEmail());
      receiver.react(reaction);
      expect(await accept(token)).toMatchObject({ status: 503, code: 'unavailable' });
      expect((await accept(token, lenient)).status).toBe(201);
      const event = await newestEvent(app, 'registration_hook.unanswered');
      expect(event?.facts).toMatchObject({ via: 'invitation', why, admitted: true });
    },
  );

  it('400 for a used link without a call of the hook', async () => {
    receiver.react(json({ allow: true }));
    const token = await invite(app, uniqueEmail());
    await accept(token);
    const before = receiver.received.length;
    expect((await accept(token)).code).toBe('invalid_token');
    expect(receiver.received.length).toBe(before);
  });
});

describe('the page /accept-invitation with a registration hook', () => {
  it.each([
    ['en', 'You can’t sign up here'],
    ['de', 'Registrierung nicht möglich'],
  ])('403 in the language %s when the hook refuses, without the reason of the hook', async (locale, title) => {
    receiver.react(json({ allow: false, reason: 'secret_reason' }));
    const token = await invite(app, uniqueEmail(), { locale });
    const form = { token, name: 'Grace', password: validPassword };
    const page = await app.send('POST', '/accept-invitation', { form, headers: sameOrigin });
    expect([page.status, page.text.includes(title), page.text.includes('secret_reason')]).toEqual([403, true, false]);
    receiver.react(json({ allow: true }));
    expect((await accept(token)).status).toBe(201);
  });

  it('shows and validates the form without a call of the hook', async () => {
    const token = await invite(app, uniqueEmail());
    const before = receiver.received.length;
    await app.send('GET', `/accept-invitation?token=${token}`);
    const form = { token, name: '', password: 'short' };
    expect((await app.send('POST', '/accept-invitation', { form, headers: sameOrigin })).status).toBe(422);
    expect(receiver.received.length).toBe(before);
  });
});

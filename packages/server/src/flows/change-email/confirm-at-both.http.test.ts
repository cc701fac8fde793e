import { beforeAll, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import {
  addLoggedInUser,
  addVerifiedUser,
  isAccepted,
  login,
  mailsTo,
  messagesTo,
  newestMailedToken,
  sameOrigin,
  uniqueEmail,
  validPassword,
} from '#test/support/user-actions.ts';

const path = '/confirm-email-change';
const env = { LATCHKEY_EMAIL_CHANGE_CONFIRM: 'both' };

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env });
  return () => app.close();
});

function requestChange(token: string, newEmail: string, of = app): Promise<AppResponse> {
  return of.send('POST', '/api/v1/users/me/email', { token, json: { newEmail, currentPassword: validPassword } });
}

function confirm(token: string, of = app): Promise<AppResponse> {
  return of.send('POST', '/api/v1/auth/confirm-email-change', { json: { token } });
}

async function waitingFor(token: string): Promise<unknown> {
  const { data } = await app.send<Readonly<Record<string, unknown>>>('GET', '/api/v1/users/me', { token });
  return [data.pendingEmail, data.pendingEmailWaitsFor];
}

/** A user with a pending change and both links. */
async function addPendingChange(of = app) {
  const user = await addLoggedInUser(of);
  const newEmail = uniqueEmail('new');
  expect((await requestChange(user.accessToken, newEmail, of)).status).toBe(202);
  return {
    ...user,
    newEmail,
    newLink: await newestMailedToken(of, newEmail, path),
    oldLink: await newestMailedToken(of, user.email, path),
  };
}

describe('POST /api/v1/users/me/email with confirmation at both addresses', () => {
  it('202 returns both addresses and sends the old one a link instead of the notice', async () => {
    const { accessToken, email } = await addLoggedInUser(app);
    const response = await requestChange(accessToken, uniqueEmail('new'));
    expect(response.data).toMatchObject({ waitingFor: ['old_address', 'new_address'] });
    expect((await mailsTo(app, email)).filter((mail) => mail.startsWith('email_change'))).toEqual([
      'email_change_approve',
    ]);
  });

  it('202 with the same responses for a taken address, also when the old address confirms', async () => {
    const taken = await addVerifiedUser(app);
    const [one, other] = [await addLoggedInUser(app), await addPendingChange()];
    const response = await requestChange(one.accessToken, taken);
    expect([response.status, response.data]).toMatchObject([202, { waitingFor: ['old_address', 'new_address'] }]);
    const confirmed = await confirm(await newestMailedToken(app, one.email, path));
    expect([confirmed.status, confirmed.data]).toEqual([200, (await confirm(other.oldLink)).data]);
    expect((await mailsTo(app, taken)).at(-1)).toBe('email_change_taken');
    expect((await login(app, taken)).status).toBe(200);
  });
});

describe('POST /api/v1/auth/confirm-email-change with confirmation at both addresses', () => {
  it.each([
    ['the new address first', true],
    ['the old address first', false],
  ])('200 for %s returns the missing confirmation and changes nothing before it', async (_, isNewFirst) => {
    const { email, newEmail, newLink, oldLink, accessToken } = await addPendingChange();
    const [first, second] = isNewFirst ? [newLink, oldLink] : [oldLink, newLink];
    const missing = [isNewFirst ? 'old_address' : 'new_address'];
    expect(await waitingFor(accessToken)).toEqual([newEmail, ['old_address', 'new_address']]);
    expect((await confirm(first)).data).toEqual({ status: 'waiting', waitingFor: missing });
    expect(await waitingFor(accessToken)).toEqual([newEmail, missing]);
    expect((await login(app, newEmail)).code).toBe('invalid_credentials');
    expect((await confirm(first)).code).toBe('invalid_token');
    expect((await confirm(second)).data).toEqual({ status: 'changed', waitingFor: [] });
    expect(await isAccepted(app, accessToken)).toBe(false);
    expect((await login(app, newEmail)).status).toBe(200);
    expect((await mailsTo(app, email)).at(-1)).toBe('email_changed_notice');
  });

  it('400 for the second link when the change was canceled after the first', async () => {
    const { newLink, oldLink, accessToken, email } = await addPendingChange();
    await confirm(newLink);
    expect((await app.send('DELETE', '/api/v1/users/me/email', { token: accessToken })).status).toBe(200);
    expect(await waitingFor(accessToken)).toEqual([null, []]);
    expect((await confirm(oldLink)).code).toBe('invalid_token');
    expect((await login(app, email)).status).toBe(200);
  });

  it('200 for the second link until a millisecond before 24 hours have passed, then 400', async () => {
    const frozen = await Application.open({ env, time: new FixedClock(new Date('2030-05-05T05:05:05.005Z')) });
    const [inTime, late] = [await addPendingChange(frozen), await addPendingChange(frozen)];
    for (const { oldLink } of [inTime, late]) expect((await confirm(oldLink, frozen)).status).toBe(200);
    frozen.clock.advance(24 * 60 * 60 * 1000 - 1);
    expect((await confirm(inTime.newLink, frozen)).data).toMatchObject({ status: 'changed' });
    frozen.clock.advance(1);
    expect((await confirm(late.newLink, frozen)).code).toBe('invalid_token');
    await frozen.close();
  });
});

/** Without the foot, whose links to other languages keep the query of the page. */
const mainOf = ({ text }: AppResponse): string => /<main>.*<\/main>/s.exec(text)?.[0] ?? '';

describe('the page /confirm-email-change with confirmation at both addresses', () => {
  const show = (token: string) => app.send('GET', `${path}?token=${token}`);
  const submit = (token: string) => app.send('POST', path, { form: { token }, headers: sameOrigin });

  it('200 names the missing confirmation of the other address', async () => {
    const { newEmail, newLink, oldLink } = await addPendingChange();
    for (const _ of [1, 2]) {
      const page = await show(oldLink);
      expect(page.text).toContain(newEmail);
      expect(page.text).toContain('at the new address as well');
    }
    const waiting = await submit(oldLink);
    expect([waiting.status, waiting.text.includes('<form')]).toEqual([200, false]);
    expect(waiting.text).toContain('at the new address as well');
    for (const again of [await submit(oldLink), await show(oldLink)]) {
      expect([again.status, again.text]).toEqual([200, waiting.text]);
    }
    expect((await show(newLink)).text).not.toContain('as well');
    const done = await submit(newLink);
    expect([done.status, done.text.includes('Email changed')]).toEqual([200, true]);
    for (const link of [oldLink, newLink]) {
      expect([mainOf(await submit(link)), mainOf(await show(link))]).toEqual([mainOf(done), mainOf(done)]);
      expect((await confirm(link)).code).toBe('invalid_token');
    }
  });

  it('400 for a used link when the other one was revoked by a change of password', async () => {
    const { accessToken: token, newLink } = await addPendingChange();
    expect((await submit(newLink)).status).toBe(200);
    const json = { currentPassword: validPassword, newPassword: 'another long passphrase' };
    expect((await app.send('POST', '/api/v1/users/me/password', { token, json })).status).toBe(200);
    expect((await submit(newLink)).status).toBe(400);
  });
});

it('sends the mails of a change in the locale of the user', async () => {
  const email = await addVerifiedUser(app, { locale: 'de' });
  const { accessToken } = (await login(app, email)).data;
  await requestChange(accessToken, uniqueEmail('neu'));
  const messages = await messagesTo(app, email, (await mailsTo(app, email)).length);
  const { subject, text } = messages.at(-1) ?? { subject: '', text: '' };
  expect(subject).toMatch(/^Änderung der E-Mail-Adresse bei .+$/);
  expect(text).toContain('wenn Sie die Änderung hier und unter der neuen Adresse bestätigt haben');
});

it('403 for a new address in a denied email domain, without a mail', async () => {
  const lists = await Application.open({
    env: {
      LATCHKEY_EMAIL_DOMAINS_ALLOW: 'people.example,.people.example',
      LATCHKEY_EMAIL_DOMAINS_DENY: 'x.people.example',
    },
  });
  const { accessToken, email } = await addLoggedInUser(lists);
  for (const newEmail of ['a@elsewhere.example', 'a@X.people.example', 'a@people.example.elsewhere.example']) {
    expect(await requestChange(accessToken, newEmail, lists)).toMatchObject({
      status: 403,
      code: 'email_domain_not_allowed',
    });
  }
  expect(await mailsTo(lists, email)).not.toContain('email_change_requested');
  expect((await requestChange(accessToken, 'a@y.people.example', lists)).status).toBe(202);
  await lists.close();
});

describe('the page at the old address', () => {
  function press(token: string, choice: 'confirm' | 'disown'): Promise<AppResponse> {
    return app.send('POST', path, { form: { token, answer: choice } });
  }

  it('200 asks with the new address, and changes nothing', async () => {
    const { newEmail, oldLink, newLink, accessToken } = await addPendingChange();
    const { status, text } = await app.send('GET', `${path}?token=${oldLink}`);
    expect([status, text]).toEqual([200, expect.stringContaining('value="disown"')]);
    expect(text).toContain(newEmail);
    expect((await app.send('GET', `${path}?token=${newLink}`)).text).not.toContain('value="disown"');
    expect(await waitingFor(accessToken)).toEqual([newEmail, ['old_address', 'new_address']]);
  });

  it('200 cancels the change, says so again when pressed twice, and both links are dead', async () => {
    const { oldLink, newLink, accessToken, email } = await addPendingChange();
    const pressed = await press(oldLink, 'disown');
    expect([pressed.status, pressed.text]).toEqual([200, expect.stringContaining('The change is canceled')]);
    expect(await waitingFor(accessToken)).toEqual([null, []]);
    expect((await confirm(newLink)).code).toBe('invalid_token');
    expect((await confirm(oldLink)).code).toBe('invalid_token');
    const again = await app.send('GET', `${path}?token=${oldLink}`);
    expect(again.text).toContain('The change is canceled');
    expect((await login(app, email)).status).toBe(200);
  });

  it('400 for the link at the new address, whose reader may be a stranger', async () => {
    const { newLink, newEmail, accessToken } = await addPendingChange();
    expect((await press(newLink, 'disown')).status).toBe(400);
    expect(await waitingFor(accessToken)).toEqual([newEmail, ['old_address', 'new_address']]);
  });

  it('ends in one of the two answers when both are pressed twenty times at once', { timeout: 60_000 }, async () => {
    const { oldLink, newLink, accessToken, newEmail } = await addPendingChange();
    const choices = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 'disown' : 'confirm'));
    const responses = await Promise.all(choices.map((choice) => press(oldLink, choice)));
    const texts = responses.map(({ text }) => text);
    const canceled = texts.some((text) => text.includes('The change is canceled'));
    const confirmed = texts.some((text) => text.includes('One more confirmation to go'));
    expect([canceled, confirmed].filter((isSo) => isSo)).toHaveLength(1);
    expect(await waitingFor(accessToken)).toEqual(canceled ? [null, []] : [newEmail, ['new_address']]);
    expect((await confirm(newLink)).status).toBe(canceled ? 400 : 200);
  });
});

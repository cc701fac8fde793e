import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RegistrationHook } from '#domain/registrations/index.ts';
import { Outbound } from '#platform/outbound/index.ts';
import { readDestination } from '#protocol/outbound-url/index.ts';
import { Application } from '#test/support/application.ts';
import { type HttpReceiver, json, startReceiver } from '#test/support/http-receiver.ts';
import {
  hookRequestsFor,
  hookSettings,
  invalidHookResponses,
  isSigned,
  newestEvent,
} from '#test/support/registration-hook.ts';
import { roundTripsOf } from '#test/support/statement-counts.ts';
import { beforeEachHash } from '#test/support/stored-login.ts';
import { addVerifiedUser, mailsTo, register, uniqueEmail } from '#test/support/user-actions.ts';
import { eventually } from '#test/support/wait.ts';

let receiver: HttpReceiver;
/** Rejects registrations when the hook fails. */
let app: Application;
/** The same deployment; admits registrations when the hook fails. */
let lenient: Application;

beforeAll(async () => {
  receiver = await startReceiver();
  receiver.react(json({ allow: true }));
  const timeout = { LATCHKEY_REGISTRATION_HOOK_TIMEOUT_MS: '1000' };
  app = await Application.open({ env: hookSettings(receiver.port, timeout) });
  const allow = { ...timeout, LATCHKEY_REGISTRATION_HOOK_WHEN_DOWN: 'allow' };
  lenient = await Application.open({ deploymentOf: app, env: hookSettings(receiver.port, allow) });
  return async () => {
    await lenient.close();
    await app.close();
    await receiver.stop();
  };
});

beforeEach(async () => {
  receiver.react(json({ allow: true }));
  // A valid response closes the circuit breaker that failures of the previous test left half-open.
  for (const each of [app, lenient]) expect((await register(each, uniqueEmail())).status).toBe(201);
});

async function hashesOf(work: () => Promise<unknown>): Promise<number> {
  let hashes = 0;
  const stop = beforeEachHash(app, () => {
    hashes += 1;
  });
  await work();
  stop();
  return hashes;
}

describe('POST /api/v1/auth/register with a registration hook', () => {
  it('201 when the hook allows: one signed request with the submitted values, without the password', async () => {
    const email = uniqueEmail('Ada');
    const json = { email, password: 'correct horse battery', name: 'Ada Lovelace', locale: 'de' };
    const headers = { 'x-request-id': 'chosen-by-the-caller' };
    const response = await app.send('POST', '/api/v1/auth/register', { json, headers, peerAddress: '127.0.0.9' });
    expect(response.status).toBe(201);
    const requestId = response.headers.get('x-request-id');
    expect(hookRequestsFor(receiver, email)).toEqual([
      {
        via: 'register',
        email: email.toLowerCase(),
        name: 'Ada Lovelace',
        locale: 'de',
        clientAddress: '127.0.0.9',
        requestId,
      },
    ]);
    expect(requestId).not.toBe('chosen-by-the-caller');
    const request = receiver.received.at(-1);
    expect(request).toMatchObject({ method: 'POST', url: '/may-register', headers: { 'webhook-id': requestId } });
    expect(request && isSigned(request)).toBe(true);
    expect(request?.headers).toMatchObject({ 'content-type': 'application/json', accept: 'application/json' });
    const seconds = app.clock.now().getTime() / 1000;
    expect(Math.abs(seconds - Number(request?.headers['webhook-timestamp']))).toBeLessThan(60);
    expect(await mailsTo(app, email)).toEqual(['verify_email']);
  });

  it('201 adds no database round trip', async () => {
    const names = await roundTripsOf(app, () => register(app, uniqueEmail()));
    expect(names.filter((name) => name.startsWith('register.'))).toEqual([
      'register.create_user',
      'register.find_holder',
    ]);
    expect(names).not.toContain('audit_events.record');
  });

  it('403 when the hook refuses, before any hash, without a user or a mail', async () => {
    receiver.react(json({ allow: false, reason: 'not_a_customer' }));
    const email = uniqueEmail();
    const hashes = await hashesOf(async () => {
      expect(await register(app, email)).toMatchObject({ status: 403, code: 'registration_refused' });
    });
    expect([hashes, await mailsTo(app, email)]).toEqual([0, []]);
    receiver.react(json({ allow: true }));
    await register(app, email);
    expect(await mailsTo(app, email)).toEqual(['verify_email']);
  });

  it('403 is the same for a new, an unverified and a verified address, calls the hook for each, and sends no mail', async () => {
    const [fresh, waiting, taken] = [uniqueEmail(), uniqueEmail(), await addVerifiedUser(app)];
    await register(app, waiting);
    receiver.react(json({ allow: false }));
    const words: unknown[] = [];
    for (const email of [fresh, waiting, taken]) {
      const before = hookRequestsFor(receiver, email).length;
      const { status, text, headers } = await register(app, email);
      expect(hookRequestsFor(receiver, email).length).toBe(before + 1);
      words.push([status, { ...(JSON.parse(text) as object), meta: undefined }, [...headers.keys()]]);
    }
    expect(words[1]).toEqual(words[0]);
    expect(words[2]).toEqual(words[0]);
    expect([await mailsTo(app, waiting), await mailsTo(app, taken)]).toEqual([['verify_email'], ['verify_email']]);
  });

  it.each([
    ['blocked.country-2', 'blocked.country-2'],
    ['Ada is on the list', 'unspecified'],
    ['x'.repeat(65), 'unspecified'],
    [771_177, 'unspecified'],
    [undefined, 'unspecified'],
  ])('403 for the reason %j is audited as %s, without personal data in clear text', async (reason, recorded) => {
    receiver.react(json({ allow: false, reason, more: 'ignored' }));
    const email = uniqueEmail();
    const { text } = await register(app, email);
    if (reason !== undefined) expect(text).not.toContain(String(reason));
    const event = await newestEvent(app, 'registration_hook.refused');
    expect(event?.facts).toEqual({ via: 'register', reason: recorded });
    expect(event?.text).not.toContain(email);
  });

  it.each(invalidHookResponses)(
    '%s: %s counts as a failure of the hook; 503 or 201 as configured, and audited',
    async (why, _, reaction) => {
      receiver.react(reaction);
      const email = uniqueEmail();
      const response = await register(app, email);
      expect([response.status, response.code, response.headers.get('retry-after')]).toEqual([503, 'unavailable', '10']);
      const strictEvent = await newestEvent(app, 'registration_hook.unanswered');
      expect(strictEvent?.facts).toMatchObject({ via: 'register', why, admitted: false });
      expect(await mailsTo(app, email)).toEqual([]);
      expect((await register(lenient, email)).status).toBe(201);
      const lenientEvent = await newestEvent(app, 'registration_hook.unanswered');
      expect(lenientEvent?.facts).toMatchObject({ via: 'register', why, admitted: true });
      expect(await mailsTo(app, email)).toEqual(['verify_email']);
    },
  );

  it('503 when the hook is unreachable, also while the circuit breaker is open', async () => {
    const stopped = await startReceiver();
    await stopped.stop();
    const strict = await Application.open({ deploymentOf: app, env: hookSettings(stopped.port) });
    const seen: unknown[] = [];
    for (const _ of [1, 2, 3, 4, 5, 6]) {
      expect(await register(strict, uniqueEmail())).toMatchObject({ status: 503, code: 'unavailable' });
      seen.push((await newestEvent(app, 'registration_hook.unanswered'))?.facts);
    }
    await strict.close();
    const facts = { via: 'register', admitted: false };
    expect(seen).toEqual([...Array(5).fill({ ...facts, why: 'unreachable' }), { ...facts, why: 'circuit_open' }]);
  });

  it('503 busy when too many calls of the hook are in flight, even if failures are set to allow', async () => {
    const outbound = new Outbound({
      clock: app.clock,
      readDestination: (url, policy) => readDestination(url, { ...policy, production: false }),
      parseJson: () => ({ kind: 'invalid' }),
      observe: () => undefined,
      concurrency: { total: 0, perDestination: 1 },
    });
    const settings = lenient.services.config.registrationHook;
    if (settings === undefined) throw new Error('the settings name a hook');
    const hook = new RegistrationHook({ ...app.services, outbound, settings });
    const caller = { address: '127.0.0.1', userAgent: undefined, acceptLanguage: undefined, deviceCookie: undefined };
    const applicant = { via: 'register', email: uniqueEmail(), name: 'Ada', locale: 'en' } as const;
    await expect(hook.admit(applicant, { ...caller, requestId: 'r' })).rejects.toMatchObject({ code: 'busy' });
  });

  it('does not call the hook for a registration that is rejected anyway', async () => {
    const before = receiver.received.length;
    const env = { LATCHKEY_EMAIL_DOMAINS_DENY: 'people.example' };
    const narrow = await Application.open({ deploymentOf: app, env: hookSettings(receiver.port, env) });
    expect((await register(narrow, uniqueEmail())).code).toBe('email_domain_not_allowed');
    expect((await register(narrow, 'nobody')).code).toBe('validation_failed');
    await narrow.close();
    const closed = { LATCHKEY_REGISTRATION: 'closed' };
    const closedApp = await Application.open({ deploymentOf: app, env: hookSettings(receiver.port, closed) });
    expect((await register(closedApp, uniqueEmail())).code).toBe('registration_closed');
    await closedApp.close();
    expect(receiver.received.length).toBe(before);
  });
});

describe('the receiver of the guide', () => {
  const guide = readFileSync(new URL('../../../../../docs/guides/registration-hook.md', import.meta.url), 'utf8');

  /** Runs the receiver on a free port. */
  async function startGuide(): Promise<{ readonly port: number; readonly stop: () => Promise<unknown> }> {
    const free = await startReceiver();
    await free.stop();
    const code = /^```js\n(.*?)^```$/ms.exec(guide)?.[1]?.replace('.listen(8080,', `.listen(${free.port},`) ?? '';
    const { LATCHKEY_REGISTRATION_HOOK_SECRET: secret = '' } = hookSettings(free.port);
    const env = { ...process.env, HOOK_SECRET: secret };
    const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { env, stdio: 'inherit' });
    const ended = once(child, 'exit');
    const stop = () => {
      child.kill();
      return ended;
    };
    const isUp = () =>
      fetch(`http://127.0.0.1:${free.port}/`).then(
        ({ status }) => status === 401,
        () => false,
      );
    await eventually(isUp, { what: 'the receiver rejects an unsigned request' });
    return { port: free.port, stop };
  }

  it('decides on requests that it can authenticate, and rejects those signed with another secret', async () => {
    const { port, stop } = await startGuide();
    const strict = await Application.open({ deploymentOf: app, env: hookSettings(port) });
    const secret = { LATCHKEY_REGISTRATION_HOOK_SECRET: Buffer.alloc(32, 8).toString('base64') };
    const other = await Application.open({ deploymentOf: app, env: hookSettings(port, secret) });
    expect((await register(strict, uniqueEmail().replace('people.example', 'example.com'))).status).toBe(201);
    expect((await register(strict, uniqueEmail())).code).toBe('registration_refused');
    const { facts } = (await newestEvent(app, 'registration_hook.refused')) ?? {};
    expect(facts).toEqual({ via: 'register', reason: 'not_a_colleague' });
    expect((await register(other, uniqueEmail().replace('people.example', 'example.com'))).code).toBe('unavailable');
    for (const each of [strict, other]) await each.close();
    await stop();
  });
});

describe('the settings', () => {
  it.each([
    ['https://10.0.0.1/hook', /^LATCHKEY_REGISTRATION_HOOK_URL has an address that is not public/],
    ['https://[::1]/hook', /^LATCHKEY_REGISTRATION_HOOK_URL has an address that is not public/],
    ['https://people.example:25/hook', /^LATCHKEY_REGISTRATION_HOOK_URL has a port below 1024/],
  ])('%s does not start without permission for private addresses', async (url, sentence) => {
    const env = hookSettings(1, { LATCHKEY_REGISTRATION_HOOK_URL: url, LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE: '0' });
    await expect(Application.open({ deploymentOf: app, env })).rejects.toThrow(sentence);
  });
});

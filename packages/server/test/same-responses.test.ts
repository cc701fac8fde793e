/** Invariant 13: neither a response nor the work behind it reveals whether an address has an account. */
import { beforeAll, describe, expect, it } from 'vitest';
import { formatSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { Application, type AppResponse } from './support/application.ts';
import { loginMethodsEnabled } from './support/login-by-mail.ts';
import { beforeEachHash } from './support/stored-login.ts';
import { addVerifiedUser, register, uniqueEmail, validPassword } from './support/user-actions.ts';
import { setStatus } from './support/user-status.ts';

/** The possible states of an address; each function returns an address in that state. */
const states: Readonly<Record<string, (app: Application) => Promise<string>>> = {
  absent: async () => uniqueEmail(),
  unverified: async (app) => {
    const email = uniqueEmail();
    await register(app, email);
    return email;
  },
  'unverified and registered twice': async (app) => {
    const email = uniqueEmail();
    await register(app, email);
    await register(app, email, { name: 'Mallory' });
    return email;
  },
  active: (app) => addVerifiedUser(app),
  disabled: async (app) => {
    const email = await addVerifiedUser(app);
    await setStatus(app, email, 'disabled');
    return email;
  },
  'unverified and disabled': async (app) => {
    const email = uniqueEmail();
    await register(app, email);
    await setStatus(app, email, 'disabled');
    return email;
  },
};

interface Operation {
  readonly path: string;
  readonly more: Readonly<Record<string, string>>;
  readonly status: number;
  /** Default: 1. */
  readonly hashes?: 0;
}

/** An arbitrary browser secret, the same in every request. */
const anyBrowser = formatSecret(secretPrefixes.loginBrowser, Buffer.alloc(32, 7));

const operations: readonly Operation[] = [
  { path: 'register', more: { password: validPassword, name: 'Ada Lovelace' }, status: 201 },
  { path: 'login', more: { password: 'not the right password' }, status: 401 },
  { path: 'resend-verification', more: {}, status: 202, hashes: 0 },
  { path: 'forgot-password', more: {}, status: 202, hashes: 0 },
  { path: 'login/magic-link', more: {}, status: 202, hashes: 0 },
  { path: 'login/magic-link', more: { transport: 'cookie' }, status: 202, hashes: 0 },
  { path: 'login/email-code', more: {}, status: 202, hashes: 0 },
  { path: 'login/email-code', more: { transport: 'cookie' }, status: 202, hashes: 0 },
  { path: 'login/email-code/verify', more: { code: '000000', browserToken: anyBrowser }, status: 401, hashes: 0 },
];

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  return () => app.close();
});

const browserSecret = /lk_lb_[\w-]{49}/g;

/** The browser secret is random, and the expiry of its cookie depends on the time. */
function withoutRandomness([name, value]: [string, string]): [string, string] {
  return [name, value.replaceAll(browserSecret, 'a secret').replace(/Expires=[^;]+/, 'Expires=soon')];
}

/** The parts of a response that could reveal the state, without those that always differ: address, time, request id. */
function observable({ status, headers, text }: AppResponse, email: string) {
  const differing = ['x-request-id', 'content-length', 'date'];
  // The remaining quota depends on earlier requests for the address, whatever its state.
  const counted = (value: string) => value.replace(/r=\d+;t=\d+/, 'r;t');
  const values = [...headers]
    .filter(([name]) => !differing.includes(name))
    .map(([name, value]) => withoutRandomness([name, counted(value)]));
  const body = JSON.parse(
    text
      .replaceAll(email, 'the address')
      .replaceAll(browserSecret, 'a secret')
      .replace(/"ticket":"lk_lt_[^"]+","ticketExpiresAt":"[^"]+"/, '"ticket":"a ticket"'),
  ) as {
    readonly meta: object;
  };
  return { status, values, names: [...headers.keys()], body: { ...body, meta: Object.keys(body.meta) } };
}

describe.each(operations)('POST /api/v1/auth/$path', ({ path, more, status, hashes: expectedHashes = 1 }) => {
  it(`${status} with the same body, headers and number of hashes in every state of the address`, async () => {
    const observed = new Map<string, unknown>();
    for (const [state, create] of Object.entries(states)) {
      const email = await create(app);
      let hashes = 0;
      const stop = beforeEachHash(app, () => {
        hashes += 1;
      });
      const response = await app.send('POST', `/api/v1/auth/${path}`, { json: { email, ...more } });
      stop();
      observed.set(state, { ...observable(response, email), hashes });
    }
    expect(observed.size).toBe(6);
    const expected = observed.get('absent');
    expect(expected).toMatchObject({ status, hashes: expectedHashes });
    for (const [state, response] of observed) expect(response, state).toEqual(expected);
  });

  it('treats every spelling of an address the same', async () => {
    const email = await addVerifiedUser(app);
    const send = (spelling: string) => app.send('POST', `/api/v1/auth/${path}`, { json: { email: spelling, ...more } });
    const [typed, upperCase] = [await send(email), await send(email.toUpperCase())];
    expect(observable(upperCase, email.toUpperCase())).toEqual(observable(typed, email));
  });
});

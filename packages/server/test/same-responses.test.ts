/** invariant 13: nobody learns from an answer, or from the work behind it, whether an address has an account. */
import { beforeAll, describe, expect, it } from 'vitest';
import { formatSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { Application, type AppResponse } from './support/application.ts';
import { loginMethodsEnabled } from './support/login-by-mail.ts';
import { beforeEachHash } from './support/stored-login.ts';
import { addVerifiedUser, register, uniqueEmail, validPassword } from './support/user-actions.ts';
import { setStatus } from './support/user-status.ts';

/** Who may stand behind an address; each maker answers the address. */
const people: Readonly<Record<string, (app: Application) => Promise<string>>> = {
  absent: async () => uniqueEmail(),
  unverified: async (app) => {
    const email = uniqueEmail();
    await register(app, email);
    return email;
  },
  'unverified and registered twice': async (app) => {
    const email = uniqueEmail();
    await register(app, email);
    await register(app, email, { name: 'Somebody else' });
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

interface Asked {
  readonly path: string;
  readonly more: Readonly<Record<string, string>>;
  readonly status: number;
  /** One, unless there is no password. */
  readonly hashes?: 0;
}

/** Of nobody in particular: whoever asks is told apart by nothing else. */
const anyBrowser = formatSecret(secretPrefixes.loginBrowser, Buffer.alloc(32, 7));

const operations: readonly Asked[] = [
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

/** The secret of whoever asks is another each time, and its cookie goes when its time is over. */
function withoutChance([name, value]: [string, string]): [string, string] {
  return [name, value.replaceAll(browserSecret, 'a secret').replace(/Expires=[^;]+/, 'Expires=soon')];
}

/** Everything of an answer that could tell, without what must differ: the address, the time and the request's id. */
function visible({ status, headers, text }: AppResponse, email: string) {
  const differing = ['x-request-id', 'content-length', 'date'];
  // How often somebody asked about an address is counted for every address alike.
  const counted = (value: string) => value.replace(/r=\d+;t=\d+/, 'r;t');
  const values = [...headers]
    .filter(([name]) => !differing.includes(name))
    .map(([name, value]) => withoutChance([name, counted(value)]));
  const body = JSON.parse(text.replaceAll(email, 'the address').replaceAll(browserSecret, 'a secret')) as {
    readonly meta: object;
  };
  return { status, values, names: [...headers.keys()], body: { ...body, meta: Object.keys(body.meta) } };
}

describe.each(operations)('POST /api/v1/auth/$path', ({ path, more, status, hashes: expectedHashes = 1 }) => {
  it(`${status} with one body, one set of headers and as many hashes, whoever has the address`, async () => {
    const seen = new Map<string, unknown>();
    for (const [who, make] of Object.entries(people)) {
      const email = await make(app);
      let hashes = 0;
      const stop = beforeEachHash(app, () => {
        hashes += 1;
      });
      const answer = await app.send('POST', `/api/v1/auth/${path}`, { json: { email, ...more } });
      stop();
      seen.set(who, { ...visible(answer, email), hashes });
    }
    expect(seen.size).toBe(6);
    const expected = seen.get('absent');
    expect(expected).toMatchObject({ status, hashes: expectedHashes });
    for (const [who, answer] of seen) expect(answer, who).toEqual(expected);
  });

  it('takes every spelling of an address for the same', async () => {
    const email = await addVerifiedUser(app);
    const ask = (spelling: string) => app.send('POST', `/api/v1/auth/${path}`, { json: { email: spelling, ...more } });
    const [typed, shouted] = [await ask(email), await ask(email.toUpperCase())];
    expect(visible(shouted, email.toUpperCase())).toEqual(visible(typed, email));
  });
});

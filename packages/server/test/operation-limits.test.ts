/** Every operation counts in its hand-reviewed rate-limit class and is rejected when that class is exhausted. */
import { beforeAll, describe, expect, it } from 'vitest';
import { addActingUser, logIn } from './revocation-matrix/acting-user.ts';
import { Application, type RequestOptions } from './support/application.ts';
import { loginMethodsEnabled } from './support/login-by-mail.ts';
import { cookieHeader, sameOrigin, uniqueEmail } from './support/user-actions.ts';
import type { ExpectedOperation } from './surface/expected-operation.ts';
import { expectedOperations } from './surface/operations.ts';

type Limited = Exclude<ExpectedOperation['rateLimit'], 'none'>;

/** Two an hour of each class. */
const two = {
  LATCHKEY_LIMIT_PUBLIC: '2/1h',
  LATCHKEY_LIMIT_PAGES: '2/1h',
  LATCHKEY_LIMIT_AUTHENTICATED: '2/1h',
  LATCHKEY_LIMIT_CREDENTIAL_ADDRESS: '2/1h',
  LATCHKEY_LIMIT_MAIL_ADDRESS: '2/1h',
};

/** The policy that rejects; of two that apply, the one of the client's address. */
const policies: Readonly<Record<Limited, string>> = {
  public: 'public',
  pages: 'pages',
  authenticated: 'authenticated',
  credential: 'credential-address',
  mail: 'mail-address',
};

/** A request that uses one unit of a class. */
const requestsByClass: Readonly<
  Record<Limited, (app: Application, sent: RequestOptions) => Promise<{ readonly status: number }>>
> = {
  public: (app, { peerAddress }) => app.send('GET', '/api/v1/auth/password-policy', { peerAddress: peerAddress ?? '' }),
  pages: (app, sent) => app.send('GET', '/', sent),
  authenticated: (app, sent) => app.send('GET', '/api/v1/auth/session', sent),
  credential: (app, { peerAddress }) => {
    const json = { email: uniqueEmail(), password: 'never the password' };
    return app.send('POST', '/api/v1/auth/login', { json, peerAddress: peerAddress ?? '' });
  },
  mail: (app, { peerAddress }) => {
    return app.send('POST', '/api/v1/auth/forgot-password', {
      json: { email: uniqueEmail() },
      peerAddress: peerAddress ?? '',
    });
  },
};

let app: Application;
let callers = 0;

beforeAll(async () => {
  app = await Application.open({ env: { ...loginMethodsEnabled, ...two } });
  return () => app.close();
});

/** A caller with an address that sent no request before. */
async function addCaller({ principals, kind }: ExpectedOperation): Promise<RequestOptions> {
  callers += 1;
  const peerAddress = `198.18.${Math.floor(callers / 250)}.${(callers % 250) + 1}`;
  if (principals.includes('public')) return { peerAddress };
  if (kind === 'page') {
    const { cookies } = await logIn(await addActingUser(app), { transport: 'cookie' });
    return { peerAddress, cookie: cookieHeader(cookies), headers: sameOrigin };
  }
  return { peerAddress, token: (await logIn(await addActingUser(app))).data.accessToken };
}

function call({ method, path, query, body, form }: ExpectedOperation, sent: RequestOptions) {
  const concrete = path.replace('{id}', '01890000-0000-7000-8000-000000000000').replace('{provider}', 'none');
  const input = body === undefined ? (form === undefined ? {} : { form }) : { json: body };
  return app.send(method, query === undefined ? concrete : `${concrete}?${query}`, { ...sent, ...input });
}

/** A refresh is counted after the exchange: `limits.test.ts` checks it. */
const refresh = 'refresh.rotate';
const limited = expectedOperations.filter(({ id, rateLimit }) => rateLimit !== 'none' && id !== refresh);
const unlimited = expectedOperations.filter(({ rateLimit }) => rateLimit === 'none');

it('covers most operations', () => {
  expect(limited.length).toBeGreaterThan(35);
  expect(unlimited.length).toBeGreaterThan(8);
});

describe.each(limited)('$method $path', (operation) => {
  const name = operation.rateLimit as Limited;

  it(`reports the class ${name}`, async () => {
    const { status, headers } = await call(operation, await addCaller(operation));
    expect(status).not.toBe(429);
    expect(headers.get('ratelimit-policy')).toMatch(new RegExp(`^"${name}(-address)?";q=\\d+;w=3600$`));
    expect(headers.get('ratelimit')).toMatch(new RegExp(`^"${name}(-address)?";r=\\d+;t=\\d+$`));
  });

  it(`429 with the time to retry when ${name} is exhausted`, async () => {
    const caller = await addCaller(operation);
    for (let used = 0; used < 2; used += 1) expect((await requestsByClass[name](app, caller)).status).not.toBe(429);
    const { status, code, headers } = await call(operation, caller);
    const problem = operation.kind === 'page' ? undefined : 'too_many_requests';
    expect([status, code]).toEqual([429, problem]);
    const seconds = Number(headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(3600);
    expect(headers.get('ratelimit-policy')).toBe(`"${policies[name]}";q=2;w=3600`);
    expect(headers.get('ratelimit')).toBe(`"${policies[name]}";r=0;t=${seconds}`);
  });
});

describe.each(unlimited)('$method $path', (operation) => {
  it('is not limited', async () => {
    for (let count = 0; count < 10; count += 1) {
      const { status, headers } = await call(operation, { peerAddress: '127.0.0.1' });
      // Some find nothing, as the file of another release.
      expect(status < 400 || status === 404).toBe(true);
      expect([headers.has('ratelimit'), headers.has('ratelimit-policy')]).toEqual([false, false]);
    }
  });
});

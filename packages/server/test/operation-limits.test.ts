/** Every operation is really counted in the class that was reviewed by hand, and refused when that is used up. */
import { beforeAll, describe, expect, it } from 'vitest';
import { addSomebody, logIn } from './revocation-matrix/somebody.ts';
import { Application, type RequestOptions } from './support/application.ts';
import { loginMethodsEnabled } from './support/login-by-mail.ts';
import { uniqueEmail } from './support/user-actions.ts';
import type { ExpectedOperation } from './surface/expected-operation.ts';
import { expectedOperations } from './surface/operations.ts';

type Limited = Exclude<ExpectedOperation['rateLimit'], 'none'>;

/** Two an hour of each, whoever it concerns. */
const two = {
  LATCHKEY_LIMIT_PUBLIC: '2/1h',
  LATCHKEY_LIMIT_AUTHENTICATED: '2/1h',
  LATCHKEY_LIMIT_CREDENTIAL_ADDRESS: '2/1h',
  LATCHKEY_LIMIT_MAIL_ADDRESS: '2/1h',
};

/** The policy that refuses; of two that apply, the one of the caller's address. */
const policies: Readonly<Record<Limited, string>> = {
  public: 'public',
  authenticated: 'authenticated',
  credential: 'credential-address',
  mail: 'mail-address',
};

/** What uses up one of a class. */
const spenders: Readonly<
  Record<Limited, (app: Application, sent: RequestOptions) => Promise<{ readonly status: number }>>
> = {
  public: (app, { peerAddress }) =>
    app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken: 'x' }, peerAddress: peerAddress ?? '' }),
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

/** Somebody at an address that nobody has asked from. */
async function addCaller({ principals }: ExpectedOperation): Promise<RequestOptions> {
  callers += 1;
  const peerAddress = `198.51.100.${callers}`;
  if (principals.includes('public')) return { peerAddress };
  return { peerAddress, token: (await logIn(await addSomebody(app))).data.accessToken };
}

function ask({ method, path, query, body, form }: ExpectedOperation, sent: RequestOptions) {
  const concrete = path.replace('{id}', '01890000-0000-7000-8000-000000000000');
  const given = body === undefined ? (form === undefined ? {} : { form }) : { json: body };
  return app.send(method, query === undefined ? concrete : `${concrete}?${query}`, { ...sent, ...given });
}

const limited = expectedOperations.filter(({ rateLimit }) => rateLimit !== 'none');
const unlimited = expectedOperations.filter(({ rateLimit }) => rateLimit === 'none');

it('is about most operations', () => {
  expect(limited.length).toBeGreaterThan(35);
  expect(unlimited.length).toBeGreaterThan(8);
});

describe.each(limited)('$method $path', (operation) => {
  const name = operation.rateLimit as Limited;

  it(`says that it is counted as ${name}`, async () => {
    const { status, headers } = await ask(operation, await addCaller(operation));
    expect(status).not.toBe(429);
    expect(headers.get('ratelimit-policy')).toMatch(new RegExp(`^"${name}(-address)?";q=\\d+;w=3600$`));
    expect(headers.get('ratelimit')).toMatch(new RegExp(`^"${name}(-address)?";r=\\d+;t=\\d+$`));
  });

  it(`429 when ${name} is used up, and says until when`, async () => {
    const caller = await addCaller(operation);
    for (let spent = 0; spent < 2; spent += 1) expect((await spenders[name](app, caller)).status).not.toBe(429);
    const { status, code, headers } = await ask(operation, caller);
    const refusal = operation.kind === 'page' ? undefined : 'too_many_requests';
    expect([status, code]).toEqual([429, refusal]);
    const seconds = Number(headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(3600);
    expect(headers.get('ratelimit-policy')).toBe(`"${policies[name]}";q=2;w=3600`);
    expect(headers.get('ratelimit')).toBe(`"${policies[name]}";r=0;t=${seconds}`);
  });
});

describe.each(unlimited)('$method $path', (operation) => {
  it('is never refused, and counts nothing', async () => {
    for (let asked = 0; asked < 10; asked += 1) {
      const { status, headers } = await ask(operation, { peerAddress: '127.0.0.1' });
      expect(status).toBeLessThan(400);
      expect([headers.has('ratelimit'), headers.has('ratelimit-policy')]).toEqual([false, false]);
    }
  });
});

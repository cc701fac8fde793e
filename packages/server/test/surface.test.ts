/** Invalid requests to every operation of the public listener, over a real socket (ARCHITECTURE.md#one-request). */
import { beforeAll, describe, expect, it } from 'vitest';
import { opsEndpoints, publicEndpoints } from '#app/endpoints.ts';
import { openReadiness } from '#app/readiness-checks.ts';
import { serverOf } from '#app/running.ts';
import { operatorEndpoints } from '#flows/probes/index.ts';
import { problems } from '#kernel/problem.ts';
import type { Endpoint, HttpServer } from '#platform/http/index.ts';
import { Application } from './support/application.ts';
import { loginMethodsEnabled } from './support/login-by-mail.ts';
import { sendRaw } from './support/raw-http.ts';
import { renderedForm } from './support/rendered-form.ts';
import { addCookieSession, addLoggedInUser, isAccepted } from './support/user-actions.ts';
import { type BadRequest, badForm, badJson, badQueries, badWithoutBody } from './surface/bad-requests.ts';
import type { ExpectedOperation } from './surface/expected-operation.ts';
import { expectedOperations } from './surface/operations.ts';

/** A response that takes longer counts as a hang. */
const maxResponseMs = 2_000;

/** GET changes something here, so HEAD is not offered. */
const withoutHead: readonly string[] = ['/api/v1/auth/verify-email', '/login/with/none/callback'];

interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

interface RawOutcome {
  readonly status: number;
  /** Undefined for a page. */
  readonly code: string | undefined;
  readonly text: string;
  readonly headers: Headers;
}

let app: Application;
let port: number;
let opsPort: number;
let token: string;
/** Pages accept no bearer token. */
let sessionCookie: string;
let responseCount = 0;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  const [address] = await app.server.listen({ hosts: ['127.0.0.1'], port: 0 });
  const [opsAddress] = await app.opsServer.listen({ hosts: ['127.0.0.1'], port: 0 });
  port = address?.port ?? 0;
  opsPort = opsAddress?.port ?? 0;
  token = (await addLoggedInUser(app)).accessToken;
  sessionCookie = (await addCookieSession(app)).cookie;
  return () => app.close();
});

async function send({ method, target, headers = {}, body }: RawRequest): Promise<RawOutcome> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const length = bytes === undefined ? {} : { 'content-length': String(bytes.length) };
  const all = Object.entries({ host: 'localhost:5625', ...length, ...headers });
  const head = `${method} ${target} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  const startedMs = performance.now();
  const response = await sendRaw(
    target.startsWith('/dev/') ? opsPort : port,
    Buffer.concat([Buffer.from(head, 'latin1'), bytes ?? Buffer.alloc(0)]),
  );
  expect(performance.now() - startedMs).toBeLessThan(maxResponseMs);
  responseCount += 1;
  const received = { status: response.status, headers: new Headers(response.headers), text: response.body };
  app.checks.check(method, target, received);
  const isProblem = received.headers.get('content-type')?.startsWith('application/problem+json');
  const code = isProblem === true ? (JSON.parse(response.body) as { readonly code: string }).code : undefined;
  return { ...received, code };
}

function stepUpOf(stepUp: NonNullable<ExpectedOperation['stepUp']>) {
  if (stepUp === 'form') return { withinSeconds: 1200 };
  return stepUp === true ? { withinSeconds: 300 } : { withinSeconds: 300, orPassword: true };
}

function targetOf({ path, query }: ExpectedOperation): string {
  const concrete = path.replace('{id}', '01890000-0000-7000-8000-000000000000').replace('{provider}', 'none');
  return query === undefined ? concrete : `${concrete}?${query}`;
}

function badRequestsOf(operation: ExpectedOperation): BadRequest[] {
  const { body, form, optional = [], method, isForeignForm } = operation;
  const queries = badQueries(operation);
  if (body !== undefined) return [...badJson(body, optional), ...queries];
  if (form !== undefined) return [...badForm(form, optional, isForeignForm), ...queries];
  return [...badWithoutBody(method), ...queries];
}

/** Completes the valid parts of a request, so that only one part is invalid; page forms come from the page itself. */
function completed(operation: ExpectedOperation, { headers, body, query }: BadRequest): RawRequest {
  const { method, kind, principals } = operation;
  const target = query === undefined ? targetOf(operation) : `${targetOf({ ...operation, query })}`;
  const isQueryCase = query !== undefined && operation.body !== undefined;
  const given = isQueryCase ? JSON.stringify(operation.body) : body;
  const type = isQueryCase ? { 'content-type': 'application/json' } : {};
  const needsSession = !principals.includes('public');
  const authorization = needsSession && kind === 'api' ? { authorization: `Bearer ${token}` } : {};
  const cookie = needsSession ? `${sessionCookie}; ${renderedForm.cookie}` : renderedForm.cookie;
  const site = kind === 'page' ? { 'sec-fetch-site': 'same-origin', cookie } : {};
  return {
    method,
    target,
    headers: { ...type, ...authorization, ...site, ...headers },
    ...(given === undefined ? {} : { body: given }),
  };
}

describe('the list of operations', () => {
  it('equals the hand-reviewed one: method, path, kind, principals and rate-limit class', () => {
    const declared = app.endpoints.map(({ id, method, path, kind, auth, rateLimit }) => ({
      id,
      method,
      path,
      kind,
      auth,
      rateLimit,
    }));
    const expected = expectedOperations.map(({ id, method, path, kind, principals, stepUp, rateLimit }) => ({
      id,
      method,
      path,
      kind,
      auth: stepUp === undefined ? { principals } : { principals, stepUp: stepUpOf(stepUp) },
      rateLimit,
    }));
    const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : 1);
    expect(declared.length).toBeGreaterThan(20);
    expect(declared.sort(byId)).toEqual(expected.sort(byId));
  });
});

describe.each(expectedOperations)('$method $path', (operation) => {
  it('rejects every invalid body and query with its own problem', async () => {
    const bad = badRequestsOf(operation);
    for (const request of bad) {
      const outcome = await send(completed(operation, request));
      const actual = { status: outcome.status, code: outcome.code ?? request.problem };
      expect(actual, request.what).toEqual({ status: problems[request.problem].status, code: request.problem });
    }
    expect(bad.length).toBeGreaterThan(operation.kind === 'page' && operation.query === undefined ? 0 : 4);
  });

  it('accepts exactly the declared principals', async () => {
    const { method, principals, kind } = operation;
    const target = targetOf(operation);
    const garbage = [
      'Bearer',
      'Bearer x',
      'Bearer a.b.c',
      `Bearer ${'A'.repeat(9_000)}`,
      'Basic eDp5',
      `Bearer ${token}x`,
      'Bearer \u00ff',
    ];
    for (const authorization of [undefined, ...garbage]) {
      const headers = authorization === undefined ? {} : { authorization };
      const { status, code, headers: received } = await send({ method, target, headers });
      const isPublic = principals.includes('public');
      if (!isPublic && kind === 'page') {
        const leadsToLogin = /^\/login(?:\?continue=|$)/.test(received.get('location') ?? '');
        expect([status, leadsToLogin], authorization).toEqual([303, true]);
      } else if (!isPublic) expect([status, code], authorization).toEqual([401, 'not_authenticated']);
      else expect(status, authorization).not.toBe(401);
      expect(status).toBeLessThan(500);
    }
  });

  it('responds to its own methods only', async () => {
    const path = targetOf(operation).split('?')[0] ?? '';
    const own = new Set(
      expectedOperations.filter((other) => other.path === operation.path).map(({ method }) => method as string),
    );
    const offered = own.has('GET') && !withoutHead.includes(path) ? ['HEAD', 'OPTIONS'] : ['OPTIONS'];
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'QUERY', 'TRACE']) {
      if (own.has(method)) continue;
      const { status, code, headers } = await send({ method, target: path });
      expect([status, code], method).toEqual([405, 'method_not_allowed']);
      const withBody = method === 'GET' ? undefined : await send({ method, target: path, body: 'x' });
      expect(withBody?.status ?? 405, `${method} with a body`).toBe(405);
      expect(new Set(headers.get('allow')?.split(', '))).toEqual(new Set([...own, ...offered]));
    }
    expect((await send({ method: 'BREW', target: path })).status).toBe(400);
    expect((await send({ method: 'OPTIONS', target: path })).status).toBe(204);
  });
});

describe('a path without an operation', () => {
  it.each([
    '/api',
    '/api/',
    '/api/v1',
    '/api/v1/',
    '/api/v0/auth/login',
    '/api/v2/auth/login',
    '/api/v1/auth/login/',
    '/api/v1/AUTH/login',
    '/api/v1//auth/login',
    '//api/v1/auth/login',
    '/api/v1/auth/./login',
    '/api/v1/auth/x/../login',
    '/api/v1/users/me/sessions/a/b',
    '/.well-known/',
    '/.env',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/metrics',
    '/debug/profile',
    '/dev/clocks',
    '/%00',
    '/__proto__',
    '/constructor',
  ])('404 at %j', async (target) => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const { status, code } = await send({ method, target });
      expect([status, code]).toEqual([404, 'not_found']);
    }
  });

  it.each([
    ['/%zz', 400],
    ['/\u00ff', 400],
    ['/api/v1/users/me/sessions/%c3%28', 400],
    [`/${'a'.repeat(5_000)}`, 414],
  ])('%j returns %i', async (target, status) => {
    expect((await send({ method: 'GET', target })).status).toBe(status);
  });
});

describe('the operator’s listener', () => {
  let ops: HttpServer;
  let endpoints: readonly Endpoint[];

  beforeAll(async () => {
    endpoints = operatorEndpoints(
      openReadiness(app.services, () => undefined),
      app.services.metrics,
    );
    ops = await serverOf(app.services, endpoints);
    return () => ops.close({ graceMs: 0 });
  });

  const request = async (method: string, target: string) => {
    const response = await ops.fetch(new Request(`http://localhost:5626${target}`, { method }), { peerAddress: '::1' });
    return response.status;
  };

  it('has the probes and the metrics, unlimited, and nothing else', () => {
    const declared = endpoints.map(({ method, path, kind, auth, rateLimit }) => [
      method,
      path,
      kind,
      auth.principals,
      rateLimit,
    ]);
    expect(declared).toEqual([
      ['GET', '/livez', 'document', ['public'], 'none'],
      ['GET', '/readyz', 'document', ['public'], 'none'],
      ['GET', '/healthz', 'document', ['public'], 'none'],
      ['GET', '/metrics', 'document', ['public'], 'none'],
    ]);
  });

  it('rejects invalid requests', async () => {
    for (const { path } of endpoints) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) expect(await request(method, path)).toBe(405);
      for (const query of ['x=%zz', 'x=1&x=2', '__proto__=1'])
        expect(await request('GET', `${path}?${query}`)).toBe(400);
    }
    for (const path of ['/', '/api/v1/auth/login', '/dev/inbox']) expect(await request('GET', path)).toBe(404);
  });
});

describe('the development routes', () => {
  it('exist on the operator’s listener and not on the public one', async () => {
    const readiness = openReadiness(app.services, () => undefined);
    const deps = { readiness, inbox: app.inbox, betweenJobs: async (work: () => void) => work() };
    const [publicIds, opsIds] = [publicEndpoints, opsEndpoints].map((list) =>
      list(app.services, deps)
        .map(({ id }) => id)
        .filter((id) => id.startsWith('dev.')),
    );
    expect([publicIds, opsIds]).toEqual([
      [],
      [
        'dev.inbox',
        'dev.inbox_mail',
        'dev.inbox_messages',
        'dev.mails',
        'dev.mail_preview',
        'dev.clock',
        'dev.move_clock',
      ],
    ]);
    for (const path of ['/dev/inbox', '/dev/inbox/messages', '/dev/mails', '/dev/mails/preview', '/dev/clock']) {
      const request = new Request(`http://localhost:5625${path}`);
      expect((await app.server.fetch(request, { peerAddress: '127.0.0.1' })).status).toBe(404);
    }
  });
});

describe('after all invalid requests', () => {
  it('the session is still valid, the server is ready, and hundreds of responses were checked', async () => {
    expect(await isAccepted(app, token)).toBe(true);
    expect((await app.send('GET', '/readyz')).status).toBe(200);
    expect(responseCount).toBeGreaterThan(900);
  });
});

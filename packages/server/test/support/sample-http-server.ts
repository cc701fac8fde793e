/** A server with one sample endpoint of every kind, for tests of `platform/http`. */
import { expect } from 'vitest';
import { z } from 'zod';
import { apiReferenceEndpoints } from '#flows/api-reference/index.ts';
import { FixedClock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { postForm } from '#pages/form.ts';
import { proofPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { problemPage } from '#pages/problem-page.ts';
import { html } from '#platform/html/index.ts';
import {
  apiEndpoint,
  buildServer,
  type Caller,
  documentEndpoint,
  type Endpoint,
  type HttpServer,
  type Principal,
  pageEndpoint,
  type ServerOptions,
} from '#platform/http/index.ts';
import { pageWords, readCatalogues } from '#platform/i18n/index.ts';
import { createLogger, createMetrics } from '#platform/telemetry/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';

const catalogues = readCatalogues();
const words = pageWords(catalogues, 'en');

/** The fixed time of the server's clock. */
export const now = new Date('2026-01-02T03:04:05.000Z');

const principal: Principal = {
  userId: 'u',
  subject: 'u',
  email: 'ada@example.com',
  name: 'Ada',
  roles: [],
  sessionId: 's',
  clientId: 'default',
  authEpoch: 0,
  transport: 'cookie',
  acr: 'aal1',
  amr: ['pwd'],
  authTime: now,
  expiresAt: now,
  sessionExpiresAt: now,
  iso: { authTime: now.toISOString(), expiresAt: now.toISOString() },
};

/** The requests that the sample endpoints observed, and the release of the slow one. */
export const observed: {
  caller: Caller | undefined;
  slowEntered: (() => void) | undefined;
  releaseSlow: (() => void) | undefined;
  readonly lines: string[];
} = { caller: undefined, slowEntered: undefined, releaseSlow: undefined, lines: [] };

const common = { tag: 'test', rateLimit: 'public', problems: [] } as const;

/** Returns its input; its schema drops one field. */
export const echo = apiEndpoint({
  ...common,
  id: 'test.echo',
  method: 'POST',
  path: '/api/v1/echo',
  summary: 'Echo',
  auth: { principals: ['public'] },
  request: { body: z.strictObject({ email: z.string().max(254), note: z.string().optional() }) },
  response: {
    status: 201,
    message: 'Echoed.',
    data: z.object({ email: z.string(), at: z.date(), nothing: z.string().nullable(), quote: z.string() }),
    example: { email: 'ada@example.com', at: now, nothing: null, quote: 'a "b"' },
  },
  handler: async ({ body, caller }) => {
    observed.caller = caller;
    const data = { email: body.email, at: now, nothing: null, quote: 'a "b"', secret: 'hunter2' };
    return { data };
  },
});

export const sampleEndpoints: readonly Endpoint[] = [
  echo,
  apiEndpoint({
    ...common,
    id: 'test.me',
    method: 'GET',
    path: '/api/v1/me',
    summary: 'Me',
    auth: { principals: ['session'] },
    request: {},
    response: { status: 200, message: 'You.', data: z.strictObject({ user: z.string() }), example: { user: 'u' } },
    handler: async (input) => ({ data: { user: input.principal.userId } }),
  }),
  apiEndpoint({
    ...common,
    id: 'test.leave',
    method: 'POST',
    path: '/api/v1/leave',
    summary: 'Leave',
    auth: { principals: ['session'] },
    request: {},
    response: { status: 200, message: 'Gone.', data: z.null(), example: null },
    handler: async () => ({
      data: null,
      cookies: [
        { cookie: 'session', change: 'expire' },
        { cookie: 'device', change: { value: 'd1', expiresAt: now } },
      ],
    }),
  }),
  apiEndpoint({
    ...common,
    id: 'test.list',
    method: 'GET',
    path: '/api/v1/things',
    summary: 'Things',
    auth: { principals: ['public'] },
    request: { query: z.strictObject({ sort: z.enum(['name', 'age']).optional() }) },
    response: {
      status: 200,
      message: 'Things.',
      list: true,
      data: z.array(z.strictObject({ id: z.string() })),
      example: [{ id: 'name' }],
    },
    handler: async ({ query }) => ({
      data: [{ id: query.sort ?? 'none' }],
      pagination: { limit: 20, nextCursor: null, total: 1 },
    }),
  }),
  apiEndpoint({
    ...common,
    id: 'test.end',
    method: 'DELETE',
    path: '/api/v1/things/{id}',
    summary: 'End',
    auth: { principals: ['public'] },
    request: { params: z.strictObject({ id: z.uuid() }) },
    response: {
      status: 200,
      message: 'Ended.',
      data: z.strictObject({ id: z.string() }),
      example: { id: '019b7ca9-8c88-7d4e-9a3b-5f2c8e1d6a70' },
    },
    handler: async ({ params }) => ({ data: { id: params.id } }),
  }),
  apiEndpoint({
    ...common,
    id: 'test.fail',
    method: 'GET',
    path: '/api/v1/fail',
    summary: 'Fail',
    auth: { principals: ['public'] },
    request: { query: z.strictObject({ how: z.string() }) },
    response: { status: 200, message: '', data: z.null(), example: null },
    handler: async ({ query }) => {
      if (query.how === 'busy') throw new Problem('busy', { retryAfterSeconds: 2.2 });
      if (query.how === 'mapped') throw new RangeError('mapped');
      throw new Error('a bug with someone@example.com inside');
    },
  }),
  apiEndpoint({
    ...common,
    id: 'test.slow',
    method: 'GET',
    path: '/api/v1/slow',
    summary: 'Slow',
    auth: { principals: ['public'] },
    request: {},
    response: { status: 200, message: 'Done.', data: z.null(), example: null },
    handler: async () => {
      observed.slowEntered?.();
      await new Promise<void>((resolve) => {
        observed.releaseSlow = resolve;
      });
      return { data: null };
    },
  }),
  pageEndpoint({
    ...common,
    auth: { principals: ['public'] },
    rateLimit: 'pages',
    id: 'test.show_form',
    method: 'GET',
    path: '/form',
    summary: 'Form',
    request: { query: z.strictObject({ token: z.string() }) },
    handler: async ({ query }) => {
      const field = html`<input name="token" value="${query.token}">`;
      return { kind: 'html', status: 200, html: page({ words, title: 'Form', body: postForm('/form', field) }) };
    },
  }),
  pageEndpoint({
    id: 'test.form',
    method: 'POST',
    path: '/form',
    summary: 'Form',
    auth: { principals: ['public'] },
    rateLimit: 'pages',
    problems: ['invalid_token'],
    request: { form: z.strictObject({ token: z.string() }) },
    handler: async ({ body }) => {
      if (body.token === 'bad') throw new Problem('invalid_token');
      if (body.token === 'go') return { kind: 'redirect', location: '/done' };
      return { kind: 'html', status: 200, html: page({ words, title: 'Form', body: html`<p>${body.token}</p>` }) };
    },
    refused: () => undefined,
  }),
  pageEndpoint({
    id: 'test.show_account',
    method: 'GET',
    path: '/account',
    summary: 'Account',
    auth: { principals: ['session'] },
    rateLimit: 'authenticated',
    problems: [],
    request: {},
    handler: async ({ principal }) => {
      const body = postForm('/account', html`<input name="user" value="${principal.userId}">`);
      return { kind: 'html', status: 200, html: page({ words, title: 'Account', body }) };
    },
  }),
  pageEndpoint({
    id: 'test.change_account',
    method: 'POST',
    path: '/account',
    summary: 'Account',
    auth: { principals: ['session'] },
    rateLimit: 'authenticated',
    problems: [],
    request: { form: z.strictObject({ user: z.string() }) },
    handler: async ({ body, principal }) => {
      const text = html`<p>${principal.userId} ${body.user}</p>`;
      return { kind: 'html', status: 200, html: page({ words, title: 'Account', body: text }) };
    },
    refused: () => undefined,
  }),
  ...[true, false].map((opensByTicket) =>
    pageEndpoint({
      id: opensByTicket ? 'test.show_step' : 'test.show_other',
      method: 'GET',
      path: opensByTicket ? '/step' : '/other',
      summary: 'Step',
      auth: { principals: ['public'] },
      rateLimit: 'pages',
      problems: [],
      request: {},
      ...(opensByTicket && { opensByTicket }),
      handler: async ({ caller }) => {
        observed.caller = caller;
        const cookies = [{ cookie: 'ticket', change: 'expire' }] as const;
        if (opensByTicket) return { kind: 'redirect', location: '/other', cookies };
        return {
          kind: 'html',
          status: 429,
          html: page({ words, title: 'Wait', body: html`` }),
          retryAfterSeconds: 1.2,
        };
      },
    }),
  ),
  pageEndpoint({
    id: 'test.show_delicate',
    method: 'GET',
    path: '/account/delicate',
    summary: 'Delicate',
    auth: { principals: ['session'], stepUp: { withinSeconds: 300 } },
    rateLimit: 'authenticated',
    problems: [],
    request: {},
    handler: async () => ({ kind: 'html', status: 200, html: page({ words, title: 'Delicate', body: html`` }) }),
  }),
  documentEndpoint({
    id: 'test.probe',
    method: 'GET',
    path: '/livez',
    summary: 'Alive',
    rateLimit: 'none',
    problems: [],
    contentType: 'application/json; charset=utf-8',
    openToCors: false,
    cacheSeconds: 0,
    handler: async (query) => ({ status: 200, body: JSON.stringify({ ok: true, query }) }),
  }),
];

/** An origin that the CORS settings list. */
export const listedOrigin = 'https://app.example';

/** The address of a trusted proxy. */
export const trustedPeer = '192.0.2.10';

const clock = new FixedClock(now);
let nextId = 0;

/** Rate limits have tests of their own. */
const noLimit = { headers: [], retryAfterSeconds: undefined };
const unlimited: ServerOptions['limiter'] = {
  use: () => noLimit,
  useShared: () => expect.unreachable('no sample is limited on all nodes'),
  bucketOf: (address) => address,
};

export function sampleOptions(overrides: Partial<ServerOptions> = {}): ServerOptions {
  const publicUrl = new URL('http://localhost:5625');
  return {
    endpoints: [...sampleEndpoints, ...apiReferenceEndpoints(sampleEndpoints, { publicUrl, catalogues, version: '0' })],
    authenticate: async ({ bearer, sessionCookie }) => {
      if (sessionCookie === 'unproven') return { ...principal, authTime: new Date(now.getTime() - 301_000) };
      return bearer === 'good' || sessionCookie === 'good' ? principal : bearer === 'old' ? 'expired' : 'malformed';
    },
    limiter: unlimited,
    pages: {
      problem: (document) => problemPage(words, document),
      knownLanguage: () => undefined,
      formNotice: () => html`<p lang="en">Send the form again.</p>`,
      proofPath,
    },
    isListedOrigin: (origin) => origin === listedOrigin,
    logger: createLogger({
      level: 'info',
      service: 'latchkey',
      version: '0',
      destination: { write: (line) => void observed.lines.push(line) },
    }),
    metrics: createMetrics({ processMetrics: false }),
    publicUrl,
    production: false,
    clock,
    parseJson: parseStrictJson,
    resolveClientAddress: ({ socketAddress, forwardedFor }) => forwardedFor ?? socketAddress,
    isTrustedPeer: (socketAddress) => socketAddress === trustedPeer,
    makeRequestId: () => {
      nextId += 1;
      return `request-${nextId}`;
    },
    limits: { requestTimeoutMs: 400 },
    toProblem: (error) => (error instanceof RangeError ? new Problem('unavailable') : undefined),
    ...overrides,
  };
}

export interface SampleResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly json: {
    readonly code?: string;
    readonly type?: string;
    readonly detail?: string;
    readonly hint?: string;
    readonly errors?: readonly { readonly message: string }[];
    readonly data?: unknown;
    readonly pagination?: unknown;
  };
}

export type Body = string | Uint8Array<ArrayBuffer>;

export interface SampleServer {
  readonly server: HttpServer;
  readonly port: number;
  readonly base: string;
  call(path: string, init?: RequestInit): Promise<SampleResponse>;
  /** POSTs JSON to `echo`. */
  post(body: Body, headers?: Record<string, string>): Promise<SampleResponse>;
}

export async function startSample(): Promise<SampleServer> {
  const server = await buildServer(sampleOptions());
  const [address] = await server.listen({ hosts: ['127.0.0.1'], port: 0 });
  const port = address?.port ?? 0;
  const base = `http://127.0.0.1:${port}`;
  const call = async (path: string, init: RequestInit = {}): Promise<SampleResponse> => {
    const response = await fetch(base + path, { redirect: 'manual', ...init });
    const text = await response.text();
    return { status: response.status, headers: response.headers, json: text.startsWith('{') ? JSON.parse(text) : {} };
  };
  return {
    server,
    port,
    base,
    call,
    post: (body, headers = {}) =>
      call('/api/v1/echo', { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } }),
  };
}

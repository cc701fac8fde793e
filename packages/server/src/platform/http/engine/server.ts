/** The engine around the list of endpoints. */
import type { IncomingMessage } from 'node:http';
import { type FastifyInstance, fastify } from 'fastify';
import { assert } from '#kernel/assert.ts';
import { assertEnforceable } from '../admission/authorization.ts';
import type { Endpoint } from '../endpoint.ts';
import { DirectRoutes } from './direct.ts';
import { fetchInProcess } from './in-process.ts';
import { type ListenAddress, Listeners } from './listeners.ts';
import { Responder, type ServerOptions } from './responder.ts';
import { registerRoutes } from './routes.ts';
import { unmatchedHandler } from './unmatched.ts';

/** One list of endpoints, ready to be reached by sockets or in-process. */
export interface HttpServer {
  /** Listens on each host with one port; port 0 takes a free one. Throws `ListenFailed` with one clear sentence. */
  listen(options: { readonly hosts: readonly string[]; readonly port: number }): Promise<readonly ListenAddress[]>;
  /** Answers a request without a socket, through the same routes. */
  fetch(request: Request, options: { readonly peerAddress: string }): Promise<Response>;
  /** Accepts no more, answers what is under way, and after `graceMs` cuts what is left. Safe to call twice. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** Builds routes, schemas and serializers once. */
export async function buildServer(options: ServerOptions): Promise<HttpServer> {
  assertUnique(options.endpoints);
  for (const endpoint of options.endpoints) assertEnforceable(endpoint);
  const transport = new Responder(options);
  const makeId = requestIdMaker(options.makeRequestId);
  const direct = new DirectRoutes(makeId);
  const engine = buildEngine(transport, makeId, direct);
  await engine.ready();
  const listeners = new Listeners(transport, (request, response) => {
    if (!direct.answer(request, response)) engine.routing(request, response);
  });
  return {
    listen: (where) => listeners.listen(where),
    fetch: (request, { peerAddress }) => fetchInProcess(engine, request, peerAddress),
    close: async ({ graceMs }) => {
      transport.draining = true;
      await listeners.close(graceMs);
      await engine.close();
    },
  };
}

type MakeId = (request: IncomingMessage) => string;

function buildEngine(transport: Responder, makeId: MakeId, direct: DirectRoutes): FastifyInstance {
  const engine = fastify({
    logger: false,
    genReqId: makeId,
    requestIdHeader: false,
    rewriteUrl: (request) => canonicalTarget(request.url ?? '/'),
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      request.exchange = null;
      transport.refuse(request, reply, error);
    },
    routerOptions: {
      // Each endpoint reads its own query, strictly; most have none.
      querystringParser: (query) => query as unknown as Record<string, unknown>,
      maxParamLength: 256,
    },
  });
  engine.decorateRequest('exchange', null);
  engine.removeAllContentTypeParsers();
  // Unless it is told otherwise the engine refuses QUERY without a content type by an error of its own, before any route.
  engine.addHttpMethod('QUERY', { hasBody: false, overrideExisting: true });
  engine.setErrorHandler((error, request, reply) => transport.refuse(request, reply, error));
  engine.setNotFoundHandler(unmatchedHandler(transport));
  engine.register((instance, _options, done) => {
    registerRoutes(instance, transport, direct);
    done();
  });
  return engine;
}

const requestIdPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{7,63}$/;

// A proxy's id is kept so that its log and ours can be joined; anything odd is replaced, since the id is written back.
function requestIdMaker(make: () => string): MakeId {
  return ({ headers }) => {
    const header = headers['x-request-id'];
    return typeof header === 'string' && requestIdPattern.test(header) ? header : make();
  };
}

/**
 * The target as our routes know it: the path of an absolute form (RFC 9112 §3.2.2: a server must accept it; its
 * authority decides nothing here), and the latest version for `/api/…` without one (ARCHITECTURE.md).
 */
export function canonicalTarget(target: string): string {
  if (!target.startsWith('/')) return originForm(target);
  if (!target.startsWith('/api/') || /^\/api\/v\d+(?:\/|$)/.test(target)) return target;
  return `/api/v1/${target.slice('/api/'.length)}`;
}

function originForm(target: string): string {
  const path = /^https?:\/\/[^/?#]*([^#]*)/i.exec(target)?.[1];
  if (path === undefined) return '/*';
  return canonicalTarget(path.startsWith('/') ? path : `/${path}`);
}

function assertUnique(endpoints: readonly Endpoint[]): void {
  const seen = new Set<string>();
  for (const { id, method, path } of endpoints) {
    for (const key of [id, `${method} ${path}`]) {
      assert(!seen.has(key), `endpoint "${key}" is declared twice`);
      seen.add(key);
    }
  }
}

/** The fastify instance around the list of endpoints. */
import { type FastifyInstance, fastify } from 'fastify';
import { assert } from '#kernel/assert.ts';
import { assertEnforceable } from '../admission/authorization.ts';
import type { Endpoint } from '../endpoint.ts';
import { canonicalTarget } from './canonical-target.ts';
import { fetchInProcess } from './in-process.ts';
import { type ListenAddress, Listeners, type ListenOptions } from './listeners.ts';
import { Responder } from './responder.ts';
import { registerRoutes } from './routes.ts';
import type { ServerOptions } from './server-options.ts';
import { unmatchedHandler } from './unmatched.ts';

/** A list of endpoints behind sockets, or called in the process. */
export interface HttpServer {
  /** Listens on each host with one port. Throws `ListenFailed` with one sentence; then no port is taken. */
  listen(options: ListenOptions): Promise<readonly ListenAddress[]>;
  /** Runs a request through the same routes without a socket. */
  fetch(request: Request, options: { readonly peerAddress: string }): Promise<Response>;
  /** From now on each response closes its connection, so that few are idle when the server closes. */
  drain(): void;
  /** Accepts no more, finishes the requests in flight, and after `graceMs` closes their connections. Idempotent. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** Builds routes, schemas and serializers once. Throws when an endpoint is declared twice or cannot be enforced. */
export async function buildServer(options: ServerOptions): Promise<HttpServer> {
  assertUnique(options.endpoints);
  for (const endpoint of options.endpoints) assertEnforceable(endpoint);
  const responder = new Responder(options);
  const engine = buildEngine(responder);
  await engine.ready();
  const listeners = new Listeners(responder, (request, response) => engine.routing(request, response));
  return {
    listen: (addresses) => listeners.listen(addresses),
    fetch: (request, { peerAddress }) => fetchInProcess(engine, request, peerAddress),
    drain: () => {
      responder.draining = true;
    },
    close: async ({ graceMs }) => {
      responder.draining = true;
      await listeners.close(graceMs);
      await engine.close();
    },
  };
}

function buildEngine(responder: Responder): FastifyInstance {
  const { exchanges, options } = responder;
  const engine = fastify({
    logger: false,
    // Never the caller's: the id is in the response and in signed webhooks.
    genReqId: () => options.makeRequestId(),
    requestIdHeader: false,
    rewriteUrl: (request) => canonicalTarget(request.url ?? '/'),
    return503OnClosing: false,
    // Errors before routing; no hook runs for them.
    frameworkErrors: (error, request, reply) => {
      request.exchange = null;
      responder.refuse(request, reply, error);
      exchanges.end(request, reply.statusCode);
    },
    routerOptions: {
      // Endpoints parse their queries themselves, strictly.
      querystringParser: (text) => ({ text }),
      maxParamLength: 256,
    },
  });
  engine.decorateRequest('exchange', null);
  engine.removeAllContentTypeParsers();
  // By default fastify rejects QUERY without a content type before it looks for a route.
  engine.addHttpMethod('QUERY', { hasBody: false, overrideExisting: true });
  engine.addHook('onSend', (request, reply, _payload, done) => {
    exchanges.end(request, reply.statusCode);
    done();
  });
  engine.setErrorHandler((error, request, reply) => responder.refuse(request, reply, error));
  engine.setNotFoundHandler(unmatchedHandler(responder));
  engine.register((instance, _options, done) => {
    registerRoutes(instance, responder);
    done();
  });
  return engine;
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

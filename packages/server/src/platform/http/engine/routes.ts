/** The routes of all endpoints, registered once at start. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '#kernel/problem.ts';
import { runInSpan } from '#platform/telemetry/index.ts';
import { readBytes } from '../admission/body.ts';
import { announcesBody, headProblem } from '../admission/head.ts';
import { priorityOf, sheddingLevelOf } from '../admission/load-shedding.ts';
import { loopbackProblem } from '../admission/loopback.ts';
import type { Endpoint } from '../endpoint.ts';
import { apiHandler } from './api-handler.ts';
import { documentHandler } from './document-handler.ts';
import { envelopeSchema } from './envelope.ts';
import { pageHandler } from './page-handler.ts';
import type { Responder } from './responder.ts';

/** Registers all endpoints on an instance of their own, whose bodies are bytes: each endpoint parses them itself. */
export function registerRoutes(instance: FastifyInstance, responder: Responder): void {
  instance.addContentTypeParser('*', (_request: FastifyRequest, payload: IncomingMessage) =>
    readBytes(payload, responder.limits.bodyBytes),
  );
  for (const endpoint of responder.options.endpoints) registerRoute(instance, responder, endpoint);
}

function registerRoute(instance: FastifyInstance, responder: Responder, endpoint: Endpoint): void {
  const route = responder.exchanges.route(endpoint);
  const isForLoopback = endpoint.loopbackOnly === true;
  const shed = shedderOf(responder, endpoint);
  instance.route({
    method: endpoint.method,
    url: endpoint.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    exposeHeadRoute: endpoint.changesByGet !== true,
    ...(endpoint.kind === 'api' && { schema: { response: { [endpoint.response.status]: envelopeSchema(endpoint) } } }),
    onRequest: (request, _reply, done) => {
      const { span } = responder.exchanges.begin(request, route);
      const busy = shed();
      if (busy !== undefined) return afterBody(request, responder.limits.bodyBytes, () => done(busy));
      const problem =
        headProblem(request, responder.limits) ?? (isForLoopback ? loopbackProblem(request.raw) : undefined);
      runInSpan(span, () => done(problem));
    },
    handler: handlerOf(responder, endpoint),
  });
}

/** Rejects requests of the endpoint while the event loop is late. Before all other checks, because each costs time. */
function shedderOf({ options }: Responder, endpoint: Endpoint): () => Problem | undefined {
  const { overload, metrics } = options;
  const priority = priorityOf(endpoint);
  if (overload === undefined || priority === undefined) return () => undefined;
  const fromLevel = sheddingLevelOf(priority);
  return () => {
    if (overload.level < fromLevel) return undefined;
    metrics.count('http_requests_shed_total', { priority });
    return overload.problem();
  };
}

/**
 * Rejects when the body has been read and dropped. Otherwise the connection would have to be closed, and a client that still
 * sends would be reset and lose the response.
 */
function afterBody({ raw, headers }: FastifyRequest, bodyBytes: number, reject: () => void): void {
  if (announcesBody(headers)) readBytes(raw, bodyBytes).then(reject, reject);
  else reject();
}

function handlerOf(
  responder: Responder,
  endpoint: Endpoint,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> | undefined {
  switch (endpoint.kind) {
    case 'api':
      return apiHandler(responder, endpoint);
    case 'page':
      return pageHandler(responder, endpoint);
    case 'document':
      return documentHandler(responder, endpoint);
  }
}

/** From the list of endpoints to routes, once at start. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '#kernel/problem.ts';
import { noUse } from '#platform/rate-limit/index.ts';
import { announcesBody, isFromHere, repeatsHeader } from '../admission/admission.ts';
import { authorizerOf } from '../admission/authorization.ts';
import { readBytes, readForm } from '../admission/body.ts';
import { withCookies } from '../admission/cookies.ts';
import { bodyReader, paramsReader, queryOf, queryReader } from '../admission/input.ts';
import { countedHandler, counterOf } from '../admission/limits.ts';
import type {
  ApiEndpoint,
  ApiResponse,
  Caller,
  DocumentEndpoint,
  DocumentResponse,
  Endpoint,
  Principal,
} from '../endpoint.ts';
import type { Answer, DirectRoutes } from './direct.ts';
import { Envelopes } from './envelope.ts';
import type { IncomingRequest, Reply } from './exchange.ts';
import { headerList, headersFor } from './headers.ts';
import { pageResponder } from './pages.ts';
import type { Responder } from './responder.ts';

/** Registers all endpoints on an instance of their own, whose bodies are bytes: each endpoint reads them itself. */
export function registerRoutes(instance: FastifyInstance, transport: Responder, direct: DirectRoutes): void {
  instance.addContentTypeParser('*', (_request: FastifyRequest, payload: IncomingMessage) =>
    readBytes(payload, transport.limits.bodyBytes),
  );
  for (const endpoint of transport.options.endpoints) registerRoute(instance, transport, endpoint, direct);
}

function registerRoute(
  instance: FastifyInstance,
  transport: Responder,
  endpoint: Endpoint,
  direct: DirectRoutes,
): void {
  const route = transport.exchanges.route(endpoint);
  const answer = answerOf(transport, responderOf(transport, endpoint));
  const begin = (request: IncomingRequest): Problem | undefined => {
    transport.exchanges.begin(request, route);
    return headFault(request, transport) ?? placeFault(endpoint, request);
  };
  instance.route({
    method: endpoint.method,
    url: endpoint.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    exposeHeadRoute: endpoint.changesByGet !== true,
    onRequest: (request, _reply, done) => done(begin(request) as Error | undefined),
    // Answers nothing to the engine, which would wait for it: the answer is written by `Transport`.
    handler: (request, reply) => answer(request, reply),
  });
  direct.add(endpoint, (request, reply) => {
    const fault = begin(request);
    if (fault === undefined) answer(request, reply);
    else transport.refuse(request, reply, fault);
  });
}

/** A responder, and the refusal of whatever it throws, now or later. */
function answerOf(transport: Responder, respond: Respond): Answer {
  return (request, reply) => {
    try {
      respond(request, reply)?.catch((error: unknown) => transport.refuse(request, reply, error));
    } catch (error) {
      transport.refuse(request, reply, error);
    }
  };
}

function responderOf(transport: Responder, endpoint: Endpoint): Respond {
  switch (endpoint.kind) {
    case 'api':
      return apiResponder(transport, endpoint);
    case 'page':
      return pageResponder(transport, endpoint);
    case 'document':
      return documentResponder(transport, endpoint);
  }
}

/** What is wrong with a request's head, whatever it asks for. */
export function headFault(request: IncomingRequest, transport: Responder): Problem | undefined {
  const { raw } = request;
  if ((raw.url ?? '').length > transport.limits.targetLength) return new Problem('uri_too_long');
  if (raw.httpVersionMajor !== 1) return new Problem('malformed_request', { log: 'not HTTP/1' });
  // RFC 9112 §3.2: a request of HTTP/1.1 has exactly one Host.
  if (raw.headers.host === undefined && raw.httpVersionMinor === 1) {
    return new Problem('malformed_request', { log: 'no Host' });
  }
  if (repeatsHeader(raw.rawHeaders)) return new Problem('malformed_request', { log: 'a header stands twice' });
  if ((raw.method === 'GET' || raw.method === 'HEAD') && announcesBody(request)) {
    return new Problem('malformed_request', { log: 'GET with a body' });
  }
  return undefined;
}

function placeFault(endpoint: Endpoint, request: IncomingRequest): Problem | undefined {
  return endpoint.loopbackOnly === true && !isFromHere(request.raw) ? new Problem('not_found') : undefined;
}

/** Answers a request, at once if it can, or throws: a warm session check waits for nothing. */
type Respond = (request: IncomingRequest, reply: Reply) => Promise<void> | undefined;

function apiResponder(transport: Responder, endpoint: ApiEndpoint): Respond {
  const headers = headerList(headersFor(endpoint, transport.headerPolicy));
  const { clock, parseJson } = transport.options;
  const readQuery = queryReader(endpoint.request.query, 'api');
  const readParams = paramsReader(endpoint.request.params);
  const readBody = bodyReader(endpoint, parseJson);
  const envelopes = new Envelopes(endpoint, clock);
  const count = counterOf(transport, endpoint);
  const handle = countedHandler(transport, endpoint, endpoint.handler);
  const authorize = authorizerOf(transport, endpoint);
  const finish = (request: IncomingRequest, reply: Reply, answer: ApiResponse<unknown>): undefined => {
    const text = envelopes.write(answer, request.id);
    transport.answer(request, reply, endpoint.response.status, withCookies(transport.cookies, headers, answer), text);
  };
  const run = (request: IncomingRequest, reply: Reply, caller: Caller, principal: Principal | undefined) => {
    count(request, caller, principal);
    const params = readParams(request);
    const query = readQuery(request);
    const body = readBody(request);
    const input = { body, query, params, principal: principal as never, caller, use: noUse };
    const answered = handle(request, input);
    if (!(answered instanceof Promise)) return finish(request, reply, answered);
    return answered.then((answer) => finish(request, reply, answer));
  };
  return (request, reply) => {
    const cookies = transport.cookiesOf(request);
    const caller = transport.callerOf(request, cookies);
    const authorized = authorize(request, caller, cookies);
    if (!(authorized instanceof Promise)) return run(request, reply, caller, authorized);
    return authorized.then((principal) => run(request, reply, caller, principal));
  };
}

function documentResponder(transport: Responder, endpoint: DocumentEndpoint): Respond {
  const cached = headersFor(endpoint, transport.headerPolicy);
  const headers = headerList(cached);
  const uncached = headerList({ ...cached, 'cache-control': 'no-store' });
  const noQuery = {};
  const finish = (request: IncomingRequest, reply: Reply, { status, body }: DocumentResponse): undefined => {
    const bytes = typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    transport.answer(request, reply, status, status < 400 ? headers : uncached, bytes);
  };
  return (request, reply) => {
    const query = queryOf(request);
    const answered = endpoint.handler(query === '' ? noQuery : readForm(query));
    if (!(answered instanceof Promise)) return finish(request, reply, answered);
    return answered.then((answer) => finish(request, reply, answer));
  };
}

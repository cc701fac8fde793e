/** From the list of endpoints to routes, once at start. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import { announcesBody, isFromHere, repeatsHeader } from './admission.ts';
import { readBytes, readForm } from './body.ts';
import type { ApiAnswer, ApiEndpoint, DocumentEndpoint, Endpoint, PageEndpoint } from './endpoint.ts';
import { type HeaderList, headerList, headersFor } from './headers.ts';
import { admit, bodyReader, formReader, paramsReader, queryOf, queryReader } from './input.ts';
import { serializerSchema } from './response-schema.ts';
import { Timestamps } from './timestamps.ts';
import type { Transport } from './transport.ts';

/** Registers all endpoints on an instance of their own, whose bodies are bytes: each endpoint reads them itself. */
export function registerRoutes(instance: FastifyInstance, transport: Transport): void {
  instance.addContentTypeParser('*', (_request: FastifyRequest, payload: IncomingMessage) =>
    readBytes(payload, transport.limits.bodyBytes),
  );
  for (const endpoint of transport.options.endpoints) registerRoute(instance, transport, endpoint);
}

function registerRoute(instance: FastifyInstance, transport: Transport, endpoint: Endpoint): void {
  const route = transport.exchanges.route(endpoint);
  const respond = responderOf(transport, endpoint);
  instance.route({
    method: endpoint.method,
    url: endpoint.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    ...(endpoint.kind === 'api' && { schema: { response: { '2xx': serializerSchema(endpoint) } } }),
    onRequest: (request, _reply, done) => {
      transport.exchanges.begin(request, route);
      done((headFault(request, transport) ?? placeFault(endpoint, request)) as Error | undefined);
    },
    // Answers nothing to the engine, which would wait for it: the answer is written by `Transport`.
    handler: (request, reply) => {
      respond(request, reply).catch((error: unknown) => transport.refuse(request, reply, error));
    },
  });
}

function responderOf(transport: Transport, endpoint: Endpoint): Respond {
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
export function headFault(request: FastifyRequest, transport: Transport): Problem | undefined {
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

function placeFault(endpoint: Endpoint, request: FastifyRequest): Problem | undefined {
  return endpoint.loopbackOnly === true && !isFromHere(request.raw) ? new Problem('not_found') : undefined;
}

/** Answers a request, or throws. */
type Respond = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

function apiResponder(transport: Transport, endpoint: ApiEndpoint): Respond {
  const headers = headerList(headersFor(endpoint, transport.headerPolicy));
  const { clock, parseJson } = transport.options;
  const readQuery = queryReader(endpoint.request.query, 'api');
  const readParams = paramsReader(endpoint.request.params);
  const readBody = bodyReader(endpoint, parseJson);
  const timestamps = new Timestamps(clock);
  let serialize: ((envelope: object) => string) | undefined;
  return async (request, reply) => {
    const cookies = transport.cookiesOf(request);
    const caller = transport.callerOf(request, cookies);
    const admission =
      endpoint.auth === 'session' ? admit(transport, endpoint, request, caller, cookies.session) : undefined;
    const principal = admission instanceof Promise ? await admission : admission;
    const params = readParams(request);
    const query = readQuery(request);
    const body = readBody(request);
    const answer: ApiAnswer<unknown> = await endpoint.handler({
      body,
      query,
      params,
      principal: principal as never,
      caller,
    });
    serialize ??= reply.getSerializationFunction('2xx') as (envelope: object) => string;
    const text = serialize({
      success: true,
      message: answer.message ?? endpoint.response.message,
      data: answer.data,
      pagination: answer.pagination,
      meta: { timestamp: timestamps.now(), requestId: request.id },
    });
    transport.answer(request, reply, endpoint.response.status, withCookies(transport, headers, answer), text);
  };
}

function withCookies(transport: Transport, headers: HeaderList, answer: ApiAnswer<unknown>): HeaderList {
  if (answer.cookies === undefined && answer.clearSiteData === undefined) return headers;
  const cookies = (answer.cookies ?? []).flatMap((change) => ['set-cookie', transport.cookies.write(change)]);
  return [...headers, ...cookies, ...(answer.clearSiteData === true ? ['clear-site-data', '"storage"'] : [])];
}

function pageResponder(transport: Transport, endpoint: PageEndpoint): Respond {
  const headers = headerList(headersFor(endpoint, transport.headerPolicy));
  const readQuery = queryReader(endpoint.request.query, 'page');
  const readPageForm = formReader(endpoint, transport);
  return async (request, reply) => {
    const caller = transport.callerOf(request, transport.cookiesOf(request));
    const query = readQuery(request);
    const body = readPageForm(request);
    const answer = await endpoint.handler({ body, query, params: undefined, principal: undefined, caller });
    if (answer.kind === 'html') {
      transport.answer(request, reply, answer.status, headers, answer.html.toString());
      return;
    }
    assert(/^\/(?![/\\])[\x21-\x7e]*$/.test(answer.location), 'a redirect leads to a path of ours');
    transport.answer(request, reply, 303, [...headers, 'location', answer.location], '');
  };
}

function documentResponder(transport: Transport, endpoint: DocumentEndpoint): Respond {
  const cached = headersFor(endpoint, transport.headerPolicy);
  const headers = headerList(cached);
  const uncached = headerList({ ...cached, 'cache-control': 'no-store' });
  const noQuery = {};
  return async (request, reply) => {
    const query = queryOf(request);
    const { status, body } = await endpoint.handler(query === '' ? noQuery : readForm(query));
    const bytes = typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    transport.answer(request, reply, status, status < 400 ? headers : uncached, bytes);
  };
}

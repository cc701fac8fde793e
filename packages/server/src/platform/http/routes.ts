/** From the list of endpoints to routes, once at start. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import { repeatsHeader } from './admission.ts';
import { readBytes, readForm } from './body.ts';
import type { ApiAnswer, ApiEndpoint, DocumentEndpoint, Endpoint, PageEndpoint } from './endpoint.ts';
import { headersFor } from './headers.ts';
import { admit, bodyReader, formReader, paramsReader, queryOf, queryReader } from './input.ts';
import { serializerSchema } from './response-schema.ts';
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
  instance.route({
    method: endpoint.method,
    url: endpoint.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    ...(endpoint.kind === 'api' && { schema: { response: { '2xx': serializerSchema(endpoint) } } }),
    onRequest: (request, _reply, done) => {
      transport.exchanges.begin(request, route);
      done(headFault(request, transport) as Error | undefined);
    },
    handler: handlerOf(transport, endpoint),
  });
}

function handlerOf(transport: Transport, endpoint: Endpoint): RouteHandlerMethod {
  switch (endpoint.kind) {
    case 'api':
      return apiHandler(transport, endpoint);
    case 'page':
      return pageHandler(transport, endpoint);
    case 'document':
      return documentHandler(transport, endpoint);
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

/** Whether a body follows; it will not be read, so the connection cannot be used again. */
export function announcesBody(request: FastifyRequest): boolean {
  const { headers } = request.raw;
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

function apiHandler(transport: Transport, endpoint: ApiEndpoint): RouteHandlerMethod {
  const headers = headersFor(endpoint, transport.headerPolicy);
  const { clock, parseJson } = transport.options;
  const readQuery = queryReader(endpoint.request.query, 'api');
  const readParams = paramsReader(endpoint.request.params);
  const readBody = bodyReader(endpoint, parseJson);
  return async (request, reply) => {
    const cookies = transport.cookiesOf(request);
    const caller = transport.callerOf(request, cookies);
    const principal =
      endpoint.auth === 'session' ? await admit(transport, endpoint, request, caller, cookies.session) : undefined;
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
    transport.open(request, reply, endpoint.response.status, headers);
    applyCookies(transport, reply, answer);
    return {
      success: true,
      message: answer.message ?? endpoint.response.message,
      data: answer.data,
      pagination: answer.pagination,
      meta: { timestamp: clock.now().toISOString(), requestId: request.id },
    };
  };
}

function applyCookies(transport: Transport, reply: FastifyReply, answer: ApiAnswer<unknown>): void {
  for (const change of answer.cookies ?? []) reply.header('set-cookie', transport.cookies.write(change));
  if (answer.clearSiteData === true) reply.header('clear-site-data', '"storage"');
}

function pageHandler(transport: Transport, endpoint: PageEndpoint): RouteHandlerMethod {
  const headers = headersFor(endpoint, transport.headerPolicy);
  const readQuery = queryReader(endpoint.request.query, 'page');
  const readPageForm = formReader(endpoint, transport);
  return async (request, reply) => {
    const caller = transport.callerOf(request, transport.cookiesOf(request));
    const query = readQuery(request);
    const body = readPageForm(request);
    const answer = await endpoint.handler({ body, query, params: undefined, principal: undefined, caller });
    if (answer.kind === 'html') {
      return transport.open(request, reply, answer.status, headers).send(answer.html.toString());
    }
    assert(/^\/(?![/\\])[\x21-\x7e]*$/.test(answer.location), 'a redirect leads to a path of ours');
    return transport.open(request, reply, 303, headers).header('location', answer.location).send('');
  };
}

function documentHandler(transport: Transport, endpoint: DocumentEndpoint): RouteHandlerMethod {
  const headers = headersFor(endpoint, transport.headerPolicy);
  const uncached = { ...headers, 'cache-control': 'no-store' };
  return async (request, reply) => {
    const { status, body } = await endpoint.handler(readForm(queryOf(request)));
    const bytes = typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    return transport.open(request, reply, status, status < 400 ? headers : uncached).send(bytes);
  };
}

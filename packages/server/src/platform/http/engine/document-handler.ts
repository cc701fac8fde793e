/** The handler of a document: no credentials, no envelope; a failure is not cached. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readForm } from '../admission/body.ts';
import { queryOf } from '../admission/input.ts';
import type { DocumentEndpoint } from '../endpoint.ts';
import { headersFor } from './headers.ts';
import type { Responder } from './responder.ts';

export function documentHandler(responder: Responder, endpoint: DocumentEndpoint) {
  const headers = headersFor(endpoint, responder.headerPolicy);
  const uncached = { ...headers, 'cache-control': 'no-store' };
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { status, body } = await endpoint.handler(readForm(queryOf(request)));
    // As bytes, because fastify appends a charset to every JSON type of a text; RFC 7517 §8.5 registers none.
    responder.send(request, reply, status, status < 400 ? headers : uncached, Buffer.from(body));
  };
}

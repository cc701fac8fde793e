/** The handler of a document: no credentials, no envelope; a failure is not cached. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readForm } from '../admission/body.ts';
import { queryOf } from '../admission/input.ts';
import type { DocumentEndpoint } from '../endpoint.ts';
import { fileHeaders, headersFor } from './headers.ts';
import { codingFor, PublicContent } from './public-content.ts';
import type { Responder } from './responder.ts';

export function documentHandler(responder: Responder, endpoint: DocumentEndpoint) {
  const headers = headersFor(endpoint, responder.headerPolicy);
  const uncached = { ...headers, 'cache-control': 'no-store' };
  // A document that caches may keep is public. A mail, a probe and a profile are not.
  const content = endpoint.cacheSeconds > 0 ? new PublicContent({ hasValidator: true }) : undefined;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const params = request.params as Readonly<Record<string, string>>;
    const { status, body, file } = await endpoint.handler(readForm(queryOf(request)), params);
    if (file !== undefined) {
      const encoding = file.encoded && codingFor(request.headers['accept-encoding']);
      const chosen = encoding === undefined ? body : file.encoded?.[encoding];
      const all = {
        ...uncached,
        ...fileHeaders(file),
        ...(encoding !== undefined && { 'content-encoding': encoding }),
      };
      return responder.send(request, reply, status, all, Buffer.from(chosen ?? body));
    }
    if (content !== undefined && status === 200) return content.send(responder, request, reply, { headers, body });
    // As bytes, because fastify appends a charset to every JSON type of a text; RFC 7517 §8.5 registers none.
    responder.send(request, reply, status, status < 400 ? headers : uncached, Buffer.from(body));
  };
}

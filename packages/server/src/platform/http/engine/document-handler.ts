/** The handler of a document: no credentials, no envelope; a failure is not cached. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readForm } from '../admission/body.ts';
import { queryOf } from '../admission/input.ts';
import type { DocumentEndpoint, ServedFile } from '../endpoint.ts';
import { fileHeaders, headersFor } from './headers.ts';
import type { Responder } from './responder.ts';

export function documentHandler(responder: Responder, endpoint: DocumentEndpoint) {
  const headers = headersFor(endpoint, responder.headerPolicy);
  const uncached = { ...headers, 'cache-control': 'no-store' };
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const params = request.params as Readonly<Record<string, string>>;
    const { status, body, file } = await endpoint.handler(readForm(queryOf(request)), params);
    if (file !== undefined) {
      const encoding = encodingFor(request.headers['accept-encoding'], file);
      const chosen = encoding === undefined ? body : file.encoded?.[encoding];
      const all = {
        ...uncached,
        ...fileHeaders(file),
        ...(encoding !== undefined && { 'content-encoding': encoding }),
      };
      return responder.send(request, reply, status, all, Buffer.from(chosen ?? body));
    }
    // As bytes, because fastify appends a charset to every JSON type of a text; RFC 7517 §8.5 registers none.
    responder.send(request, reply, status, status < 400 ? headers : uncached, Buffer.from(body));
  };
}

/** The smallest encoding that the client accepts; a weight of 0 refuses one (RFC 9110 §12.5.3). */
function encodingFor(accepted: string | undefined, { encoded }: ServedFile): 'br' | 'gzip' | undefined {
  if (encoded === undefined || accepted === undefined) return undefined;
  const names = accepted
    .toLowerCase()
    .split(',')
    .filter((each) => !/;\s*q=0(?:\.0*)?\s*$/.test(each))
    .map((each) => each.split(';')[0]?.trim());
  return (['br', 'gzip'] as const).find((name) => names.includes(name));
}

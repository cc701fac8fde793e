/** The handler of an API endpoint: authorization, rate limit, input, then the endpoint's own handler, in this order. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { noUse } from '#platform/rate-limit/index.ts';
import { authorizerOf } from '../admission/authorization.ts';
import { withCookies } from '../admission/cookies.ts';
import { bodyReader, paramsReader, queryReader } from '../admission/input.ts';
import { countedHandler, counterOf } from '../admission/rate-limits.ts';
import type { ApiEndpoint } from '../endpoint.ts';
import { envelopeOf } from './envelope.ts';
import { headersFor } from './headers.ts';
import type { Responder } from './responder.ts';

export function apiHandler(responder: Responder, endpoint: ApiEndpoint) {
  const headers = headersFor(endpoint, responder.headerPolicy);
  const { clock, parseJson } = responder.options;
  const authorize = authorizerOf(responder, endpoint);
  const count = counterOf(responder, endpoint);
  const readParams = paramsReader(endpoint.request.params);
  const readQuery = queryReader(endpoint.request.query, 'api');
  const readBody = bodyReader(endpoint, parseJson);
  const handle = countedHandler(responder, endpoint, endpoint.handler);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const cookies = responder.cookiesOf(request);
    const caller = responder.callerOf(request, cookies);
    const principal = await authorize(request, caller, cookies);
    count(request, caller, principal);
    const params = readParams(request);
    const query = readQuery(request);
    const body = readBody(request);
    const response = await handle(request, {
      body,
      query,
      params,
      principal: principal as never,
      caller,
      use: noUse,
    });
    const envelope = envelopeOf(endpoint, response, request.id, clock);
    const changed = withCookies(responder.cookies, headers, response);
    responder.send(request, reply, endpoint.response.status, changed, envelope);
  };
}

/** The handler of an API endpoint: authorization, rate limit, input, then the endpoint's own handler, in this order. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { noUse } from '#platform/rate-limit/index.ts';
import { authorizerOf } from '../admission/authorization.ts';
import { withCookies } from '../admission/cookies.ts';
import { bodyReader, paramsReader, queryReader } from '../admission/input.ts';
import { countedHandler, counterOf } from '../admission/rate-limits.ts';
import type { ApiEndpoint, ApiResponse, Caller, Principal } from '../endpoint.ts';
import { envelopeMaker } from './envelope.ts';
import { headersFor } from './headers.ts';
import type { Responder } from './responder.ts';

export function apiHandler(responder: Responder, endpoint: ApiEndpoint) {
  const headers = headersFor(endpoint, responder.headerPolicy);
  const { clock, parseJson } = responder.options;
  const envelopeOf = envelopeMaker(endpoint, clock);
  const authorize = authorizerOf(responder, endpoint);
  const count = counterOf(responder, endpoint);
  const readParams = paramsReader(endpoint.request.params);
  const readQuery = queryReader(endpoint.request.query);
  const readBody = bodyReader(endpoint, parseJson);
  const handle = countedHandler(responder, endpoint, endpoint.handler);
  const admit = (request: FastifyRequest, caller: Caller, principal: Principal | undefined) => {
    count(request, caller, principal);
    const params = readParams(request);
    const query = readQuery(request);
    const body = readBody(request);
    return handle(request, { body, query, params, principal: principal as never, caller, use: noUse });
  };
  const respond = (request: FastifyRequest, reply: FastifyReply, response: ApiResponse<unknown>): void => {
    const changed = withCookies(responder.cookies, headers, response);
    responder.send(request, reply, endpoint.response.status, changed, envelopeOf(response, request.id));
  };
  // Promises cost a check of a cached session about as much as its lookups, so it makes none.
  return (request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined => {
    const cookies = responder.cookiesOf(request);
    const caller = responder.callerOf(request, cookies);
    const authorized = authorize(request, caller, cookies);
    const response =
      authorized instanceof Promise
        ? authorized.then((principal) => admit(request, caller, principal))
        : admit(request, caller, authorized);
    if (response instanceof Promise) return response.then((made) => respond(request, reply, made));
    respond(request, reply, response);
    return undefined;
  };
}

/**
 * Authorizes a request by what its endpoint declares: credential, then permission, then step-up; the rate limit and the
 * input follow. A declaration that the engine cannot enforce stops the start, so that it never passes in silence.
 */
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import type { ApiEndpoint, Caller, Endpoint, PageEndpoint, Principal } from '../endpoint.ts';
import type { IncomingRequest } from '../engine/exchange.ts';
import type { Responder } from '../engine/responder.ts';
import { type Presented, readPresented, refuseCrossSite } from './admission.ts';
import type { OwnCookies } from './cookies.ts';
import { refuseForeignWrite } from './cors.ts';
import { countRefused } from './limits.ts';

/**
 * The principal of a request; undefined at a public endpoint. Returns no promise when `authenticate` does not.
 * Throws `not_authenticated`, or `cross_site_request` for a write that another site's page sends.
 */
type Authorize = (
  request: IncomingRequest,
  caller: Caller,
  cookies: OwnCookies,
) => Principal | undefined | Promise<Principal>;

/** Throws unless the engine can enforce all of what an endpoint declares. */
export function assertEnforceable({ id, auth }: Endpoint): void {
  const [kind, ...others] = auth.principals;
  const isProvable = (kind === 'public' || kind === 'session') && others.length === 0;
  assert(isProvable, `endpoint "${id}": the engine proves no principals but ['public'] or ['session']`);
  assert(auth.permission === undefined, `endpoint "${id}": the engine checks no permissions`);
  assert(auth.stepUp === undefined, `endpoint "${id}": the engine checks no step-up`);
}

/** The check of one endpoint. */
export function authorizerOf(responder: Responder, endpoint: ApiEndpoint | PageEndpoint): Authorize {
  if (endpoint.auth.principals.includes('public')) return publicAuthorizer(responder, endpoint);
  return (request, caller, cookies) => {
    try {
      const principal = authenticate(responder, endpoint, request, caller, cookies);
      if (!(principal instanceof Promise)) return principal;
      return principal.catch((error: unknown) => refuseCounted(responder, request, caller, error));
    } catch (error) {
      return refuseCounted(responder, request, caller, error);
    }
  };
}

// The form of a page proves its origin by a token (`form-tokens.ts`), which the API has not.
function publicAuthorizer({ origins }: Responder, { kind, method }: ApiEndpoint | PageEndpoint): Authorize {
  if (kind === 'page' || method === 'GET') return () => undefined;
  return (request) => {
    refuseForeignWrite(request.raw.headers, origins);
    return undefined;
  };
}

function authenticate(
  responder: Responder,
  endpoint: ApiEndpoint | PageEndpoint,
  request: IncomingRequest,
  caller: Caller,
  cookies: OwnCookies,
): Principal | Promise<Principal> {
  const { headers } = request.raw;
  // A browser that opens a page sends no token: pages know the cookie only.
  const authorization = endpoint.kind === 'page' ? undefined : headers.authorization;
  const presented: Presented | undefined = readPresented(authorization, cookies.session);
  if (presented === undefined) throw new Problem('not_authenticated');
  if (presented.sessionCookie !== undefined && endpoint.method !== 'GET') {
    refuseCrossSite(headers, responder.publicOrigin);
  }
  const principal = responder.options.authenticate(presented, caller);
  return principal instanceof Promise ? principal.then(requirePrincipal) : requirePrincipal(principal);
}

function requirePrincipal(principal: Principal | undefined): Principal {
  if (principal === undefined) throw new Problem('not_authenticated');
  return principal;
}

/** A request without a valid credential consumes quota of its address. */
function refuseCounted(responder: Responder, request: IncomingRequest, caller: Caller, error: unknown): never {
  if (error instanceof Problem && error.code === 'not_authenticated') countRefused(responder, request, caller);
  throw error;
}

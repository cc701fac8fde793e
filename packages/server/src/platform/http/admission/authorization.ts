/**
 * Authorizes a request by what its endpoint declares: credential, then permission, then step-up; the rate limit and the
 * input follow. A declaration that the engine cannot enforce stops the start, so that it never passes in silence.
 */
import type { FastifyRequest } from 'fastify';
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import type { ApiEndpoint, Auth, Caller, Endpoint, PageEndpoint, Principal } from '../endpoint.ts';
import type { Responder } from '../engine/responder.ts';
import type { OwnCookies } from './cookies.ts';
import { refuseForeignCookieWrite, refuseForeignWrite } from './cors.ts';
import { type CredentialRefusal, readPresented, refusalTexts } from './credentials.ts';
import { countRefused } from './rate-limits.ts';

/**
 * The principal of a request; undefined at a public endpoint.
 * Throws `not_authenticated`, or `cross_site_request` for a write that another site's page sends.
 */
type Authorize = (
  request: FastifyRequest,
  caller: Caller,
  cookies: OwnCookies,
) => Principal | undefined | Promise<Principal | undefined>;

const provable: ReadonlySet<string> = new Set(['public', 'session', 'public,session']);

/** Why a request has no principal; undefined without a token. */
type Refused = CredentialRefusal | undefined;

/** Throws unless the engine can enforce all of what an endpoint declares. */
export function assertEnforceable({ id, auth, method }: Endpoint): void {
  const isProvable = provable.has(auth.principals.join()) && (auth.principals.length === 1 || method === 'GET');
  assert(isProvable, `endpoint "${id}": the engine proves ['public'], ['session'], and for GET ['public', 'session']`);
  assert(auth.permission === undefined, `endpoint "${id}": the engine checks no permissions`);
  const needsSession = auth.stepUp === undefined || auth.principals.join() === 'session';
  assert(needsSession, `endpoint "${id}": the engine checks a step-up of sessions only`);
}

/** The check of one endpoint. */
export function authorizerOf(responder: Responder, endpoint: ApiEndpoint | PageEndpoint): Authorize {
  const { principals, stepUp } = endpoint.auth;
  if (principals.includes('session') && principals.includes('public')) {
    return (request, caller, cookies) => {
      const proven = authenticate(responder, endpoint, request, caller, cookies);
      return proven instanceof Promise ? proven.then(withoutReason) : withoutReason(proven);
    };
  }
  if (principals.includes('public')) return publicAuthorizer(responder, endpoint);
  return (request, caller, cookies) => {
    const require = (proven: Principal | Refused): Principal => {
      if (typeof proven === 'object') return requireRecent(responder, stepUp, proven);
      countRefused(responder, request, caller);
      throw new Problem('not_authenticated', proven === undefined ? {} : { tokenRefusal: refusalTexts[proven] });
    };
    const proven = authenticate(responder, endpoint, request, caller, cookies);
    return proven instanceof Promise ? proven.then(require) : require(proven);
  };
}

/** Returns the principal. Throws `step_up_required` when the endpoint needs a later authentication (RFC 9470). */
function requireRecent({ options }: Responder, stepUp: Auth['stepUp'], principal: Principal): Principal {
  if (stepUp === undefined || stepUp.orPassword === true) return principal;
  const ageSeconds = (options.clock.now().getTime() - principal.authTime.getTime()) / 1000;
  if (ageSeconds <= stepUp.withinSeconds) return principal;
  throw new Problem('step_up_required', { maxAgeSeconds: stepUp.withinSeconds });
}

// The form of a page proves its origin by a token (`form-tokens.ts`), which the API has not.
// `loopback.ts` has checked the origin of `/dev/*`, which is that of another listener.
function publicAuthorizer({ origins }: Responder, endpoint: ApiEndpoint | PageEndpoint): Authorize {
  if (endpoint.kind === 'page' || endpoint.method === 'GET' || endpoint.loopbackOnly === true) return () => undefined;
  return (request) => {
    refuseForeignWrite(request.headers, origins);
    return undefined;
  };
}

function authenticate(
  responder: Responder,
  endpoint: ApiEndpoint | PageEndpoint,
  request: FastifyRequest,
  caller: Caller,
  cookies: OwnCookies,
): Principal | Refused | Promise<Principal | Refused> {
  const { headers } = request;
  // A browser that opens a page sends no token, so pages accept the cookie only.
  const authorization = endpoint.kind === 'page' ? undefined : headers.authorization;
  const presented = readPresented(authorization, cookies.session);
  if (presented === undefined) return undefined;
  if (presented.sessionCookie === undefined) return responder.options.authenticate(presented, caller);
  if (endpoint.method !== 'GET') refuseForeignCookieWrite(headers, responder.origins);
  const proven = responder.options.authenticate(presented, caller);
  return proven instanceof Promise ? proven.then(withoutReason) : withoutReason(proven);
}

// The challenge is about tokens, so it has no word about a cookie.
function withoutReason(proven: Principal | Refused): Principal | undefined {
  return typeof proven === 'object' ? proven : undefined;
}

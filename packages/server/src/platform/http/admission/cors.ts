/**
 * Cross-origin access of scripts (WHATWG Fetch, CORS protocol).
 * An origin is allowed when a client lists it, compared exactly; `null`, the origin of any sandboxed frame, is never
 * listed. Pages of listed origins use tokens: no response allows credentials, so cookies stay with our own pages. The
 * exception are listed origins that share the session cookie.
 * Documents that are open to all origins declare it themselves.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from '#kernel/problem.ts';
import type { Headers } from '../engine/headers.ts';
import { refuseCrossSite, refuseCrossSiteBrowser } from './cross-site.ts';

/** Response headers that a script of a listed origin may read. */
const exposedHeaders = 'RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id';

/** Request headers that it may send. Tracing libraries add the last three (W3C Trace Context, W3C Baggage). */
const allowedHeaders = 'Authorization, Content-Type, X-Request-Id, traceparent, tracestate, baggage';

/** Chromium caches a preflight response for two hours at most. */
const preflightSeconds = '7200';

/** Our own origin and the tests of others. */
export interface Origins {
  readonly publicOrigin: string;
  readonly isListed: (origin: string) => boolean;
  /** Whether the session cookie is also this origin's (`LATCHKEY_COOKIE_DOMAIN`). */
  readonly sharesCookies: (origin: string) => boolean;
}

/** The origin of the calling page, when it is a listed one. */
function foreignOrigin(headers: IncomingHttpHeaders, origins: Origins): string | undefined {
  const { origin } = headers;
  if (origin === undefined || origin === origins.publicOrigin || !origins.isListed(origin)) return undefined;
  return origin;
}

/**
 * Rejects a write without a session (a login, a registration) from a page that is neither ours nor of a listed origin:
 * it would log a visitor in to another account, or use the visitor's address for guesses and mails.
 */
export function refuseForeignWrite(headers: IncomingHttpHeaders, origins: Origins): void {
  if (foreignOrigin(headers, origins) === undefined) refuseCrossSiteBrowser(headers, origins.publicOrigin);
}

/** The origin of the calling page, when it is listed and shares the session cookie. */
function sharingOrigin({ origin }: IncomingHttpHeaders, origins: Origins): string | undefined {
  return origin !== undefined && origins.sharesCookies(origin) && origins.isListed(origin) ? origin : undefined;
}

/** The same as `foreignOrigin`, except those that share the session cookie, which may set and use cookies. */
export function cookielessOrigin(headers: IncomingHttpHeaders, origins: Origins): string | undefined {
  return sharingOrigin(headers, origins) === undefined ? foreignOrigin(headers, origins) : undefined;
}

/**
 * Rejects a write with our cookie from a page that is neither ours nor of a listed origin that shares the cookie. Browsers
 * send `Origin` with every write, and call a subdomain `same-site` where both schemes are https.
 */
export function refuseForeignCookieWrite(headers: IncomingHttpHeaders, origins: Origins): void {
  const site = headers['sec-fetch-site'];
  const isSameSite = site === undefined || site === 'same-site';
  if (!(isSameSite && sharingOrigin(headers, origins) !== undefined)) refuseCrossSite(headers, origins.publicOrigin);
}

const vary: Headers = { vary: 'Origin' };

function credentialsHeader(headers: IncomingHttpHeaders, origins: Origins): Headers {
  return sharingOrigin(headers, origins) === undefined ? {} : { 'access-control-allow-credentials': 'true' };
}

/** On each response of the API to a request with `Origin`. */
export function corsHeaders(headers: IncomingHttpHeaders, origins: Origins): Headers {
  const origin = foreignOrigin(headers, origins);
  if (origin === undefined) return vary;
  return {
    ...vary,
    ...credentialsHeader(headers, origins),
    'access-control-allow-origin': origin,
    'access-control-expose-headers': exposedHeaders,
  };
}

/** On the response to OPTIONS at a path of the API. */
export function preflightHeaders(
  headers: IncomingHttpHeaders,
  methods: ReadonlySet<string>,
  origins: Origins,
): Headers {
  const origin = foreignOrigin(headers, origins);
  if (origin === undefined || headers['access-control-request-method'] === undefined) return vary;
  return {
    ...vary,
    ...credentialsHeader(headers, origins),
    'access-control-allow-origin': origin,
    'access-control-allow-methods': [...methods].filter((method) => method !== 'OPTIONS').join(', '),
    'access-control-allow-headers': allowedHeaders,
    'access-control-max-age': preflightSeconds,
  };
}

/** Throws when a response that sets a session cookie would go to a page of another origin, listed or not. */
export function refuseForeignCookies(origin: string | undefined): void {
  if (origin !== undefined) throw new Problem('cross_site_request', { log: 'a listed origin requests cookies' });
}

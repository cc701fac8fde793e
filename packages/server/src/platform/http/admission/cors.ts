/**
 * Cross-origin access of scripts (WHATWG Fetch, CORS protocol).
 * An origin is allowed when a client lists it, compared exactly; `null`, the origin of any sandboxed frame, is never
 * listed. Pages of listed origins use tokens: no response allows credentials, so cookies stay with our own pages.
 * Documents that are open to all origins declare it themselves.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from '#kernel/problem.ts';
import type { Headers } from '../engine/headers.ts';
import { refuseCrossSiteBrowser } from './cross-site.ts';

/** Response headers that a script of a listed origin may read. */
const exposedHeaders = 'RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id';

/** Request headers that it may send. Tracing libraries add the last three (W3C Trace Context, W3C Baggage). */
const allowedHeaders = 'Authorization, Content-Type, X-Request-Id, traceparent, tracestate, baggage';

/** Chromium caches a preflight response for two hours at most. */
const preflightSeconds = '7200';

/** Our own origin and the test of the listed ones. */
export interface Origins {
  readonly publicOrigin: string;
  readonly isListed: (origin: string) => boolean;
}

/** The origin of the calling page, when it is a listed one. */
export function foreignOrigin(headers: IncomingHttpHeaders, origins: Origins): string | undefined {
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

const vary: Headers = { vary: 'Origin' };

/** On each response of the API to a request with `Origin`. */
export function corsHeaders(headers: IncomingHttpHeaders, origins: Origins): Headers {
  const origin = foreignOrigin(headers, origins);
  if (origin === undefined) return vary;
  return { ...vary, 'access-control-allow-origin': origin, 'access-control-expose-headers': exposedHeaders };
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

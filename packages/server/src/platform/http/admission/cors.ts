/**
 * What scripts of other origins may do (WHATWG Fetch, CORS protocol).
 * An origin is listed with the client or it is not; it is compared to the letter, and `null`, which any sandboxed frame
 * can be, is never listed. Listed pages work with tokens: nothing here ever allows credentials, so that cookies stay
 * with our own pages. Documents that are open to all say so themselves, without any of this.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from '#kernel/problem.ts';
import type { HeaderList } from '../engine/headers.ts';
import { refuseCrossSite } from './admission.ts';

/** What a listed page's script may read beside the body. */
const exposed = 'RateLimit, RateLimit-Policy, Retry-After, X-Request-Id';

const askedHeaders = 'Authorization, Content-Type, X-Request-Id';

/** Chromium keeps a preflight's answer for two hours at most. */
const preflightSeconds = '7200';

/** Which origins are allowed, beside our own. */
export interface Origins {
  readonly publicOrigin: string;
  readonly isListed: (origin: string) => boolean;
}

/** The origin of the page that asks, when it is a listed one. */
export function foreignOrigin(headers: IncomingHttpHeaders, origins: Origins): string | undefined {
  const { origin } = headers;
  if (origin === undefined || origin === origins.publicOrigin || !origins.isListed(origin)) return undefined;
  return origin;
}

/**
 * Refuses a write that needs no session (a login, a registration) from a page that is neither ours nor listed: it would
 * log a visitor in as somebody else, or guess and mail from a visitor's address.
 * A client that is no browser sends neither header, and passes.
 */
export function refuseForeignWrite(headers: IncomingHttpHeaders, origins: Origins): void {
  if (headers['sec-fetch-site'] === undefined && headers.origin === undefined) return;
  if (foreignOrigin(headers, origins) !== undefined) return;
  refuseCrossSite(headers, origins.publicOrigin);
}

const vary: HeaderList = ['vary', 'Origin'];

/** On each answer of the API to a request that names an origin. */
export function corsHeaders(headers: IncomingHttpHeaders, origins: Origins): HeaderList {
  const origin = foreignOrigin(headers, origins);
  if (origin === undefined) return vary;
  return [...vary, 'access-control-allow-origin', origin, 'access-control-expose-headers', exposed];
}

/** On the answer to OPTIONS at a path of the API. */
export function preflightHeaders(
  headers: IncomingHttpHeaders,
  methods: ReadonlySet<string>,
  origins: Origins,
): HeaderList {
  const origin = foreignOrigin(headers, origins);
  if (origin === undefined || headers['access-control-request-method'] === undefined) return vary;
  return [
    ...vary,
    'access-control-allow-origin',
    origin,
    'access-control-allow-methods',
    [...methods].filter((method) => method !== 'OPTIONS').join(', '),
    'access-control-allow-headers',
    askedHeaders,
    'access-control-max-age',
    preflightSeconds,
  ];
}

/** Refuses to set a session's cookies for a page of another origin, also of a listed one. */
export function refuseForeignCookies(origin: string | undefined): void {
  if (origin !== undefined) throw new Problem('cross_site_request', { log: 'a listed origin asks for cookies' });
}

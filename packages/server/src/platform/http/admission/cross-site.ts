/** Protection against cross-site request forgery by the headers that browsers add and pages cannot set. */
import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from '#kernel/problem.ts';

/**
 * Rejects a request that a browser sends from another origin.
 * `Sec-Fetch-Site` decides where the browser sends it; otherwise `Origin` must be ours. SameSite=Lax alone would let
 * sibling subdomains through.
 */
export function refuseCrossSite(headers: IncomingHttpHeaders, publicOrigin: string): void {
  const site = headers['sec-fetch-site'];
  const accepted = site === undefined ? headers.origin === publicOrigin : site === 'same-origin';
  if (!accepted)
    throw new Problem('cross_site_request', { log: 'not our origin; "latchkey client origins" lists others' });
}

/** The same for requests without a session: a client that sends neither header is no browser, and passes. */
export function refuseCrossSiteBrowser(headers: IncomingHttpHeaders, publicOrigin: string): void {
  if (headers['sec-fetch-site'] === undefined && headers.origin === undefined) return;
  refuseCrossSite(headers, publicOrigin);
}

/** Who asks, and whether a browser was tricked into asking. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { BlockList } from 'node:net';
import { Problem } from '#kernel/problem.ts';
import type { IncomingRequest } from '../engine/exchange.ts';

/** What a request presents to prove who it is; one of the two. */
export interface Presented {
  readonly bearer?: string;
  readonly sessionCookie?: string;
}

// RFC 6750 §2.1. The scheme is case-insensitive (RFC 9110 §11.1).
// Whether the rest is a `b64token` is left to whoever verifies it: that walk over 600 characters is 2 % of a warm check.
const bearerScheme = /^Bearer /i;
const bearerSchemeLength = 'Bearer '.length;
const bearerLimit = 8192;

/**
 * The credentials of a request, or undefined.
 * An `Authorization` header decides alone: with one, the cookie is not looked at, so that an application's explicit
 * token is never replaced by what the browser happens to hold, and a scheme that we do not speak is not a session.
 */
export function readPresented(
  authorization: string | undefined,
  sessionCookie: string | undefined,
): Presented | undefined {
  if (authorization !== undefined) {
    if (authorization.length > bearerLimit || !bearerScheme.test(authorization)) return undefined;
    return { bearer: authorization.slice(bearerSchemeLength) };
  }
  return sessionCookie === undefined || sessionCookie === '' ? undefined : { sessionCookie };
}

/**
 * Refuses a write that a browser sends with our cookie from somewhere else (ARCHITECTURE.md).
 * `Sec-Fetch-Site` decides where the browser sends it, since a page cannot set it; otherwise `Origin` must be ours.
 * SameSite=Lax alone would let sibling subdomains through.
 */
export function refuseCrossSite(headers: IncomingHttpHeaders, publicOrigin: string): void {
  const site = headers['sec-fetch-site'];
  const accepted = site === undefined ? headers.origin === publicOrigin : site === 'same-origin';
  if (!accepted) throw new Problem('cross_site_request');
}

/** The same for forms of pages without a session: refused only when the browser says that it comes from elsewhere. */
export function refuseForeignForm(headers: IncomingHttpHeaders, publicOrigin: string): void {
  if (headers['sec-fetch-site'] === undefined && headers.origin === undefined) return;
  refuseCrossSite(headers, publicOrigin);
}

const singleNames = new Map(
  ['host', 'authorization', 'content-type', 'content-encoding', 'origin', 'sec-fetch-site'].map((name, index) => [
    name,
    1 << index,
  ]),
);
const singleLengths = new Set([...singleNames.keys()].map((name) => name.length));

/**
 * Whether a header that decides something stands there twice.
 * Node keeps the first and drops the others in silence, a proxy may keep the last: each would see another request.
 */
export function repeatsHeader(rawHeaders: readonly string[]): boolean {
  let seen = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (!singleLengths.has(name.length)) continue;
    const bit = singleNames.get(name.toLowerCase()) ?? 0;
    if ((seen & bit) !== 0) return true;
    seen |= bit;
  }
  return false;
}

/** Whether a body follows the head. One that is not read leaves the connection unusable. */
export function announcesBody(request: IncomingRequest): boolean {
  const { headers } = request.raw;
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

const loopbackName = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * Whether a request comes from this machine and was not passed on by something on it: a tunnel to a development server
 * connects from here too, and says so. A page on a name that was pointed at this machine (DNS rebinding) runs in a
 * browser here; its name gives it away.
 */
export function isFromHere({ socket, headers }: IncomingMessage): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false;
  if (!loopbackName.test(headers.host ?? '')) return false;
  const address = socket.remoteAddress ?? '';
  return loopback.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}

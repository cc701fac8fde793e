/** Checks of a request's head that hold for every route. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { Problem } from '#kernel/problem.ts';

/** The problem of a head that no endpoint accepts. */
export function headProblem({ raw }: FastifyRequest, limits: { readonly targetLength: number }): Problem | undefined {
  if ((raw.url ?? '').length > limits.targetLength) return new Problem('uri_too_long');
  if (raw.httpVersionMajor !== 1) return new Problem('malformed_request', { log: 'not HTTP/1' });
  // RFC 9112 §3.2: a request of HTTP/1.1 has exactly one Host.
  if (raw.headers.host === undefined && raw.httpVersionMinor === 1) {
    return new Problem('malformed_request', { log: 'no Host' });
  }
  if (repeatsHeader(raw.rawHeaders)) return new Problem('malformed_request', { log: 'a header is repeated' });
  if ((raw.method === 'GET' || raw.method === 'HEAD') && announcesBody(raw.headers)) {
    return new Problem('malformed_request', { log: 'GET with a body' });
  }
  return undefined;
}

const singleNames = new Map(
  ['host', 'authorization', 'content-type', 'content-encoding', 'origin', 'sec-fetch-site'].map((name, index) => [
    name,
    1 << index,
  ]),
);
const singleLengths = new Set([...singleNames.keys()].map((name) => name.length));

/**
 * Whether a header that decides something is repeated.
 * Node silently keeps the first one and a proxy may keep the last: the two would act on different requests.
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

/** Whether a body follows the head. */
export function announcesBody(headers: IncomingHttpHeaders): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

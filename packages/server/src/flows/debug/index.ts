/**
 * Profiles of the process for its operator. Owns `/debug/profile` and `/debug/heap` on the operator's listener; no tables.
 *
 * Invariants:
 * - The routes respond only to loopback clients: a profile costs CPU, and the listener requires no credentials.
 * - A profile contains no value of the memory (invariant 16).
 * - One profile is recorded at a time.
 */
import { Problem } from '#kernel/problem.ts';
import { documentEndpoint, type Endpoint } from '#platform/http/index.ts';
import { type ProfileKind, Profiles } from '#platform/telemetry/index.ts';

const defaultSeconds = 10;
/** Shorter than the time that a stop waits for open requests. */
const secondsAtMost = 20;

export function debugEndpoints(): readonly Endpoint[] {
  const profiles = new Profiles();
  return [
    profileEndpoint(profiles, 'cpu', '/debug/profile', 'CPU profile of the next `?seconds=`, for Chrome’s DevTools'),
    profileEndpoint(profiles, 'heap', '/debug/heap', 'Allocations of the next `?seconds=` by function, for DevTools'),
  ];
}

function profileEndpoint(profiles: Profiles, kind: ProfileKind, path: `/${string}`, summary: string): Endpoint {
  return documentEndpoint({
    id: `profiles.${kind}`,
    method: 'GET',
    path,
    summary,
    rateLimit: 'none',
    loopbackOnly: true,
    problems: ['malformed_request', 'busy'],
    contentType: 'application/json; charset=utf-8',
    openToCors: false,
    cacheSeconds: 0,
    handler: async (query) => {
      const body = await profiles.record(kind, readSeconds(query.seconds));
      if (body === undefined)
        throw new Problem('busy', { retryAfterSeconds: secondsAtMost, log: 'another profile is recorded' });
      return { status: 200, body };
    },
  });
}

function readSeconds(text: string | undefined): number {
  const seconds = Number(text ?? defaultSeconds);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= secondsAtMost) return seconds;
  throw new Problem('malformed_request', { log: 'seconds is not a whole number from 1 to 20' });
}

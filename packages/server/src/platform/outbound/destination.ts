/** The destination of a request, as the injected rules allow it, and its resolved addresses. */
import { isIP } from 'node:net';
import type { NoResponse } from './result.ts';

export interface OutboundPolicy {
  /**
   * Allows private addresses, all ports and, outside production, http to loopback. Only for URLs from the operator's
   * settings, never for a URL that came from a user.
   */
  readonly allowPrivate: boolean;
}

/** An allowed URL, whose addresses must still be checked with `isAllowedAddress`. */
export interface Destination {
  readonly kind: 'destination';
  readonly url: URL;
  /** A host name, or an address without brackets. */
  readonly host: string;
  readonly isAllowedAddress: (address: string) => boolean;
}

/** Parses a URL and checks everything but resolved addresses. */
export type ReadDestination = (text: string, policy: OutboundPolicy) => Destination | NoResponse;

/** Returns all addresses of a name; rejects when there are none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Resolves the addresses to connect to. All of them must be allowed: a mix of public and private ones is suspect. */
export async function findAddresses(
  { host, isAllowedAddress }: Destination,
  resolve: Resolve,
): Promise<{ readonly kind: 'addresses'; readonly addresses: readonly string[] } | NoResponse> {
  const addresses = isIP(host) === 0 ? await resolve(host).catch(() => []) : [host];
  if (addresses.length === 0) return { kind: 'failed', reason: 'unresolved' };
  const isAllowed = (address: string) => isIP(address) !== 0 && isAllowedAddress(address);
  return addresses.every(isAllowed)
    ? { kind: 'addresses', addresses }
    : { kind: 'refused', reason: 'address_not_allowed' };
}

/** Decides whether a URL and its resolved addresses may be connected to. */
import { isIP } from 'node:net';
import type { NoResponse } from './result.ts';

export interface OutboundPolicy {
  /**
   * Allows private addresses, all ports and, outside production, http to loopback. Only for URLs from the operator's
   * settings, never for a URL that came from a user.
   */
  readonly allowPrivate: boolean;
}

export interface DestinationContext {
  readonly production: boolean;
  readonly isGlobal: (address: string) => boolean;
  readonly isLoopback: (address: string) => boolean;
  /** Returns all addresses of a name; rejects when there are none. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
}

/** An allowed URL, whose addresses must still be checked with `isAllowedAddress`. */
export interface Destination {
  readonly kind: 'destination';
  readonly url: URL;
  /** A host name, or an address without brackets. */
  readonly host: string;
  readonly isAllowedAddress: (address: string) => boolean;
}

const maxUrlCharacters = 2048;

// The URL parser drops or replaces these characters, so the text would look like another URL.
const misleadingCharacter = /[\s\\\p{Cc}\p{Cf}]/u;

/**
 * Parses a URL and checks everything but resolved addresses. The URL parser converts `https://2130706433/` and
 * `https://0x7f.1` to 127.0.0.1 (WHATWG URL §3.5), so the address check covers these forms too.
 */
export function readDestination(
  text: string,
  policy: OutboundPolicy,
  context: DestinationContext,
): Destination | NoResponse {
  const url = parseUrl(text);
  if (url === undefined) return refused('malformed_url');
  const isAllowedAddress = addressRule(url.protocol, policy, context);
  if (isAllowedAddress === undefined) return refused('scheme_not_allowed');
  if (url.username !== '' || url.password !== '') return refused('credentials_in_url');
  if (!policy.allowPrivate && !isAllowedPort(url)) return refused('port_not_allowed');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isAllowedAddress(host)) return refused('address_not_allowed');
  return { kind: 'destination', url, host, isAllowedAddress };
}

function parseUrl(text: string): URL | undefined {
  if (text.length > maxUrlCharacters || misleadingCharacter.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  // A trailing dot would make the name another key for certificates (RFC 6066 §3) and for circuit breakers.
  return url.hostname.endsWith('.') ? undefined : url;
}

/** The default port, or an unprivileged one: other ports below 1024 belong to services that do not use HTTPS. */
function isAllowedPort({ port }: URL): boolean {
  return port === '' || Number(port) >= 1024;
}

/** Returns the check of addresses for a scheme; undefined when the scheme is not allowed. */
function addressRule(protocol: string, { allowPrivate }: OutboundPolicy, context: DestinationContext) {
  if (protocol === 'https:') return allowPrivate ? () => true : context.isGlobal;
  return protocol === 'http:' && allowPrivate && !context.production ? context.isLoopback : undefined;
}

/** Resolves the addresses to connect to. All of them must be allowed: a mix of public and private ones is suspect. */
export async function findAddresses(
  { host, isAllowedAddress }: Destination,
  context: DestinationContext,
): Promise<{ readonly kind: 'addresses'; readonly addresses: readonly string[] } | NoResponse> {
  const addresses = isIP(host) === 0 ? await context.resolve(host).catch(() => []) : [host];
  if (addresses.length === 0) return { kind: 'failed', reason: 'unresolved' };
  const isAllowed = (address: string) => isIP(address) !== 0 && isAllowedAddress(address);
  return addresses.every(isAllowed) ? { kind: 'addresses', addresses } : refused('address_not_allowed');
}

function refused(reason: Extract<NoResponse, { kind: 'refused' }>['reason']): NoResponse {
  return { kind: 'refused', reason };
}

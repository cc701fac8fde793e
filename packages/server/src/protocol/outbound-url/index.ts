/**
 * URLs of other services: which of them the outbound client may connect to, before and after the name is resolved
 * (invariant 10). The check of the settings and the client use the same function.
 */
import { isGlobal, isLoopback, parseAddress } from '#protocol/network-address/index.ts';

export interface DestinationRules {
  /** Allows private addresses, all ports and, outside production, http to loopback. */
  readonly allowPrivate: boolean;
  readonly production: boolean;
}

/** Tests replace them to reach their own servers. */
export interface AddressRules {
  readonly isGlobal: (address: string) => boolean;
  readonly isLoopback: (address: string) => boolean;
}

export type DestinationRefusal =
  | 'malformed_url'
  | 'scheme_not_allowed'
  | 'credentials_in_url'
  | 'port_not_allowed'
  | 'address_not_allowed';

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
  rules: DestinationRules,
  addresses: AddressRules = { isGlobal, isLoopback },
): Destination | { readonly kind: 'refused'; readonly reason: DestinationRefusal } {
  const url = parseUrl(text);
  if (url === undefined) return refused('malformed_url');
  const isAllowedAddress = addressRule(url.protocol, rules, addresses);
  if (isAllowedAddress === undefined) return refused('scheme_not_allowed');
  if (url.username !== '' || url.password !== '') return refused('credentials_in_url');
  if (!rules.allowPrivate && !isAllowedPort(url)) return refused('port_not_allowed');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (parseAddress(host) !== null && !isAllowedAddress(host)) return refused('address_not_allowed');
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
function addressRule(protocol: string, { allowPrivate, production }: DestinationRules, addresses: AddressRules) {
  if (protocol === 'https:') return allowPrivate ? () => true : addresses.isGlobal;
  return protocol === 'http:' && allowPrivate && !production ? addresses.isLoopback : undefined;
}

function refused(reason: DestinationRefusal) {
  return { kind: 'refused', reason } as const;
}

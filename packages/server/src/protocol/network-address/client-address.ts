import { formatAddress, type IpAddress, parseAddress } from './address.ts';
import { type Cidr, cidrContains } from './cidr.ts';

/** Some proxies write `192.0.2.1:4711`, `[2001:db8::1]` or `[2001:db8::1]:4711` instead of the bare address. */
const withPort = /^(?:([0-9.]{7,15}):[0-9]{1,5}|\[([0-9A-Fa-f:.]{2,45})\](?::[0-9]{1,5})?)$/;

/**
 * The client's address: the rightmost hop that is not a trusted proxy (invariant 7).
 * Only the entry that a trusted proxy appended is believed. The walk goes from right to left and stops at the first
 * untrusted address, so entries that the client itself wrote are never read. If all hops are trusted, the leftmost one is
 * the client. A malformed entry (`unknown` of RFC 7239 §6.2, or garbage) stops the walk at the hop that appended it.
 * Example: socket 10.0.0.1, trusted 10.0.0.0/8, header `192.0.2.66, 198.51.100.1, 10.0.0.2` → 198.51.100.1.
 *
 * @param input `socketAddress` from Node, `forwardedFor` the lines of `X-Forwarded-For` in order, `trusted` the configured
 *   proxies. With no trusted proxy the header is ignored.
 * @returns the canonical form, or `socketAddress` unchanged when it is not an IP address.
 */
export function clientAddress(input: {
  readonly socketAddress: string;
  readonly forwardedFor: readonly string[];
  readonly trusted: readonly Cidr[];
}): string {
  const { socketAddress, forwardedFor, trusted } = input;
  let current = parseAddress(withoutZone(socketAddress));
  if (current === null) return socketAddress;
  if (!isTrusted(current, trusted)) return formatAddress(current);
  // Several lines of a field are one list (RFC 9110 §5.3).
  for (const entry of forwardedFor.join(',').split(',').reverse()) {
    const next = parseEntry(entry);
    if (next === null) break;
    current = next;
    if (!isTrusted(current, trusted)) break;
  }
  return formatAddress(current);
}

/** Whether the peer of a connection is a trusted proxy. */
export function isTrustedPeer(socketAddress: string, trusted: readonly Cidr[]): boolean {
  const address = trusted.length === 0 ? null : parseAddress(withoutZone(socketAddress));
  return address !== null && isTrusted(address, trusted);
}

function isTrusted(address: IpAddress, trusted: readonly Cidr[]): boolean {
  return trusted.some((network) => cidrContains(network, address));
}

/** Removes the zone id (RFC 4007 §11) that Node appends to a link-local address: it names our own interface. */
function withoutZone(text: string): string {
  const zone = text.indexOf('%');
  return zone === -1 ? text : text.slice(0, zone);
}

function parseEntry(entry: string): IpAddress | null {
  const text = entry.trim();
  const match = withPort.exec(text);
  return parseAddress(match?.[1] ?? match?.[2] ?? text);
}

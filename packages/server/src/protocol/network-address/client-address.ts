import { formatAddress, type IpAddress, parseAddress } from './address.ts';
import { type Cidr, cidrContains } from './cidr.ts';

/** `192.0.2.1:4711`, `[2001:db8::1]` and `[2001:db8::1]:4711`, which some proxies write instead of the bare address. */
const withPort = /^(?:([0-9.]{7,15}):[0-9]{1,5}|\[([0-9A-Fa-f:.]{2,45})\](?::[0-9]{1,5})?)$/;

/**
 * The client's address: the right-most hop that is not a trusted proxy.
 * Each trusted hop vouches for the entry that it appended, and for nothing to the left of it; what a client wrote into
 * the header itself therefore stands behind an untrusted hop and is never read. When every hop is trusted it is the
 * left-most one, and a malformed entry (`unknown`, RFC 7239 §6.2, or garbage) ends the walk at the hop that wrote it.
 *
 * @param input `socketAddress` as Node gives it, `forwardedFor` the header's lines in order, `trusted` the configured
 *   proxies; with none the header is not looked at.
 * @returns the canonical form, or the socket's text as it is when it is no Internet address.
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
  // Lines of one field are one list (RFC 9110 §5.3).
  for (const entry of forwardedFor.join(',').split(',').reverse()) {
    const next = parseEntry(entry);
    if (next === null) break;
    current = next;
    if (!isTrusted(current, trusted)) break;
  }
  return formatAddress(current);
}

function isTrusted(address: IpAddress, trusted: readonly Cidr[]): boolean {
  return trusted.some((network) => cidrContains(network, address));
}

/** A link-local peer's address may carry its interface (RFC 4007 §11), which is not part of who it is. */
function withoutZone(text: string): string {
  const zone = text.indexOf('%');
  return zone === -1 ? text : text.slice(0, zone);
}

function parseEntry(entry: string): IpAddress | null {
  const text = entry.trim();
  const match = withPort.exec(text);
  return parseAddress(match?.[1] ?? match?.[2] ?? text);
}

import { type IpAddress, parseAddress } from './address.ts';

/** A network: an address whose bits beyond the prefix are zero. */
export type Cidr = { readonly network: IpAddress; readonly prefixBits: number };

/** No leading zeros and no sign: `/08` may mean eight or a mistake. */
const prefixForm = /^(?:0|[1-9][0-9]{0,2})$/;

/**
 * Reads a network in CIDR notation (RFC 4632 §3.1), or a single address.
 * Null for bits set beyond the prefix: whoever writes `10.0.0.1/8` meant either the one address or the network, and a
 * list of trusted proxies is no place to guess. A prefix within `::ffff:0:0/96` becomes the IPv4 network it maps.
 */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf('/');
  const network = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (network === null) return null;
  const addressBits = network.bytes.length * 8;
  if (slash === -1) return { network, prefixBits: addressBits };
  const prefix = text.slice(slash + 1);
  if (!prefixForm.test(prefix)) return null;
  const isMapped = network.family === 4 && text.includes(':');
  const prefixBits = Number(prefix) - (isMapped ? 96 : 0);
  if (prefixBits < 0 || prefixBits > addressBits) return null;
  return hasBitsBeyond(network.bytes, prefixBits) ? null : { network, prefixBits };
}

/** Whether an address lies in a network; never across families, since mapped addresses are IPv4 already. */
export function cidrContains({ network, prefixBits }: Cidr, address: IpAddress): boolean {
  if (network.family !== address.family) return false;
  const wholeBytes = prefixBits >> 3;
  for (let index = 0; index < wholeBytes; index += 1) {
    if (network.bytes[index] !== address.bytes[index]) return false;
  }
  const mask = maskOf(prefixBits & 7);
  return ((network.bytes[wholeBytes] ?? 0) & mask) === ((address.bytes[wholeBytes] ?? 0) & mask);
}

function hasBitsBeyond(bytes: Uint8Array, prefixBits: number): boolean {
  const wholeBytes = prefixBits >> 3;
  const mask = maskOf(prefixBits & 7);
  return bytes.some((byte, index) => index >= wholeBytes && (index > wholeBytes ? byte : byte & ~mask) !== 0);
}

/** A byte whose first `bits` bits are set. */
function maskOf(bits: number): number {
  return (0xff00 >> bits) & 0xff;
}

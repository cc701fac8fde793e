import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { formatAddress, type IpAddress, parseAddress } from './address.ts';

/** A network: an address whose bits beyond the prefix are zero. */
export type Cidr = { readonly network: IpAddress; readonly prefixBits: number };

/** No leading zero and no sign, because `/08` is likely a typing error. */
const prefixForm = /^(?:0|[1-9][0-9]{0,2})$/;

/**
 * Parses a network in CIDR notation (RFC 4632 §3.1), or a single address.
 * Returns null for bits set beyond the prefix: `10.0.0.1/8` is ambiguous, and a wrong guess in a list of trusted proxies
 * would be a vulnerability. A prefix within `::ffff:0:0/96` becomes the IPv4 network that it maps.
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

/**
 * Parses an address or network of proxies whose forwarding headers are trusted. `/0` is rejected, because every client
 * could then forge its own address.
 */
export function parseProxyRange(text: string): Parsed<Cidr> {
  const cidr = parseCidr(text);
  if (cidr === null) return unparsable(explainNetwork(text));
  return cidr.prefixBits === 0 ? unparsable(`${text} is everyone`) : parsed(cidr);
}

function explainNetwork(text: string): string {
  const [written = '', prefix = ''] = text.split('/');
  const address = parseAddress(written);
  const bits = prefixForm.test(prefix) ? Number(prefix) : 0;
  const isPrefix = address !== null && bits > 0 && bits <= address.bytes.length * 8;
  if (!isPrefix || text !== `${written}/${prefix}`) return `"${text}" is neither`;
  const network = { network: masked(address, bits), prefixBits: bits };
  return `${text} has bits after its prefix; write ${formatCidr(network)} for the network or ${written} for the address`;
}

function masked({ family, bytes }: IpAddress, prefixBits: number): IpAddress {
  const maskAt = (index: number) => maskOf(Math.min(8, Math.max(0, prefixBits - 8 * index)));
  return { family, bytes: bytes.map((byte, index) => byte & maskAt(index)) };
}

/** An address alone when the network has no other. */
export function formatCidr({ network, prefixBits }: Cidr): string {
  const address = formatAddress(network);
  return prefixBits === network.bytes.length * 8 ? address : `${address}/${prefixBits}`;
}

/** Whether a network contains an address of its own family; `parseAddress` has already made mapped addresses IPv4. */
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

/** A byte with its `bits` most significant bits set. */
function maskOf(bits: number): number {
  return (0xff00 >> bits) & 0xff;
}

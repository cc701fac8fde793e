import { type IpAddress, parseAddress } from './address.ts';
import { type Cidr, cidrContains, parseCidr } from './cidr.ts';

/**
 * IPv4 blocks that IANA's special-purpose registry (RFC 6890, as updated) does not list as globally reachable, plus
 * multicast and the reserved class E.
 * The reachable anycast addresses within 192.0.0.0/24 are rejected with their block, because no HTTP service uses them.
 */
const ipv4NotGlobal = networks([
  '0.0.0.0/8', // RFC 791 §3.2, "this network"
  '10.0.0.0/8', // RFC 1918
  '100.64.0.0/10', // RFC 6598, carrier-grade NAT
  '127.0.0.0/8', // RFC 1122 §3.2.1.3
  '169.254.0.0/16', // RFC 3927, includes cloud metadata services
  '172.16.0.0/12', // RFC 1918
  '192.0.0.0/24', // RFC 6890 §2.1
  '192.0.2.0/24', // RFC 5737
  '192.88.99.0/24', // RFC 7526, 6to4 relays, deprecated
  '192.168.0.0/16', // RFC 1918
  '198.18.0.0/15', // RFC 2544
  '198.51.100.0/24', // RFC 5737
  '203.0.113.0/24', // RFC 5737
  '224.0.0.0/4', // RFC 5771, multicast
  '240.0.0.0/4', // RFC 1112 §4, includes the broadcast address
]);

/**
 * The only IPv6 block from which IANA assigns global unicast addresses (RFC 4291 §2.4).
 * Rejecting the rest also rejects the forms that embed an IPv4 address: 64:ff9b::/96 (RFC 6052), 64:ff9b:1::/48 (RFC 8215)
 * and `::a.b.c.d` (RFC 4291 §2.5.5.1).
 */
const ipv6Global = networks(['2000::/3']);

/** Blocks within 2000::/3 that are not globally reachable, or that embed an IPv4 address, which would be unchecked. */
const ipv6NotGlobal = networks([
  '2001::/23', // RFC 2928: Teredo, benchmarking, ORCHID
  '2001:db8::/32', // RFC 3849
  '2002::/16', // RFC 3056, 6to4
  '3fff::/20', // RFC 9637
]);

const loopback = networks(['127.0.0.0/8', '::1']);

/** Whether `text` is a loopback address (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3); false for text that is not an address. */
export function isLoopback(text: string): boolean {
  const address = parseAddress(text);
  return address !== null && isWithin(loopback, address);
}

/**
 * Whether an address is on the public Internet, so that a connection to it cannot reach the operator's network.
 * Fails closed: false for text that is not an address and for every block that is not known to be global.
 */
export function isGlobal(text: string): boolean {
  const address = parseAddress(text);
  if (address === null) return false;
  if (address.family === 4) return !isWithin(ipv4NotGlobal, address);
  return isWithin(ipv6Global, address) && !isWithin(ipv6NotGlobal, address);
}

function isWithin(blocks: readonly Cidr[], address: IpAddress): boolean {
  return blocks.some((block) => cidrContains(block, address));
}

function networks(texts: readonly string[]): readonly Cidr[] {
  return texts.map((text) => {
    const network = parseCidr(text);
    if (network === null) throw new TypeError(`not a network: ${text}`);
    return network;
  });
}

import { type IpAddress, parseAddress } from './address.ts';
import { type Cidr, cidrContains, parseCidr } from './cidr.ts';

/**
 * IPv4 blocks that the IANA special-purpose registry (RFC 6890, as updated) does not call globally reachable, and
 * multicast and the reserved class E beside them.
 * The few anycast addresses within 192.0.0.0/24 that are reachable are refused with their block: nobody's service.
 */
const ipv4NotGlobal = networks([
  '0.0.0.0/8', // RFC 791 §3.2, this network
  '10.0.0.0/8', // RFC 1918
  '100.64.0.0/10', // RFC 6598, behind a carrier's translation
  '127.0.0.0/8', // RFC 1122 §3.2.1.3
  '169.254.0.0/16', // RFC 3927, and the clouds' metadata services
  '172.16.0.0/12', // RFC 1918
  '192.0.0.0/24', // RFC 6890 §2.1
  '192.0.2.0/24', // RFC 5737
  '192.88.99.0/24', // RFC 7526, 6to4 relays, deprecated
  '192.168.0.0/16', // RFC 1918
  '198.18.0.0/15', // RFC 2544
  '198.51.100.0/24', // RFC 5737
  '203.0.113.0/24', // RFC 5737
  '224.0.0.0/4', // RFC 5771, multicast
  '240.0.0.0/4', // RFC 1112 §4, and the broadcast address
]);

/**
 * The only IPv6 block from which global unicast is assigned (RFC 4291 §2.4, IANA's registry).
 * All else is refused, and with it every other way to write an IPv4 address inside one: 64:ff9b::/96 and /48 (RFC 6052,
 * RFC 8215) and `::a.b.c.d` (RFC 4291 §2.5.5.1).
 */
const ipv6Global = networks(['2000::/3']);

/** What within 2000::/3 is not globally reachable, or leads on to an IPv4 address that was not checked. */
const ipv6NotGlobal = networks([
  '2001::/23', // RFC 2928: Teredo, benchmarking, ORCHID
  '2001:db8::/32', // RFC 3849
  '2002::/16', // RFC 3056, 6to4
  '3fff::/20', // RFC 9637
]);

const loopback = networks(['127.0.0.0/8', '::1']);

/** Whether a socket's address is this machine (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3); false for what is no address. */
export function isLoopback(text: string): boolean {
  const address = parseAddress(text);
  return address !== null && isWithin(loopback, address);
}

/**
 * Whether an address belongs to the public Internet, so that connecting to it reaches nothing of ours.
 * Fails closed: false for what is no address, and for every block not known to be global.
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
    if (network === null) throw new TypeError(`no network: ${text}`);
    return network;
  });
}

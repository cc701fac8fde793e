/**
 * Internet addresses: one spelling for each, who the client behind proxies is, and what may be connected to.
 * Owns no table; limits, audit and the outbound client compare what is written here.
 * Invariants: an IPv4-mapped IPv6 address is the IPv4 address in every function; all spellings of an address have one
 * canonical form (RFC 5952); a header line can name the client only when the hop that wrote it is trusted.
 */

export { addressBucket, formatAddress, type IpAddress, parseAddress } from './address.ts';
export { type Cidr, cidrContains, parseCidr } from './cidr.ts';
export { clientAddress } from './client-address.ts';
export { isGlobal, isLoopback } from './reserved.ts';

/**
 * IP addresses: canonical form, CIDR, the client address behind proxies, and the blocks that outbound requests must avoid.
 * Rate limits, audit events and the outbound client compare the canonical form (RFC 5952).
 * Invariants: every function treats an IPv4-mapped IPv6 address as the IPv4 address; all text forms of an address have
 * the same canonical form; a header names the client only if a trusted proxy appended the entry.
 */

export { addressBucket, formatAddress, type IpAddress, parseAddress } from './address.ts';
export { type Cidr, cidrContains, formatCidr, parseCidr, parseProxyRange } from './cidr.ts';
export { clientAddress, isTrustedPeer } from './client-address.ts';
export { isGlobal, isLoopback } from './reserved.ts';

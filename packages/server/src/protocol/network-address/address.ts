import { isIPv4, isIPv6 } from 'node:net';

/** An address as its network-order bytes, 4 or 16 of them. */
export type IpAddress = { readonly family: 4 | 6; readonly bytes: Uint8Array };

/** RFC 4291 §2.5.5.2: `::ffff:0:0/96`. */
const mappedPrefix = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** The longest text form, an IPv6 address with a dotted tail. */
const maxCharacters = 45;

/**
 * Reads one address in any of its text forms (RFC 4291 §2.2; IPv4 only as four decimal numbers without leading zeros).
 * IPv4-mapped IPv6 becomes IPv4, so that a rule for one holds for the other. Null for names, ports, zones and the rest.
 */
export function parseAddress(text: string): IpAddress | null {
  if (text.length > maxCharacters) return null;
  if (isIPv4(text)) return { family: 4, bytes: ipv4Bytes(text) };
  // How a dual-stack socket names each IPv4 peer: a third of the general way's 1.5 µs.
  if (text.startsWith('::ffff:') && isIPv4(text.slice(7))) return { family: 4, bytes: ipv4Bytes(text.slice(7)) };
  // Node accepts a zone (RFC 4007 §11), which means something on one host only.
  if (!isIPv6(text) || text.includes('%')) return null;
  const bytes = ipv6Bytes(text);
  const isMapped = mappedPrefix.every((byte, index) => bytes[index] === byte);
  return isMapped ? { family: 4, bytes: bytes.subarray(12) } : { family: 6, bytes };
}

/** The canonical text form (RFC 5952 §4). */
export function formatAddress({ family, bytes }: IpAddress): string {
  return family === 4 ? bytes.join('.') : formatIpv6(groupsOf(bytes));
}

/**
 * What counts as one caller: an IPv4 address as it is, of IPv6 the /64, which is what one customer or one machine owns
 * at the least (RFC 6177, RFC 7421). All texts that are no address share one bucket, so that none escapes a limit.
 */
export function addressBucket(text: string): string {
  const address = parseAddress(text);
  if (address === null) return 'unknown';
  if (address.family === 4) return formatAddress(address);
  const network = new Uint8Array(16);
  network.set(address.bytes.subarray(0, 8));
  return `${formatAddress({ family: 6, bytes: network })}/64`;
}

function ipv4Bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split('.'), Number);
}

/** Of a text that Node has found to be IPv6. */
function ipv6Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const [head = '', tail] = text.split('::');
  const headBytes = groupBytes(head);
  bytes.set(headBytes);
  if (tail !== undefined) {
    const tailBytes = groupBytes(tail);
    bytes.set(tailBytes, 16 - tailBytes.length);
  }
  return bytes;
}

/** The bytes of groups joined by colons, the last of which may be dotted. */
function groupBytes(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return [...ipv4Bytes(group)];
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function groupsOf(bytes: Uint8Array): number[] {
  return Array.from({ length: 8 }, (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0));
}

/** RFC 5952 §4.2: the first of the longest runs of two or more zero groups becomes `::`. */
function formatIpv6(groups: readonly number[]): string {
  const run = longestZeroRun(groups);
  const write = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return write(groups);
  return `${write(groups.slice(0, run.start))}::${write(groups.slice(run.start + run.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > longest.length) longest = { start, length: index + 1 - start };
  }
  return longest;
}

/** `bytes` are in network order: 4 for IPv4, 16 for IPv6. */
export type IpAddress = { readonly family: 4 | 6; readonly bytes: Uint8Array };

/** RFC 4291 §2.5.5.2: `::ffff:0:0/96`. */
const mappedPrefix = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** Length of the longest text form, an IPv6 address that ends in dotted decimal. */
const maxCharacters = 45;

/** 0 to 255 without leading zeros, which some parsers read as octal. */
const decimalByte = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const ipv4Form = new RegExp(`^${decimalByte}(?:\\.${decimalByte}){3}$`);
const groupForm = /^[0-9A-Fa-f]{1,4}$/;

/**
 * Parses an address in any text form of RFC 4291 §2.2, or IPv4 as four decimal numbers without leading zeros.
 * IPv4-mapped IPv6 becomes IPv4, so that a rule for an IPv4 address also applies to its mapped form.
 * Returns null for other text, including host names, ports and zone ids.
 */
export function parseAddress(text: string): IpAddress | null {
  if (text.length > maxCharacters) return null;
  const ipv4 = ipv4Bytes(text);
  if (ipv4 !== null) return { family: 4, bytes: ipv4 };
  // Fast path for IPv4 peers of a dual-stack socket: half the cost of the general parser.
  const mapped = text.startsWith('::ffff:') ? ipv4Bytes(text.slice(7)) : null;
  if (mapped !== null) return { family: 4, bytes: mapped };
  const bytes = ipv6Bytes(text);
  if (bytes === null) return null;
  const isMapped = mappedPrefix.every((byte, index) => bytes[index] === byte);
  return isMapped ? { family: 4, bytes: bytes.subarray(12) } : { family: 6, bytes };
}

/** The canonical text form (RFC 5952 §4). */
export function formatAddress({ family, bytes }: IpAddress): string {
  return family === 4 ? bytes.join('.') : formatIpv6(groupsOf(bytes));
}

/**
 * The rate-limit bucket of a client address: an IPv4 address itself, or the /64 of an IPv6 address, which is the smallest
 * block that a site gets (RFC 6177, RFC 7421). Text that is not an address is in the bucket `unknown`, so it is limited
 * too.
 */
export function addressBucket(text: string): string {
  const address = parseAddress(text);
  if (address === null) return 'unknown';
  if (address.family === 4) return formatAddress(address);
  const network = new Uint8Array(16);
  network.set(address.bytes.subarray(0, 8));
  return `${formatAddress({ family: 6, bytes: network })}/64`;
}

function ipv4Bytes(text: string): Uint8Array | null {
  return ipv4Form.test(text) ? Uint8Array.from(text.split('.'), Number) : null;
}

function ipv6Bytes(text: string): Uint8Array | null {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return null;
  const headBytes = groupBytes(head, tail === undefined);
  const tailBytes = groupBytes(tail ?? '', true);
  if (headBytes === null || tailBytes === null) return null;
  const length = headBytes.length + tailBytes.length;
  // `::` replaces at least one group.
  if (tail === undefined ? length !== 16 : length > 14) return null;
  const bytes = new Uint8Array(16);
  bytes.set(headBytes);
  bytes.set(tailBytes, 16 - tailBytes.length);
  return bytes;
}

/** Parses groups joined by colons. At the end of an address the last group may be dotted decimal. */
function groupBytes(text: string, isEnd: boolean): number[] | null {
  if (text === '') return [];
  const groups = text.split(':');
  const dotted = isEnd ? ipv4Bytes(groups.at(-1) ?? '') : null;
  if (dotted !== null) groups.pop();
  if (!groups.every((group) => groupForm.test(group))) return null;
  const bytes = groups.map((group) => Number.parseInt(group, 16)).flatMap((value) => [value >> 8, value & 0xff]);
  return dotted === null ? bytes : [...bytes, ...dotted];
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

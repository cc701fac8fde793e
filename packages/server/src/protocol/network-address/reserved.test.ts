import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cidrContains, formatAddress, type IpAddress, isGlobal, parseAddress, parseCidr } from './index.ts';

/**
 * All rows of IANA's special-purpose address registries (RFC 6890, as updated by RFC 8190), and multicast and blocks that
 * older specifications reserve. `reachable` is the registry's column "Globally Reachable".
 */
const registry: readonly { readonly block: string; readonly source: string; readonly reachable?: true }[] = [
  { block: '0.0.0.0/8', source: 'RFC 791 §3.2' },
  { block: '0.0.0.0/32', source: 'RFC 1122 §3.2.1.3' },
  { block: '10.0.0.0/8', source: 'RFC 1918' },
  { block: '100.64.0.0/10', source: 'RFC 6598' },
  { block: '127.0.0.0/8', source: 'RFC 1122 §3.2.1.3' },
  { block: '169.254.0.0/16', source: 'RFC 3927' },
  { block: '172.16.0.0/12', source: 'RFC 1918' },
  { block: '192.0.0.0/24', source: 'RFC 6890 §2.1' },
  { block: '192.0.0.0/29', source: 'RFC 7335' },
  { block: '192.0.0.8/32', source: 'RFC 7600' },
  { block: '192.0.0.170/31', source: 'RFC 8880' },
  { block: '192.0.2.0/24', source: 'RFC 5737' },
  { block: '192.31.196.0/24', source: 'RFC 7535', reachable: true },
  { block: '192.52.193.0/24', source: 'RFC 7450', reachable: true },
  { block: '192.88.99.0/24', source: 'RFC 7526' },
  { block: '192.168.0.0/16', source: 'RFC 1918' },
  { block: '192.175.48.0/24', source: 'RFC 7534', reachable: true },
  { block: '198.18.0.0/15', source: 'RFC 2544' },
  { block: '198.51.100.0/24', source: 'RFC 5737' },
  { block: '203.0.113.0/24', source: 'RFC 5737' },
  { block: '224.0.0.0/4', source: 'RFC 5771' },
  { block: '240.0.0.0/4', source: 'RFC 1112 §4' },
  { block: '255.255.255.255/32', source: 'RFC 8190' },
  { block: '::1/128', source: 'RFC 4291 §2.5.3' },
  { block: '::/128', source: 'RFC 4291 §2.5.2' },
  { block: '::/96', source: 'RFC 4291 §2.5.5.1, IPv4-compatible' },
  { block: '64:ff9b:1::/48', source: 'RFC 8215' },
  { block: '100::/64', source: 'RFC 6666' },
  { block: '100:0:0:1::/64', source: 'RFC 9780' },
  { block: '2001::/23', source: 'RFC 2928' },
  { block: '2001::/32', source: 'RFC 4380, Teredo' },
  { block: '2001:2::/48', source: 'RFC 5180' },
  { block: '2001:10::/28', source: 'RFC 4843' },
  { block: '2001:db8::/32', source: 'RFC 3849' },
  { block: '2002::/16', source: 'RFC 3056, 6to4' },
  { block: '2620:4f:8000::/48', source: 'RFC 7534', reachable: true },
  { block: '3fff::/20', source: 'RFC 9637' },
  { block: '5f00::/16', source: 'RFC 9602' },
  { block: 'fc00::/7', source: 'RFC 4193' },
  { block: 'fe80::/10', source: 'RFC 4291 §2.5.6' },
  { block: 'fec0::/10', source: 'RFC 3879' },
  { block: 'ff00::/8', source: 'RFC 4291 §2.7' },
];

/** Blocks that IANA lists as globally reachable and `isGlobal` rejects: they embed unchecked addresses or host no service. */
const rejectedAlthoughReachable: readonly string[] = [
  '64:ff9b::/96', // RFC 6052: the IPv4 address inside was not checked.
  '192.0.0.9/32', // RFC 7723
  '192.0.0.10/32', // RFC 8155
  '2001:1::1/128', // RFC 7723
  '2001:1::2/128', // RFC 8155
  '2001:1::3/128', // RFC 9665
  '2001:3::/32', // RFC 7450
  '2001:4:112::/48', // RFC 7535
  '2001:20::/28', // RFC 7343
  '2001:30::/28', // RFC 9374
];

/** The first and last address of a block, and the addresses before and after it. */
function edgesOf(block: string): { readonly inside: readonly string[]; readonly outside: readonly string[] } {
  const cidr = parseCidr(block);
  if (cidr === null) throw new Error(`no network: ${block}`);
  const { network, prefixBits } = cidr;
  const bits = network.bytes.length * 8;
  const first = BigInt(`0x${Buffer.from(network.bytes).toString('hex')}`);
  const last = first + (1n << BigInt(bits - prefixBits)) - 1n;
  const write = (value: bigint) => textOf(value, network.family);
  const exists = (value: bigint) => value >= 0n && value < 1n << BigInt(bits);
  return { inside: [first, last].map(write), outside: [first - 1n, last + 1n].filter(exists).map(write) };
}

function textOf(value: bigint, family: IpAddress['family']): string {
  const hex = value.toString(16).padStart(family === 4 ? 8 : 32, '0');
  return formatAddress({ family, bytes: Uint8Array.from(Buffer.from(hex, 'hex')) });
}

function isWithin(blocks: readonly string[], text: string): boolean {
  const address = parseAddress(text);
  return blocks.some((block) => {
    const cidr = parseCidr(block);
    return cidr !== null && address !== null && cidrContains(cidr, address);
  });
}

const special = registry.filter(({ reachable }) => reachable === undefined).map(({ block }) => block);

const ipv4 = fc.integer({ min: 0, max: 0xffff_ffff }).map((value) => textOf(BigInt(value), 4));
const ipv6 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((value) => textOf(value, 6));
const globalUnicast = fc.bigInt({ min: 0n, max: (1n << 125n) - 1n }).map((value) => textOf((1n << 125n) + value, 6));

describe('isGlobal', () => {
  it.each(registry)(
    'follows $source for $block, from its first to its last address',
    ({ block, reachable = false }) => {
      for (const address of edgesOf(block).inside) expect([address, isGlobal(address)]).toEqual([address, reachable]);
    },
  );

  it.each(rejectedAlthoughReachable)('is false for %s, although IANA lists it as reachable', (block) => {
    for (const address of edgesOf(block).inside) expect([address, isGlobal(address)]).toEqual([address, false]);
  });

  it('does not include the IPv4 addresses next to a block', () => {
    for (const { block } of registry.filter((row) => row.block.includes('.'))) {
      for (const address of edgesOf(block).outside) {
        expect([address, isGlobal(address)]).toEqual([address, !isWithin(special, address)]);
      }
    }
  });

  it('is true for an IPv4 address exactly when no block of the registry contains it', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        fc.pre(!isWithin(rejectedAlthoughReachable, address));
        expect(isGlobal(address)).toBe(!isWithin(special, address));
        expect(isGlobal(`::ffff:${address}`)).toBe(isGlobal(address));
      }),
      { numRuns: 2000 },
    );
  });

  it('is true for an IPv6 address exactly when it is in 2000::/3 and no block contains it', () => {
    const blocks = [...special, ...rejectedAlthoughReachable];
    fc.assert(
      fc.property(fc.oneof(ipv6, globalUnicast), (address) => {
        expect(isGlobal(address)).toBe(isWithin(['2000::/3'], address) && !isWithin(blocks, address));
      }),
      { numRuns: 2000 },
    );
  });

  it('is false for every IPv6 address that embeds an IPv4 address', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        const hex = Buffer.from(parseAddress(address)?.bytes ?? []).toString('hex');
        const groups = `${hex.slice(0, 4)}:${hex.slice(4)}`;
        const forms = [`::${address}`, `64:ff9b::${address}`, `64:ff9b:1::${address}`, `2002:${groups}::1`];
        forms.push(`2001:0:${groups}::1`, `::ffff:0:${address}`);
        for (const form of forms) expect([form, isGlobal(form)]).toEqual([form, false]);
      }),
    );
  });

  it('is false for text that is not an address', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(parseAddress(text) === null);
        expect(isGlobal(text)).toBe(false);
      }),
    );
  });
});

import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressBucket,
  type Cidr,
  cidrContains,
  clientAddress,
  formatAddress,
  type IpAddress,
  isGlobal,
  isLoopback,
  parseAddress,
  parseCidr,
} from './index.ts';

function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`no address: ${text}`);
  return parsed;
}

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === null) throw new Error(`no network: ${text}`);
  return parsed;
}

/** Zero groups are frequent, because `::` compresses them. */
const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
const groups = fc.array(group, { minLength: 8, maxLength: 8 });

/** Text forms of RFC 4291 §2.2: leading zeros, letter case, a dotted tail, and `::` for a run of zero groups. */
const spelling = fc
  .record({
    groups,
    pad: fc.boolean(),
    upper: fc.boolean(),
    dotted: fc.boolean(),
    cut: fc.nat({ max: 7 }),
    length: fc.nat(),
  })
  .map(({ groups: values, pad, upper, dotted, cut, length }) => {
    const parts = values.map((value) => value.toString(16).padStart(pad ? 4 : 1, '0'));
    if (dotted) {
      const [high = 0, low = 0] = values.slice(6);
      parts.splice(6, 2, `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`);
    }
    let zeros = 0;
    while (cut + zeros < Math.min(parts.length, dotted ? 6 : 8) && values[cut + zeros] === 0) zeros += 1;
    const removed = zeros === 0 ? 0 : 1 + (length % zeros);
    const text =
      removed === 0 ? parts.join(':') : `${parts.slice(0, cut).join(':')}::${parts.slice(cut + removed).join(':')}`;
    return { plain: values.map((value) => value.toString(16)).join(':'), text: upper ? text.toUpperCase() : text };
  });

const ipv4 = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 }).map((bytes) => bytes.join('.'));

describe('parseAddress and formatAddress', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    // RFC 4291 §2.2.
    ['ABCD:EF01:2345:6789:ABCD:EF01:2345:6789', 'abcd:ef01:2345:6789:abcd:ef01:2345:6789'],
    ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::13.1.68.3', '::d01:4403'],
    // RFC 5952 §4.2.2 and §4.2.3.
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    // RFC 4291 §2.5.5.2, mapped IPv4, in three forms.
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:0:192.0.2.1', '::ffff:0:c000:201'],
  ])('%s is %s', (text, canonical) => {
    expect(formatAddress(address(text))).toBe(canonical);
  });

  it.each([
    '1:2:3:4::5:6:7:8',
    '1::2:3:4:5:6:7:8',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8::',
    '1.2.3.4::',
    '1:1.2.3.4::5',
    '::ffff:1.2.3.4:5',
    '',
    'localhost',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.01',
    '0xc0.0.2.1',
    '3221225985',
    '192.0.2.1:80',
    ' 192.0.2.1',
    '192.0.2.1\n',
    '[::1]',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    'fe80::1%eth0',
    '::1/128',
    '::ffff:192.0.2.256',
    '1'.repeat(1_000_000),
  ])('rejects %j', (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  it('formats all text forms of an address alike, as the URL parser does', () => {
    fc.assert(
      fc.property(spelling, ({ plain, text }) => {
        const canonical = formatAddress(address(text));
        expect(canonical).toBe(formatAddress(address(plain)));
        expect(formatAddress(address(canonical))).toBe(canonical);
        if (canonical.includes(':')) expect(`[${canonical}]`).toBe(new URL(`http://[${text}]/`).hostname);
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps an IPv4 address, and parses its mapped form to the same', () => {
    fc.assert(
      fc.property(ipv4, (text) => {
        expect(formatAddress(address(text))).toBe(text);
        expect(formatAddress(address(`::ffff:${text}`))).toBe(text);
      }),
    );
  });

  it('accepts exactly the addresses that node:net does, except zone ids', () => {
    const part = fc.constantFrom(
      ':',
      '::',
      '.',
      '0',
      '1',
      'ff',
      'FFFF',
      '12345',
      '255',
      '256',
      '01',
      '1.2.3.4',
      '%1',
      'g',
    );
    const pieces = fc.array(part, { maxLength: 17 }).map((parts) => parts.join(''));
    const joined = fc.array(part, { maxLength: 9 }).map((parts) => parts.join(':'));
    const dotted = fc.array(part, { maxLength: 5 }).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(fc.oneof(pieces, joined, dotted, fc.string(), fc.ipV6(), fc.ipV4Extended()), (text) => {
        const parsed = parseAddress(text);
        expect(parsed !== null).toBe(isIP(text) !== 0 && !text.includes('%'));
        if (parsed !== null) expect(parseAddress(formatAddress(parsed))).toEqual(parsed);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('addressBucket', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8::/64'],
    ['::1', '::/64'],
    ['nonsense', 'unknown'],
    ['', 'unknown'],
  ])('of %s is %s', (text, bucket) => {
    expect(addressBucket(text)).toBe(bucket);
  });

  it('is the same for all text forms of an address and for all addresses of a /64', () => {
    fc.assert(
      fc.property(spelling, groups, ({ plain, text }, others) => {
        expect(addressBucket(text)).toBe(addressBucket(plain));
        const neighbor = [...plain.split(':').slice(0, 4), ...others.slice(4).map((value) => value.toString(16))].join(
          ':',
        );
        fc.pre(address(plain).family === 6 && address(neighbor).family === 6);
        expect(addressBucket(neighbor)).toBe(addressBucket(plain));
      }),
    );
  });
});

describe('parseCidr and cidrContains', () => {
  it.each([
    ['10.0.0.0/8', '10.255.255.255', '11.0.0.0'],
    ['192.0.2.128/25', '192.0.2.200', '192.0.2.127'],
    ['192.0.2.1', '192.0.2.1', '192.0.2.2'],
    ['192.0.2.1/32', '::ffff:192.0.2.1', '192.0.2.0'],
    ['0.0.0.0/0', '203.0.113.9', '::1'],
    ['::ffff:10.0.0.0/104', '10.1.2.3', '11.0.0.0'],
    ['2001:db8::/33', '2001:db8:7fff::1', '2001:db8:8000::1'],
    ['::/0', '2001:db8::1', '192.0.2.1'],
    ['::1', '::1', '::2'],
  ])('%s contains %s and not %s', (network, inside, outside) => {
    expect(cidrContains(cidr(network), address(inside))).toBe(true);
    expect(cidrContains(cidr(network), address(outside))).toBe(false);
  });

  it.each([
    '10.128.0.0/8',
    '10.24.0.0/12',
    '2001:db8:c000::/33',
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/+8',
    '10.0.0.0/8/8',
    '10.0.0.0/ 8',
    '10.0.0.0/255.0.0.0',
    '10.0.0.1/8',
    '::/129',
    '2001:db8::1/32',
    '::ffff:0.0.0.0/95',
    'private',
  ])('rejects %j', (text) => {
    expect(parseCidr(text)).toBeNull();
  });

  it('contains an address exactly when the prefix bits are equal', () => {
    const bitsOf = (value: IpAddress): string =>
      [...value.bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    fc.assert(
      fc.property(ipv4, ipv4, fc.integer({ min: 0, max: 32 }), (one, other, bits) => {
        const prefix = bitsOf(address(one)).slice(0, bits);
        const bytes = Uint8Array.from({ length: 4 }, (_, index) =>
          Number.parseInt(prefix.padEnd(32, '0').slice(8 * index, 8 * index + 8), 2),
        );
        const network = cidr(`${formatAddress({ family: 4, bytes })}/${bits}`);
        expect(cidrContains(network, address(one))).toBe(true);
        expect(cidrContains(network, address(other))).toBe(bitsOf(address(other)).startsWith(prefix));
      }),
    );
  });
});

describe('clientAddress', () => {
  const trusted = [cidr('10.0.0.0/8'), cidr('2001:db8:ffff::/48')];
  it.each([
    ['the socket, without proxies', '203.0.113.9', ['198.51.100.1'], '203.0.113.9'],
    ['the socket when nothing was forwarded', '10.0.0.1', [], '10.0.0.1'],
    ['the last entry behind one proxy', '10.0.0.1', ['192.0.2.66, 198.51.100.1'], '198.51.100.1'],
    [
      'the rightmost untrusted hop behind two proxies',
      '10.0.0.1',
      ['192.0.2.66, 198.51.100.1, 10.0.0.2'],
      '198.51.100.1',
    ],
    [
      'the same for several header lines',
      '10.0.0.1',
      ['192.0.2.66', '198.51.100.1', '10.0.0.2,10.0.0.3'],
      '198.51.100.1',
    ],
    ['the leftmost hop when all are trusted', '10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
    ['the hop that appended a malformed entry', '10.0.0.1', ['192.0.2.66, unknown, 10.0.0.2'], '10.0.0.2'],
    ['the hop that appended an empty entry', '10.0.0.1', ['192.0.2.66,,10.0.0.2'], '10.0.0.2'],
    ['the socket for an empty header line', '10.0.0.1', [''], '10.0.0.1'],
    ['the socket that appended a host name', '10.0.0.1', ['198.51.100.1, proxy.example'], '10.0.0.1'],
    ['a mapped socket as IPv4', '::ffff:10.0.0.1', ['198.51.100.1'], '198.51.100.1'],
    ['a mapped entry as IPv4', '10.0.0.1', ['::ffff:198.51.100.1'], '198.51.100.1'],
    ['the canonical form', '2001:db8:ffff::1', ['2001:DB8:0:0::1'], '2001:db8::1'],
    ['an entry without its port', '10.0.0.1', ['198.51.100.1:4711'], '198.51.100.1'],
    ['an entry without its brackets', '10.0.0.1', ['[2001:db8::1]'], '2001:db8::1'],
    ['an entry without its brackets and port', '10.0.0.1', ['[2001:db8::1]:4711'], '2001:db8::1'],
    ['a socket address without its zone id', 'fe80::1%eth0', ['198.51.100.1'], 'fe80::1'],
    ['a socket text that is not an address, unchanged', '', ['198.51.100.1'], ''],
  ])('is %s', (_name, socketAddress, forwardedFor, client) => {
    expect(clientAddress({ socketAddress, forwardedFor, trusted })).toBe(client);
  });

  it('ignores the header when no proxy is configured', () => {
    expect(clientAddress({ socketAddress: '127.0.0.1', forwardedFor: ['198.51.100.1'], trusted: [] })).toBe(
      '127.0.0.1',
    );
  });

  it('does not depend on entries that the client writes', () => {
    const lines = fc.array(fc.oneof(fc.string(), ipv4, fc.constant('10.0.0.9')), { maxLength: 6 });
    fc.assert(
      fc.property(lines, (clientLines) => {
        const forwardedFor = [...clientLines, '198.51.100.1, 10.0.0.2'];
        expect(clientAddress({ socketAddress: '10.0.0.1', forwardedFor, trusted })).toBe('198.51.100.1');
        expect(clientAddress({ socketAddress: '203.0.113.9', forwardedFor: clientLines, trusted })).toBe('203.0.113.9');
      }),
    );
  });
});

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '0:0:0:0:0:0:0:1'])('is true for %s', (text) => {
    expect(isLoopback(text)).toBe(true);
  });
  it.each(['128.0.0.1', '0.0.0.0', '::', '::2', '::127.0.0.1', 'localhost', ''])('is false for %s', (text) => {
    expect(isLoopback(text)).toBe(false);
  });
});

describe('isGlobal', () => {
  it.each(['1.1.1.1', '9.255.255.255', '11.0.0.0', '172.15.0.1', '172.32.0.1', '100.128.0.1', '223.255.255.255'])(
    'is true for %s',
    (text) => {
      expect(isGlobal(text)).toBe(true);
    },
  );
  it.each(['2606:4700::1111', '2a00::1', '2001:4860:4860::8888', '::ffff:1.1.1.1'])('is true for %s', (text) => {
    expect(isGlobal(text)).toBe(true);
  });
  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.168.1.1',
    '198.19.255.255',
    '203.0.113.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:10.0.0.1',
    '::10.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:a00:1::',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    'example.com',
    '',
  ])('is false for %s', (text) => {
    expect(isGlobal(text)).toBe(false);
  });
});

import { expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { type Cidr, parseCidr } from '#protocol/network-address/index.ts';
import { ClientAddresses } from './client-addresses.ts';

const hourMs = 3600 * 1000;

function setUp(...ranges: readonly string[]) {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const clock = new FixedClock(new Date('2026-01-02T03:04:05.000Z'));
  const logger = createLogger({ level: 'info', service: 'latchkey', version: '0', destination });
  const trusted = ranges.map((range) => parseCidr(range) as Cidr);
  return { lines, clock, addresses: new ClientAddresses({ trusted, logger, clock }) };
}

it('warns once a day by the monotonic clock that a proxy is not trusted, and names it and the setting', () => {
  const { lines, clock, addresses } = setUp('10.0.0.0/8');
  const forward = () => addresses.resolve({ socketAddress: '192.0.2.10', forwardedFor: '203.0.113.9' });
  expect([forward(), forward()]).toEqual(['192.0.2.10', '192.0.2.10']);
  expect(lines).toMatchObject([
    { level: 'warn', peer: '192.0.2.10', msg: expect.stringContaining('LATCHKEY_TRUSTED_PROXIES') },
  ]);
  clock.advance(23 * hourMs);
  forward();
  expect(lines).toHaveLength(1);
  clock.advance(hourMs);
  forward();
  expect(lines).toHaveLength(2);
});

it('warns of neither a trusted proxy nor a client without a forwarding header', () => {
  const { lines, addresses } = setUp('10.0.0.0/8');
  expect(addresses.resolve({ socketAddress: '::ffff:10.1.2.3', forwardedFor: '203.0.113.9' })).toBe('203.0.113.9');
  expect(addresses.resolve({ socketAddress: '192.0.2.10', forwardedFor: undefined })).toBe('192.0.2.10');
  expect(lines).toEqual([]);
});

it('trusts the configured peers only', () => {
  const { addresses } = setUp('10.0.0.0/8', '::1/128');
  const peers = ['10.1.2.3', '::ffff:10.1.2.3', '::1', '11.0.0.1', '', 'localhost'];
  expect(peers.map((peer) => addresses.isTrustedPeer(peer))).toEqual([true, true, true, false, false, false]);
});

import { beforeEach, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { readDestination } from '#protocol/outbound-url/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import { Outbound, type OutboundObservation, type OutboundOptions, type OutboundRequest } from './index.ts';

let observed: OutboundObservation[];

beforeEach(() => {
  observed = [];
});

/** No test here connects: an allowed host name resolves to no address. */
function open(more: Partial<OutboundOptions> = {}, production = false): Outbound {
  return new Outbound({
    clock: new FixedClock(new Date(0)),
    readDestination: (url, policy) => readDestination(url, { ...policy, production }),
    parseJson: parseStrictJson,
    observe: (observation) => void observed.push(observation),
    resolve: async () => [],
    ...more,
  });
}

function requestTo(url: string, more: Partial<OutboundRequest> = {}): OutboundRequest {
  const policy = { allowPrivate: false };
  return { purpose: 'registration_hook', url, policy, method: 'GET', timeoutMs: 5000, ...more };
}

describe('the outbound client', () => {
  it.each([
    ['127.0.0.1 in full', 'https://127.0.0.1/'],
    ['as a decimal number', 'https://2130706433/'],
    ['in hexadecimal', 'https://0x7f000001/'],
    ['shortened', 'https://0x7f.1/'],
    ['in octal', 'https://0177.0.0.01/'],
    ['with two parts', 'https://127.1/'],
    ['zero', 'https://0/'],
    ['with full-width digits', 'https://１２７.０.０.１/'],
    ['with ideographic dots', 'https://127。0。0。1/'],
    ['percent-encoded', 'https://%31%32%37.0.0.1/'],
    ['with a trailing dot', 'https://127.0.0.1./'],
    ['IPv6', 'https://[::1]/'],
    ['IPv4-mapped', 'https://[::ffff:127.0.0.1]/'],
    ['IPv4-mapped in hexadecimal', 'https://[::ffff:7f00:1]/'],
    ['by NAT64', 'https://[64:ff9b::7f00:1]/'],
    ['of a metadata service', 'https://169.254.169.254/latest/meta-data/'],
    ['of a metadata service by IPv6', 'https://[fd00:ec2::254]/'],
  ])('rejects a private address %s', async (_, url) => {
    const client = open();
    expect(await client.request(requestTo(url))).toEqual({ kind: 'refused', reason: 'address_not_allowed' });
    expect(observed).toMatchObject([{ outcome: 'address_not_allowed' }]);
  });

  it.each([
    ['malformed_url', ''],
    ['malformed_url', '/path'],
    ['malformed_url', 'https://'],
    ['malformed_url', 'https://people.example./'],
    ['malformed_url', 'https://people.example\\@127.0.0.1/'],
    ['malformed_url', 'https://people.exa\nmple/'],
    ['malformed_url', ' https://people.example/'],
    ['malformed_url', 'https://peo\u200bple.example/'],
    ['malformed_url', 'https://[fe80::1%25eth0]/'],
    ['malformed_url', 'https://people.example:99999/'],
    ['malformed_url', 'https://1.2.3.256/'],
    ['malformed_url', `https://people.example/${'a'.repeat(2048)}`],
    ['scheme_not_allowed', 'http://people.example/'],
    ['scheme_not_allowed', 'file:///etc/passwd'],
    ['scheme_not_allowed', 'ftp://people.example/'],
    ['scheme_not_allowed', 'unix:/run/docker.sock'],
    ['scheme_not_allowed', 'data:application/json,{}'],
    ['credentials_in_url', 'https://user@people.example/'],
    ['credentials_in_url', 'https://:secret@people.example/'],
    ['credentials_in_url', 'https://people.example@127.0.0.1/'],
    ['port_not_allowed', 'https://people.example:22/'],
    ['port_not_allowed', 'https://people.example:80/'],
    ['port_not_allowed', 'https://people.example:0/'],
  ])('rejects with %s: %j', async (reason, url) => {
    expect(await open().request(requestTo(url))).toEqual({ kind: 'refused', reason });
  });

  it.each([
    ['a private address', ['127.0.0.1']],
    ['a private address among others', ['1.1.1.1', '10.0.0.1']],
    ['an address with a zone id', ['fe80::1%eth0']],
    ['text that is not an address', ['people.example']],
  ])('rejects a host name that resolves to %s', async (_, addresses) => {
    const result = await open({ resolve: async () => addresses }).request(requestTo('https://people.example/'));
    expect(result).toEqual({ kind: 'refused', reason: 'address_not_allowed' });
  });

  it('rejects http in production, and to other addresses than loopback', async () => {
    const policy = { allowPrivate: true };
    const url = 'http://127.0.0.1:8080/';
    expect(await open({}, true).request(requestTo(url, { policy }))).toMatchObject({
      reason: 'scheme_not_allowed',
    });
    const elsewhere = open({ resolve: async () => ['10.0.0.1'] }).request(
      requestTo('http://people.example/', { policy }),
    );
    expect(await elsewhere).toMatchObject({ kind: 'refused', reason: 'address_not_allowed' });
  });

  it('resolves the name of an allowed URL', async () => {
    const result = await open().request(requestTo('https://people.example'));
    expect(result).toEqual({ kind: 'failed', reason: 'unresolved' });
  });
});

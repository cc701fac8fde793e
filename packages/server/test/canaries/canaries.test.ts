/**
 * No secret and no personal data appears where it does not belong (invariant 16), after all flows at log level debug.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { databasesOfFlows } from '../support/databases.ts';
import { encodingsOf } from './encodings.ts';
import { expected, patterns, personalData } from './expected.ts';
import { Locations } from './locations.ts';
import { type Canaries, Scenario } from './scenario.ts';

describe.each(databasesOfFlows)('after all flows of an account (%s)', (kind) => {
  const locations = new Locations();
  let canaries: Canaries;

  beforeAll(async () => {
    canaries = await Scenario.run(kind, locations);
  }, 120_000);

  it('the searched output includes queued jobs, rejections by the mail server and PostgreSQL, and debug logs', () => {
    const minimumSizes = {
      logs: 10_000,
      'metrics and probes': 10_000,
      'response headers': 5_000,
      problems: 3_000,
      'jobs.payload': 50,
      'mail_attempts.smtp_reply': 10,
      'audit_events.body': 5_000,
      'sessions.sealed_client_info': 500,
      'command config print': 500,
      spans: 20_000,
      'error reports': 500,
      profiles: 5_000,
    };
    for (const [location, size] of Object.entries(minimumSizes))
      expect(locations.sizes.get(location), location).toBeGreaterThanOrEqual(size);
    expect(locations.match(/"level":"debug"/)).toEqual(['logs']);
    expect(locations.match(/"code":"23514"/)).toEqual(['logs']);
    expect(locations.match(/\(23514\)/)).toEqual(['error reports']);
    expect(Object.keys(canaries).length).toBeGreaterThan(45);
  });

  it('every secret is in its expected locations, and in no encoding anywhere else', () => {
    const found = Object.entries(canaries).map(([name, secret]) => [name, locations.find(secret)] as const);
    const foundSomewhere = found.filter(([, locationsOfSecret]) => locationsOfSecret.length > 0);
    expect(Object.fromEntries(foundSomewhere)).toEqual(expected);
  });

  it('no secret is in a file, not even in a deleted row', () => {
    const secrets = Object.entries(canaries).filter(([name]) => !personalData.includes(name));
    const found = secrets.flatMap(([name, secret]) =>
      locations.findInBytes(secret).map((location) => `${name}: ${location}`),
    );
    expect(found).toEqual([]);
    const address = locations.findInBytes(canaries.address ?? '');
    expect(address).toEqual(kind === 'embedded' ? ['files of the database'] : []);
  });

  it.each(patterns)('%s appear only in their expected locations', (_, pattern, locationsOfSecret) => {
    expect(locations.match(pattern)).toEqual(locationsOfSecret);
  });
});

describe('the search', () => {
  const secrets: readonly (string | Buffer)[] = [
    'pässword "x" \\ & % <y>',
    'lk_ot_abcdefghijklmnop',
    Buffer.alloc(32, 7),
  ];

  it.each(secrets)('finds %s in every encoding within other text', (secret) => {
    const spellings = Object.values(encodingsOf(secret)).flat();
    expect(spellings.length).toBeGreaterThanOrEqual(8);
    for (const spelling of spellings) {
      const locations = new Locations();
      locations.add('logs', 'nothing');
      locations.add('jobs.payload', `before${spelling}after`);
      expect(locations.find(secret), spelling).toEqual(['jobs.payload']);
    }
  });

  it('finds a secret encoded together with other bytes, at every alignment', () => {
    for (const encoding of ['base64', 'base64url', 'hex'] as const) {
      for (const before of ['', 'a', 'ab', 'abc']) {
        const locations = new Locations();
        locations.add('logs', Buffer.from(`${before}a secret that is long, ÿÿÿ>>>`).toString(encoding));
        expect(locations.find('a secret that is long')).toEqual(['logs']);
      }
    }
  });

  it('finds bytes, and reports none when there are none', () => {
    const locations = new Locations();
    locations.addBytes('files', Buffer.from('before a secret after'));
    expect(locations.findInBytes('a secret')).toEqual(['files']);
    expect(locations.findInBytes('another secret')).toEqual([]);
  });
});

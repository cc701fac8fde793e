/** No secret and nothing personal is left where it does not belong (invariant 16): a whole life at log level debug. */
import { beforeAll, describe, expect, it } from 'vitest';
import { expected, patterns, personal } from './expected.ts';
import { formsOf } from './forms.ts';
import { type Canaries, Life } from './life.ts';
import { Places } from './places.ts';

describe.each(['embedded', 'postgres'] as const)('after a whole life (%s)', (kind) => {
  const places = new Places();
  let canaries: Canaries;

  beforeAll(async () => {
    canaries = await Life.live(kind, places);
  }, 120_000);

  it('there is something to search: a queue that waited, refusals by the mail server and by PostgreSQL, and debug logs', () => {
    const least = {
      logs: 10_000,
      'metrics and probes': 10_000,
      'headers of answers': 5_000,
      refusals: 3_000,
      'jobs.payload': 50,
      'mail_attempts.smtp_reply': 10,
      'audit_events.body': 5_000,
      'sessions.sealed_client_info': 500,
      'command config print': 500,
    };
    for (const [place, size] of Object.entries(least))
      expect(places.sizes.get(place), place).toBeGreaterThanOrEqual(size);
    expect(places.match(/"level":"debug"/)).toEqual(['logs']);
    expect(places.match(/"code":"23514"/)).toEqual(['logs']);
    expect(Object.keys(canaries).length).toBeGreaterThan(45);
  });

  it('every secret is where it belongs, and in no form anywhere else', () => {
    const found = Object.entries(canaries).map(([name, secret]) => [name, places.find(secret)] as const);
    const somewhere = found.filter(([, where]) => where.length > 0);
    expect(Object.fromEntries(somewhere)).toEqual(expected);
  });

  it('no secret is in a file, not even of a row that is gone', () => {
    const secrets = Object.entries(canaries).filter(([name]) => !personal.includes(name));
    const found = secrets.flatMap(([name, secret]) => places.findInBytes(secret).map((place) => `${name}: ${place}`));
    expect(found).toEqual([]);
    const address = places.findInBytes(canaries.address ?? '');
    expect(address).toEqual(kind === 'embedded' ? ['files of the database'] : []);
  });

  it.each(patterns)('%s of anybody are where they belong', (_, pattern, where) => {
    expect(places.match(pattern)).toEqual(where);
  });
});

describe('the search', () => {
  const secrets: readonly (string | Buffer)[] = [
    'pässword "x" \\ & % <y>',
    'lk_ot_abcdefghijklmnop',
    Buffer.alloc(32, 7),
  ];

  it.each(secrets)('finds %s in every form, whatever stands around it', (secret) => {
    const spellings = Object.values(formsOf(secret)).flat();
    expect(spellings.length).toBeGreaterThanOrEqual(8);
    for (const spelling of spellings) {
      const places = new Places();
      places.add('logs', 'nothing');
      places.add('jobs.payload', `before${spelling}after`);
      expect(places.find(secret), spelling).toEqual(['jobs.payload']);
    }
  });

  it('finds what is encoded together with other bytes, at each place where it can begin', () => {
    for (const encoding of ['base64', 'base64url', 'hex'] as const) {
      for (const before of ['', 'a', 'ab', 'abc']) {
        const places = new Places();
        places.add('logs', Buffer.from(`${before}a secret that is long, ÿÿÿ>>>`).toString(encoding));
        expect(places.find('a secret that is long')).toEqual(['logs']);
      }
    }
  });

  it('finds bytes, and says when there are none', () => {
    const places = new Places();
    places.addBytes('files', Buffer.from('before a secret after'));
    expect(places.findInBytes('a secret')).toEqual(['files']);
    expect(places.findInBytes('another secret')).toEqual([]);
  });
});

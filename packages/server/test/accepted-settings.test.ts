import fc from 'fast-check';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { type Config, describeConfig, loadConfig } from '#config/index.ts';
import { FixedClock } from '#kernel/clock.ts';
import { clientConfig } from '#platform/database/postgres/connecting.ts';
import { Inbox, Smtp } from '#platform/mail/index.ts';
import { Outbound } from '#platform/outbound/index.ts';
import { driverOptions } from '#platform/redis/index.ts';
import { clientAddress } from '#protocol/network-address/index.ts';
import { readDestination } from '#protocol/outbound-url/index.ts';

const key = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

/** Valid values, and values near the border: pieces of valid ones in any order, and arbitrary text. */
function textOf(valid: readonly string[], ...pieces: readonly string[]): fc.Arbitrary<string> {
  const mixed = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 3 })), { maxLength: 7 });
  const nearlyValid = { weight: 5, arbitrary: mixed.map((each) => each.join('')) };
  return fc.oneof(fc.constantFrom(...valid), nearlyValid, fc.string(), fc.webUrl());
}

const authority = ['user', ':', 'p%40ss', '%', '@', 'host', 'host.example', '127.0.0.1', '[::1]', ':25', ':0', ','];

/** Loads a setting; undefined when the check rejects it. */
async function accepted(env: Readonly<Record<string, string>>): Promise<Config | undefined> {
  const loaded = await loadConfig({ env, cwd: '/srv', files: () => ({ kind: 'absent' }) });
  return loaded.kind === 'ok' ? loaded.config : undefined;
}

/** Runs `use` with each accepted value, and checks that `config print` can show it. */
async function property(
  name: string,
  text: fc.Arbitrary<string>,
  use: (config: Config) => void,
  more = {},
): Promise<void> {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(text, async (value) => {
      const config = await accepted({ ...more, [name]: value });
      if (config === undefined || value === '') return;
      count += 1;
      use(config);
      expect(typeof describeConfig(config).find((setting) => setting.name === name)?.value).toBe('string');
    }),
    { numRuns: 400 },
  );
  expect(count).toBeGreaterThan(0);
}

describe('a value that "config check" accepts is accepted by its user', () => {
  it('LATCHKEY_TRUSTED_PROXIES: the resolver of client addresses', async () => {
    const text = textOf(
      ['10.0.0.0/8'],
      '10.0.0.0',
      '172.17.0.1',
      '192.0.2.1',
      '2001:db8::',
      '::ffff:',
      '/8',
      '/16',
      '/32',
      '/0',
      ',',
    );
    await property('LATCHKEY_TRUSTED_PROXIES', text, ({ http: { trustedProxies: trusted } }) => {
      expect(clientAddress({ socketAddress: '10.0.0.1', forwardedFor: ['192.0.2.9'], trusted })).toMatch(/^[\d.]+$/);
    });
  });

  it('SMTP_URL: the mail transport', async () => {
    const closed: Promise<void>[] = [];
    const text = textOf(
      ['smtps://user:p%40ss@host.example:465'],
      'smtp://',
      'smtps://',
      ...authority,
      '?tls=none',
      '?secure=false',
      '/',
      '#',
    );
    await property('SMTP_URL', text, ({ mail: { smtp: server } }) => {
      if (server === undefined) throw new Error('the server is missing');
      expect(server.port).toBeGreaterThan(0);
      expect(server.host).toMatch(/^[\w.:-]+$/);
      if (server.auth !== null) expect(server.auth.user && server.auth.pass).not.toBe('');
      closed.push(new Smtp({ server }).close());
    });
    await Promise.all(closed);
  });

  it('DATABASE_URL: the driver of PostgreSQL', async () => {
    const parameters = ['?', '&', 'host=', '/cloudsql/a:b', 'sslmode=', 'require', 'prefer', 'port=', 'options=-c'];
    const text = textOf(
      ['postgres://user@host/db'],
      'postgres://',
      'postgresql://',
      ...authority,
      '/',
      'db',
      ...parameters,
    );
    await property('DATABASE_URL', text, ({ database }) => {
      if (database.kind === 'embedded') throw new Error('the URL is missing');
      const { server } = database;
      for (const { host, port } of server.hosts) {
        const client = new Client(clientConfig({ ...server, host, port }, { server, applicationName: 'test' }));
        expect(client).toMatchObject({ host, port });
        expect(host).toMatch(/^(?:\/|[\w.:-]+$)/);
      }
    });
  });

  it('LATCHKEY_MAIL_FROM: every message', async () => {
    const text = textOf(
      ['Acme <a@b.example>'],
      'Acme',
      '"Doe, Jane"',
      ' ',
      '<',
      '>',
      'post@',
      'bücher.example',
      'a@b.example',
      '"',
      '\\',
      ',',
    );
    await property('LATCHKEY_MAIL_FROM', text, ({ mail: { from } }) => {
      const message = { to: 'ada@example.com', subject: 'Hello', text: '', html: '', messageId: '<1@a.example>' };
      void new Inbox().send({ ...message, from, date: new Date(0) });
    });
  });

  it.each(['http://localhost:5625', 'http://127.0.0.1:5625', 'http://[::1]:5625'])(
    'LATCHKEY_PUBLIC_URL=%s: the default sender of every message',
    async (publicUrl) => {
      const from = (await accepted({ LATCHKEY_PUBLIC_URL: publicUrl }))?.mail.from ?? { name: '', address: '' };
      const message = { to: 'ada@example.com', subject: 'Hello', text: '', html: '', messageId: '<1@a.example>' };
      expect(await new Inbox().send({ ...message, from, date: new Date(0) })).toMatchObject({ kind: 'accepted' });
    },
  );

  it('REDIS_URL: the client of Redis', async () => {
    await property(
      'REDIS_URL',
      textOf(
        ['redis://host/3', 'redis+sentinel://host,host.example:26380/name/3'],
        'redis://',
        'rediss://',
        'redis+sentinel://',
        ...authority,
        '/',
        '0',
        'mydb',
        '?family=6',
        '?sentinel_password=x',
      ),
      ({ redis }) => {
        if (redis === undefined) throw new Error('the server is missing');
        const client = new Redis({ ...driverOptions(redis), lazyConnect: true });
        const { kind, db } = redis;
        const address =
          kind === 'server' ? { host: redis.host, port: redis.port } : { name: redis.name, sentinels: redis.sentinels };
        expect(client.options).toMatchObject({ ...address, db });
        expect(Number.isInteger(client.options.db)).toBe(true);
        client.disconnect();
      },
    );
  });

  it('LATCHKEY_LIMIT_PUBLIC: a window', async () => {
    await property(
      'LATCHKEY_LIMIT_PUBLIC',
      textOf(['100/15m', '5/h'], '100', '5', '0', '/', '15', 'm', 'h', 'd', 's'),
      ({ limits }) => {
        expect(limits.public.limit).toBeGreaterThan(0);
        expect(limits.public.windowSeconds).toBeGreaterThan(0);
      },
    );
  });

  it.each([
    ['LATCHKEY_REGISTRATION_HOOK', { LATCHKEY_REGISTRATION_HOOK_SECRET: key }],
    ['LATCHKEY_PASSWORD_BREACH', {}],
  ])('%s_URL: the outbound client', async (prefix, more) => {
    const requests: Promise<unknown>[] = [];
    const text = textOf(
      ['https://people.example'],
      'https://',
      'http://',
      'people.example',
      'localhost',
      '10.0.0.1',
      '[::1]',
      '.',
      ':22',
      ':8443',
    );
    for (const allow of ['0', '1']) {
      await property(
        `${prefix}_URL`,
        text,
        ({ registrationHook, passwords: { breachService } }) => {
          const { url = '', allowPrivate = false } = registrationHook ?? breachService ?? {};
          requests.push(request(url, allowPrivate));
        },
        { ...more, [`${prefix}_ALLOW_PRIVATE`]: allow },
      );
    }
    await expect(Promise.all(requests)).resolves.not.toContain('refused');
  });
});

/** Decides as the client does, without a connection: an allowed URL counts as one whose name has no address. */
async function request(url: string, allowPrivate: boolean): Promise<string> {
  const outbound = new Outbound({
    clock: new FixedClock(new Date(0)),
    readDestination: (text, policy) => {
      const destination = readDestination(text, { ...policy, production: false });
      return destination.kind === 'refused' ? destination : { kind: 'failed', reason: 'unresolved' };
    },
    parseJson: () => ({ kind: 'invalid' }),
    observe: () => undefined,
  });
  const policy = { allowPrivate };
  return (await outbound.request({ purpose: 'registration_hook', url, policy, method: 'GET', timeoutMs: 1000 })).kind;
}

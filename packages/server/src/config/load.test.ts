import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Config, LoadedConfig } from './index.ts';
import { describeConfig, loadConfig } from './index.ts';

const kek = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

const production = {
  NODE_ENV: 'production',
  LATCHKEY_PUBLIC_URL: 'https://auth.example.com',
  LATCHKEY_KEK: kek,
  DATABASE_URL: 'postgres://latchkey:hunter2@db.example.com/latchkey',
  SMTP_URL: 'smtps://latchkey:hunter2@mail.example.com',
};

type Files = Readonly<Record<string, string>>;

function load(env: Readonly<Record<string, string>>, files: Files = {}): LoadedConfig {
  return loadConfig({
    env,
    cwd: '/srv',
    files: (path) => {
      const text = files[path];
      if (text === 'unreadable') return { kind: 'unreadable', reason: 'EACCES' };
      return text === undefined ? { kind: 'absent' } : { kind: 'text', text };
    },
  });
}

function loaded(env: Readonly<Record<string, string>>, files: Files = {}): Config {
  const answer = load(env, files);
  if (answer.kind === 'invalid') throw new Error(answer.mistakes.join('\n'));
  return answer.config;
}

function mistakes(env: Readonly<Record<string, string>>, files: Files = {}): readonly string[] {
  const answer = load(env, files);
  return answer.kind === 'invalid' ? answer.mistakes : [];
}

function fromFile(content: unknown): Files {
  return { '/srv/latchkey.config.json': JSON.stringify(content) };
}

describe('with nothing configured', () => {
  it('everything has a value that works on one machine', () => {
    const config = loaded({});
    expect(config).toMatchObject({
      mode: 'development',
      dataDirectory: '/srv/.latchkey',
      http: { hosts: ['127.0.0.1', '::1'], port: 3000, publicUrl: 'http://localhost:3000', trustedProxies: [] },
      ops: { host: '127.0.0.1', port: 3001 },
      database: { kind: 'embedded' },
      migrate: 'auto',
      mail: { smtpUrl: undefined, from: 'Latchkey <no-reply@localhost>' },
      passwords: { argon2: { memoryKib: 19_456, passes: 2, parallelism: 1 } },
      registration: 'open',
    });
    expect(config.keys.kek).toBeUndefined();
  });

  it('the configuration cannot be changed, at any depth', () => {
    const config = loaded({});
    expect(() => Object.assign(config.passwords.argon2, { passes: 1 })).toThrow(TypeError);
    expect(() => (config.http.hosts as string[]).push('0.0.0.0')).toThrow(TypeError);
  });
});

describe('sources', () => {
  it('the environment wins over the file', () => {
    const files = fromFile({ http: { port: 4000, drainSeconds: 5 } });
    expect(loaded({ LATCHKEY_PORT: '5000' }, files).http).toMatchObject({ port: 5000, drainSeconds: 5 });
  });

  it('an empty variable counts as not set', () => {
    expect(loaded({ LATCHKEY_PORT: '', LATCHKEY_KEK: '', LATCHKEY_PROT: '' }).http.port).toBe(3000);
  });

  it('a secret comes from the file that _FILE names, without the line break at its end', () => {
    const config = loaded(
      { LATCHKEY_KEK_FILE: 'kek', DATABASE_URL_FILE: '/run/secrets/url' },
      {
        '/srv/kek': `${kek}\n`,
        '/run/secrets/url': 'postgres://db/x',
      },
    );
    expect(config.keys.kek?.export().toString('base64')).toBe(kek);
    expect(config.database).toMatchObject({ url: 'postgres://db/x', directUrl: 'postgres://db/x' });
  });

  it('a secret given twice, an absent and an unreadable secret file are mistakes', () => {
    const env = { LATCHKEY_KEK: kek, LATCHKEY_KEK_FILE: 'kek', SMTP_URL_FILE: 'a', DATABASE_URL_FILE: 'b' };
    expect(mistakes(env, { '/srv/b': 'unreadable' })).toEqual([
      'DATABASE_URL_FILE names b, which cannot be read (EACCES).',
      'SMTP_URL_FILE names a, which does not exist.',
      'LATCHKEY_KEK and LATCHKEY_KEK_FILE are both set; remove one.',
    ]);
  });

  it('the file is typed: a number in quotes is a mistake', () => {
    expect(mistakes({}, fromFile({ http: { port: '3000' } }))).toEqual([
      'http.port in latchkey.config.json must be a whole number from 0 to 65535; it is "3000".',
    ]);
  });

  it('a file that is no JSON is reported by position, without its content', () => {
    const [mistake, ...rest] = mistakes({}, { '/srv/latchkey.config.json': '{\n "database": hunter2 }' });
    expect(rest).toEqual([]);
    expect(mistake).toMatch(/^latchkey\.config\.json is not valid JSON/);
    expect(mistake).not.toContain('hunter2');
  });

  it.each([
    ['[]', 'latchkey.config.json must be an object.'],
    ['{"http":5}', 'http in latchkey.config.json must be an object.'],
    ['{"http":null}', 'http in latchkey.config.json must be an object.'],
    ['unreadable', 'latchkey.config.json cannot be read (EACCES).'],
    [
      '{"mode":"production"}',
      'mode in latchkey.config.json cannot be set there: the mode is NODE_ENV and nothing else.',
    ],
    ['{"http":{"prot":1}}', 'http.prot in latchkey.config.json is not a setting; did you mean http.port?'],
    ['{"__proto__":{"x":1}}', '__proto__ in latchkey.config.json is not a setting.'],
  ])('the file %s is a mistake', (content, sentence) => {
    expect(mistakes({}, { '/srv/latchkey.config.json': content })).toEqual([sentence]);
  });
});

describe('mistakes', () => {
  it('are reported all at once, malformed values together with contradictions and unknown names', () => {
    const env = { LATCHKEY_PROT: '80', LATCHKEY_PORT: 'abc', LATCHKEY_HOST: '0.0.0.0', DATABASE_POOL_MIN: '20' };
    expect(mistakes(env)).toEqual([
      'LATCHKEY_PROT is not a setting; did you mean LATCHKEY_PORT?',
      'LATCHKEY_PORT must be a whole number from 0 to 65535; it is "abc".',
      'LATCHKEY_HOST is 0.0.0.0, which other machines can reach, and this is not production: set NODE_ENV=production, or LATCHKEY_ALLOW_REMOTE_DEV=1 if you mean it.',
      'DATABASE_POOL_MIN must not exceed DATABASE_POOL_MAX; they are 20 and 10.',
    ]);
  });

  it('never contain a secret', () => {
    const env = { LATCHKEY_KEK: 'hunter2', DATABASE_URL: 'mysql://u:hunter2@db/x', SMTP_URL: 'hunter2' };
    const found = mistakes(env, fromFile({ database: { adminUrl: 'hunter2', directUrl: { hunter2: 1 } } }));
    expect(found).toHaveLength(5);
    expect(found.join()).not.toContain('hunter2');
  });

  it.each([
    ['LATCHKEY_PUBLIC_URL', 'http://auth.example.com'],
    ['LATCHKEY_PUBLIC_URL', 'https://auth.example.com/path'],
    ['LATCHKEY_PUBLIC_URL', 'https://auth.example.com?'],
    ['LATCHKEY_PUBLIC_URL', 'https://user@auth.example.com'],
    ['LATCHKEY_PUBLIC_URL', 'http://127.0.0.1.example.com'],
    ['LATCHKEY_PUBLIC_URL', 'ftp://localhost'],
    ['LATCHKEY_HOST', 'localhost,example.com'],
    ['LATCHKEY_TRUSTED_PROXIES', '0.0.0.0/0'],
    ['LATCHKEY_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['LATCHKEY_TRUSTED_PROXIES', '10.0.0.0/8/8'],
    ['LATCHKEY_TRUSTED_PROXIES', 'proxy'],
    ['LATCHKEY_KEK', `${kek}=`],
    ['LATCHKEY_KEK', `${kek.slice(0, 42)}9=`],
    ['LATCHKEY_MAIL_FROM', 'a@b.example\nBcc: c@d.example'],
    ['LATCHKEY_MAIL_FROM', 'nobody'],
    ['LATCHKEY_ALLOW_REMOTE_DEV', 'yes'],
    ['LATCHKEY_LOG_LEVEL', 'loud'],
    ['LATCHKEY_REGISTRATION', 'invited'],
    ['LATCHKEY_EMAIL_DOMAINS_ALLOW', 'People.example'],
    ['LATCHKEY_EMAIL_DOMAINS_ALLOW', 'people.example, bücher.example'],
    ['LATCHKEY_EMAIL_DOMAINS_ALLOW', '@people.example'],
    ['LATCHKEY_EMAIL_DOMAINS_ALLOW', '*.people.example'],
    ['LATCHKEY_EMAIL_DOMAINS_DENY', 'people'],
    ['LATCHKEY_EMAIL_DOMAINS_DENY', 'people.example.'],
    ['LATCHKEY_EMAIL_DOMAINS_DENY', 'xn--a.example'],
    ['LATCHKEY_EMAIL_DOMAINS_DENY', '192.0.2.1'],
    ['LATCHKEY_REGISTRATION_HOOK_TIMEOUT_MS', '10001'],
    ['LATCHKEY_REGISTRATION_HOOK_TIMEOUT_MS', '99'],
    ['LATCHKEY_REGISTRATION_HOOK_WHEN_DOWN', 'ignore'],
    ['LATCHKEY_PASSWORD_PROFILE', 'strict'],
    ['LATCHKEY_PASSWORD_BREACH_TIMEOUT_MS', '99'],
    ['LATCHKEY_PASSWORD_BREACH_WHEN_DOWN', 'ignore'],
    ['LATCHKEY_PORT', '-1'],
    ['LATCHKEY_PORT', '1e3'],
    ['LATCHKEY_PORT', '65536'],
    ['NODE_ENV', 'staging'],
  ])('%s=%j is one', (name, value) => {
    const found = mistakes({ [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name} must be `));
  });

  it.each([
    [
      'REDIS_URL',
      'http://localhost',
      'REDIS_URL must be a URL such as redis://:password@host:6379/0 or rediss://host:6380.',
    ],
    ['DATABASE_REPLICA_URL_FILE', 'x', 'DATABASE_REPLICA_URL_FILE is not supported yet; remove it.'],
    [
      'LATCHKEY_PORT_FILE',
      'x',
      'LATCHKEY_PORT_FILE is not a setting: LATCHKEY_PORT is not a secret, so set it directly.',
    ],
    ['LATCHKEY_COLOUR_OF_THE_BIKE_SHED', 'x', 'LATCHKEY_COLOUR_OF_THE_BIKE_SHED is not a setting.'],
  ])('%s=%s is explained', (name, value, sentence) => {
    expect(mistakes({ [name]: value })).toEqual([sentence]);
  });

  it.each([
    'people.example',
    'http://people.example/hook',
    'ftp://people.example/hook',
    'https://user:secret@people.example/hook',
    'https://people.example/hook#part',
    'https://people.example/a b',
  ])('the registration hook %j is one', (url) => {
    const found = mistakes({ LATCHKEY_REGISTRATION_HOOK_URL: url, LATCHKEY_REGISTRATION_HOOK_SECRET: kek });
    expect(found).toEqual([expect.stringMatching(/^LATCHKEY_REGISTRATION_HOOK_URL must be an https URL /)]);
  });

  it('a registration hook needs its secret, https in production, and leave to stay on this machine', () => {
    const [url, local] = ['https://people.example/hook', 'http://127.0.0.1:8080/hook'];
    const hook = { LATCHKEY_REGISTRATION_HOOK_URL: url, LATCHKEY_REGISTRATION_HOOK_SECRET: kek };
    expect(mistakes(hook)).toEqual([]);
    expect(loaded({}).registrationHook).toBeUndefined();
    const { secret, ...rest } = loaded(hook).registrationHook ?? {};
    expect(rest).toEqual({ url, timeoutMs: 3000, whenDown: 'refuse', allowPrivate: false });
    expect(secret?.symmetricKeySize).toBe(32);
    const needed =
      'LATCHKEY_REGISTRATION_HOOK_URL and LATCHKEY_REGISTRATION_HOOK_SECRET need each other; set both or neither.';
    expect(mistakes({ LATCHKEY_REGISTRATION_HOOK_URL: url })).toEqual([needed]);
    expect(mistakes({ LATCHKEY_REGISTRATION_HOOK_SECRET: kek })).toEqual([needed]);
    const onThisMachine = { ...hook, LATCHKEY_REGISTRATION_HOOK_URL: local };
    expect(mistakes(onThisMachine)[0]).toContain('LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE=1');
    expect(mistakes({ ...onThisMachine, LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE: '1' })).toEqual([]);
    const inProduction = { ...production, ...onThisMachine, LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE: '1' };
    expect(mistakes(inProduction)).toEqual(['LATCHKEY_REGISTRATION_HOOK_URL must be an https URL in production.']);
  });

  it('a service of breached passwords is none unless it is named, https in production, and needs leave to be on this machine', () => {
    expect(loaded({}).passwords).toMatchObject({ profile: 'standard', breachService: undefined, filter: undefined });
    const url = 'https://people.example/range';
    const { passwords } = loaded({ LATCHKEY_PASSWORD_BREACH_URL: url, LATCHKEY_PASSWORD_FILTER: 'lists/a' });
    expect(passwords.breachService).toEqual({ url, timeoutMs: 2000, whenDown: 'allow', allowPrivate: false });
    expect(passwords.filter).toMatch(/^\/.*lists\/a$/);
    const local = { LATCHKEY_PASSWORD_BREACH_URL: 'http://127.0.0.1:8080/range' };
    expect(mistakes(local)[0]).toContain('LATCHKEY_PASSWORD_BREACH_ALLOW_PRIVATE=1');
    const allowed = { ...local, LATCHKEY_PASSWORD_BREACH_ALLOW_PRIVATE: '1' };
    expect(mistakes(allowed)).toEqual([]);
    const needed = 'LATCHKEY_PASSWORD_BREACH_URL must be an https URL in production.';
    expect(mistakes({ ...production, ...allowed })).toEqual([needed]);
  });

  it('the addresses of a Kubernetes Service named latchkey are ignored, and its port is explained', () => {
    const links = { LATCHKEY_SERVICE_HOST: '10.0.0.1', LATCHKEY_SERVICE_PORT: '80', LATCHKEY_PORT_80_TCP_ADDR: 'x' };
    expect(mistakes(links)).toEqual([]);
    expect(mistakes({ LATCHKEY_PORT: 'tcp://10.0.0.1:80' })[0]).toContain('enableServiceLinks');
  });

  it('no environment makes loading throw', () => {
    const names = ['LATCHKEY_PORT', 'LATCHKEY_HOST', 'LATCHKEY_PUBLIC_URL', 'LATCHKEY_TRUSTED_PROXIES', 'DATABASE_URL'];
    const value = fc.oneof(fc.string(), fc.webUrl(), fc.ipV6(), fc.constantFrom('0', '::', 'http://[::1]', 'http://['));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value), (env) => {
        expect(['ok', 'invalid']).toContain(load(env).kind);
      }),
    );
  });

  it('no file makes loading throw', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(['ok', 'invalid']).toContain(load({}, { '/srv/latchkey.config.json': json }).kind);
      }),
    );
  });
});

describe('contradictions', () => {
  it.each([
    [{ DATABASE_URL: 'postgres://db/x', LATCHKEY_DATABASE: 'embedded' }, /contradict each other/],
    [{ DATABASE_DIRECT_URL: 'postgres://db/x' }, /^DATABASE_DIRECT_URL has no effect/],
    [{ DATABASE_ADMIN_URL: 'postgres://db/x' }, /^DATABASE_ADMIN_URL has no effect/],
    [{ DATABASE_URL: 'postgres://db/x', DATABASE_POOLER: 'transaction' }, /needs DATABASE_DIRECT_URL/],
    [{ LATCHKEY_PORT: '3001' }, /must differ; both are 3001/],
    [{ LATCHKEY_PORT: '0' }, /^LATCHKEY_PUBLIC_URL must be set/],
    [{ LATCHKEY_OPS_HOST: '::' }, /^LATCHKEY_OPS_HOST is ::/],
    [{ LATCHKEY_ARGON2_PARALLELISM: '4', LATCHKEY_ARGON2_MEMORY_KIB: '31' }, /at least 8 times/],
  ])('%j is one', (env, sentence) => {
    const found = mistakes(env);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(sentence);
  });

  it('outside production other machines are let in when that is said aloud', () => {
    const env = { LATCHKEY_HOST: '0.0.0.0, ::', LATCHKEY_ALLOW_REMOTE_DEV: '1' };
    expect(loaded(env).http.hosts).toEqual(['0.0.0.0', '::']);
  });

  it('localhost is both loopback addresses', () => {
    expect(loaded({ LATCHKEY_HOST: 'localhost,127.0.0.1' }).http.hosts).toEqual(['127.0.0.1', '::1']);
  });
});

describe('production', () => {
  it('accepts a complete configuration, refuses to migrate by itself and listens anywhere', () => {
    const config = loaded({ ...production, LATCHKEY_HOST: '0.0.0.0' });
    expect(config).toMatchObject({ mode: 'production', migrate: 'refuse', http: { hosts: ['0.0.0.0'] } });
    expect(config.mail.from).toBe('Latchkey <no-reply@auth.example.com>');
  });

  it('names each thing that is missing in a sentence of its own', () => {
    const found = mistakes({ NODE_ENV: 'production' });
    expect(found.map((sentence) => sentence.split(' ')[0])).toEqual([
      'SMTP_URL',
      'LATCHKEY_KEK_FILE',
      'LATCHKEY_PUBLIC_URL',
      'DATABASE_URL',
    ]);
  });

  it('refuses an http origin, even of this machine', () => {
    expect(mistakes({ ...production, LATCHKEY_PUBLIC_URL: 'http://localhost:3000' })).toHaveLength(1);
  });

  it('takes the embedded database only when that is said aloud', () => {
    const { DATABASE_URL: _, ...withoutUrl } = production;
    expect(mistakes(withoutUrl)).toHaveLength(1);
    expect(loaded({ ...withoutUrl, LATCHKEY_DATABASE: 'embedded' }).database).toEqual({ kind: 'embedded' });
  });

  it.each([
    ['1', '47103', '47104'],
    ['2', '19455', '19456'],
    ['3', '12287', '12288'],
    ['4', '9215', '9216'],
    ['9', '7167', '7168'],
  ])('with %s passes refuses %s KiB and accepts %s', (passes, weak, strong) => {
    const env = { ...production, LATCHKEY_ARGON2_TIME: passes };
    expect(mistakes({ ...env, LATCHKEY_ARGON2_MEMORY_KIB: weak })).toHaveLength(1);
    expect(mistakes({ ...env, LATCHKEY_ARGON2_MEMORY_KIB: strong })).toEqual([]);
  });

  it('does not call a malformed secret missing', () => {
    expect(mistakes({ ...production, SMTP_URL: 'mail.example.com:25' })).toEqual([
      'SMTP_URL must be a URL such as smtps://user:password@mail.example.com:465 or smtp://mail.example.com:587.',
    ]);
  });
});

describe('the printed configuration', () => {
  it('shows what holds, and secrets only as set or not set', () => {
    const printed = describeConfig(loaded(production));
    const values = Object.fromEntries(printed.map(({ name, value }) => [name, value]));
    expect(values).toMatchObject({
      NODE_ENV: 'production',
      LATCHKEY_HOST: '127.0.0.1,::1',
      LATCHKEY_PORT: '3000',
      LATCHKEY_KEK: '(set)',
      DATABASE_URL: '(set)',
      SMTP_URL: '(set)',
      LATCHKEY_ALLOW_REMOTE_DEV: 'false',
    });
    expect(JSON.stringify(printed)).not.toContain('hunter2');
    expect(describeConfig(loaded({})).find(({ name }) => name === 'SMTP_URL')?.value).toBe('(not set)');
  });
});

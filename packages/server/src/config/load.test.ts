import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settingFiles } from '#test/support/setting-files.ts';
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

function load(env: Readonly<Record<string, string>>, files: Files = {}): Promise<LoadedConfig> {
  return loadConfig({
    env,
    cwd: '/srv',
    files: settingFiles(files),
  });
}

async function loaded(env: Readonly<Record<string, string>>, files: Files = {}): Promise<Config> {
  const result = await load(env, files);
  if (result.kind === 'invalid') throw new Error(result.mistakes.join('\n'));
  return result.config;
}

async function mistakes(env: Readonly<Record<string, string>>, files: Files = {}): Promise<readonly string[]> {
  const result = await load(env, files);
  return result.kind === 'invalid' ? result.mistakes : [];
}

function fromFile(content: unknown): Files {
  return { '/srv/latchkey.config.json': JSON.stringify(content) };
}

describe('the default configuration', () => {
  it('works on one machine', async () => {
    const config = await loaded({});
    expect(config).toMatchObject({
      mode: 'development',
      dataDirectory: '/srv/.latchkey',
      http: { hosts: ['127.0.0.1', '::1'], port: 5625, publicUrl: 'http://localhost:5625', trustedProxies: [] },
      ops: { host: '127.0.0.1', port: 5626 },
      database: { kind: 'embedded' },
      mail: { smtp: undefined, from: { name: 'localhost', address: 'no-reply@localhost' }, ehloName: 'localhost' },
      passwords: { argon2: { memoryKib: 19_456, passes: 2, parallelism: 1 } },
      registration: 'open',
    });
    expect(config.keys.kek).toBeUndefined();
  });

  it('is frozen at every depth', async () => {
    const config = await loaded({});
    expect(() => Object.assign(config.passwords.argon2, { passes: 1 })).toThrow(TypeError);
    expect(() => (config.http.hosts as string[]).push('0.0.0.0')).toThrow(TypeError);
  });
});

describe('sources', () => {
  it('prefers the environment to the file', async () => {
    const files = fromFile({ http: { port: 4000, drainSeconds: 5 } });
    expect((await loaded({ LATCHKEY_PORT: '5000' }, files)).http).toMatchObject({ port: 5000, drainSeconds: 5 });
  });

  it('treats an empty variable as not set', async () => {
    expect((await loaded({ LATCHKEY_PORT: '', LATCHKEY_KEK: '', LATCHKEY_PROT: '' })).http.port).toBe(5625);
  });

  it('reads a secret from the file that _FILE names, without its trailing line break', async () => {
    const config = await loaded(
      { LATCHKEY_KEK_FILE: 'kek', DATABASE_URL_FILE: '/run/secrets/url' },
      {
        '/srv/kek': `${kek}\n`,
        '/run/secrets/url': 'postgres://db/x',
      },
    );
    expect(config.keys.kek?.export().toString('base64')).toBe(kek);
    const hosts = [{ host: 'db', port: 5432 }];
    expect(config.database).toMatchObject({ server: { hosts }, adminServer: { hosts, database: 'x' } });
  });

  it('rejects a secret that is set twice and a secret file that is absent or unreadable', async () => {
    const env = { LATCHKEY_KEK: kek, LATCHKEY_KEK_FILE: 'kek', SMTP_URL_FILE: 'a', DATABASE_URL_FILE: 'b' };
    expect(await mistakes(env, { '/srv/b': 'unreadable' })).toEqual([
      'DATABASE_URL_FILE names b, which cannot be read (EACCES).',
      'SMTP_URL_FILE names a, which does not exist.',
      'LATCHKEY_KEK and LATCHKEY_KEK_FILE are both set. Remove one of them.',
    ]);
  });

  it('rejects a quoted number in the file', async () => {
    expect(await mistakes({}, fromFile({ http: { port: '5625' } }))).toEqual([
      'http.port in latchkey.config.json must be a whole number from 0 to 65535; it is "5625".',
    ]);
  });

  it('reports the position of a syntax error in the file, without quoting its content', async () => {
    const [mistake, ...rest] = await mistakes({}, { '/srv/latchkey.config.json': '{\n "database": hunter2 }' });
    expect(rest).toEqual([]);
    expect(mistake).toMatch(/^latchkey\.config\.json is not valid JSON/);
    expect(mistake).not.toContain('hunter2');
  });

  it.each([
    ['[]', 'latchkey.config.json must be an object.'],
    ['{"http":5}', 'http in latchkey.config.json must be an object.'],
    ['{"http":null}', 'http in latchkey.config.json must be an object.'],
    ['unreadable', 'latchkey.config.json cannot be read (EACCES).'],
    ['{"mode":"production"}', 'mode in latchkey.config.json has no effect. Set NODE_ENV instead.'],
    ['{"http":{"prot":1}}', 'http.prot in latchkey.config.json is not a setting. Did you mean http.port?'],
    ['{"__proto__":{"x":1}}', '__proto__ in latchkey.config.json is not a setting.'],
  ])('rejects the file %s', async (content, sentence) => {
    expect(await mistakes({}, { '/srv/latchkey.config.json': content })).toEqual([sentence]);
  });
});

describe('mistakes', () => {
  it('are reported at once: unknown names, malformed values and contradictions', async () => {
    const env = { LATCHKEY_PROT: '80', LATCHKEY_PORT: 'abc', LATCHKEY_HOST: '0.0.0.0', DATABASE_POOL_MIN: '20' };
    expect(await mistakes(env)).toEqual([
      'LATCHKEY_PROT is not a setting. Did you mean LATCHKEY_PORT?',
      'LATCHKEY_PORT must be a whole number from 0 to 65535; it is "abc".',
      'LATCHKEY_HOST is 0.0.0.0, which other machines can reach, but NODE_ENV is not production. Set NODE_ENV=production, or LATCHKEY_ALLOW_REMOTE_DEV=1 to allow it.',
      'DATABASE_POOL_MIN (20) must not exceed DATABASE_POOL_MAX (10).',
    ]);
  });

  it('never contain a secret', async () => {
    const env = { LATCHKEY_KEK: 'hunter2', DATABASE_URL: 'mysql://u:hunter2@db/x', SMTP_URL: 'hunter2' };
    const found = await mistakes(env, fromFile({ database: { adminUrl: 'hunter2', directUrl: { hunter2: 1 } } }));
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
    ['LATCHKEY_COOKIE_DOMAIN', 'com'],
    ['LATCHKEY_COOKIE_DOMAIN', 'co.uk'],
    ['LATCHKEY_COOKIE_DOMAIN', 'https://example.com'],
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
  ])('include %s=%j', async (name, value) => {
    const found = await mistakes({ [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name} must be `));
  });

  it.each([
    [
      'REDIS_URL',
      'http://localhost',
      'REDIS_URL must be a URL such as redis://:password@host:6379/0 or redis+sentinel://:password@host:26379,host:26379/mymaster/0: it must begin with redis:// or rediss:// or redis+sentinel:// or rediss+sentinel://.',
    ],
    [
      'LATCHKEY_TRUSTED_PROXIES',
      '172.17.0.1/16',
      'LATCHKEY_TRUSTED_PROXIES must be addresses or CIDR ranges such as 10.0.0.0/8, separated by commas, none of them /0; it is ["172.17.0.1/16"]: 172.17.0.1/16 has bits after its prefix; write 172.17.0.0/16 for the network or 172.17.0.1 for the address.',
    ],
    [
      'LATCHKEY_REGISTRATION_HOOK_URL',
      'https://people.example./hook',
      'LATCHKEY_REGISTRATION_HOOK_URL must be a URL of at most 2,048 characters, without a dot at the end of its host.',
    ],
    [
      'LATCHKEY_PASSWORD_BREACH_URL',
      'https://10.0.0.1/range',
      'LATCHKEY_PASSWORD_BREACH_URL has an address that is not public. Set LATCHKEY_PASSWORD_BREACH_ALLOW_PRIVATE=1 to allow it.',
    ],
    [
      'DATABASE_REPLICA_URL',
      'postgres://replica/x',
      'DATABASE_REPLICA_URL has no effect without DATABASE_URL. Set both or neither.',
    ],
    [
      'LATCHKEY_PORT_FILE',
      'x',
      'LATCHKEY_PORT_FILE is not a setting, because LATCHKEY_PORT is not a secret. Set LATCHKEY_PORT instead.',
    ],
    ['LATCHKEY_COLOR_OF_THE_BIKE_SHED', 'x', 'LATCHKEY_COLOR_OF_THE_BIKE_SHED is not a setting.'],
  ])('explain %s=%s', async (name, value, sentence) => {
    expect(await mistakes({ [name]: value })).toContain(sentence);
  });

  it.each([
    'people.example',
    'http://people.example/hook',
    'ftp://people.example/hook',
    'https://user:secret@people.example/hook',
    'https://people.example/hook#part',
    'https://people.example/a b',
  ])('include the registration hook %j', async (url) => {
    const found = await mistakes({ LATCHKEY_REGISTRATION_HOOK_URL: url, LATCHKEY_REGISTRATION_HOOK_SECRET: kek });
    expect(found).toEqual([expect.stringMatching(/^LATCHKEY_REGISTRATION_HOOK_URL must be an https URL /)]);
  });

  it('require for a registration hook its secret, https in production, and permission for a loopback URL', async () => {
    const [url, local] = ['https://people.example/hook', 'http://127.0.0.1:8080/hook'];
    const hook = { LATCHKEY_REGISTRATION_HOOK_URL: url, LATCHKEY_REGISTRATION_HOOK_SECRET: kek };
    expect(await mistakes(hook)).toEqual([]);
    expect((await loaded({})).registrationHook).toBeUndefined();
    const { secret, ...rest } = (await loaded(hook)).registrationHook ?? {};
    expect(rest).toEqual({ url, timeoutMs: 3000, whenDown: 'refuse', allowPrivate: false });
    expect(secret?.symmetricKeySize).toBe(32);
    const needed = 'Set both LATCHKEY_REGISTRATION_HOOK_URL and LATCHKEY_REGISTRATION_HOOK_SECRET, or neither.';
    expect(await mistakes({ LATCHKEY_REGISTRATION_HOOK_URL: url })).toEqual([needed]);
    expect(await mistakes({ LATCHKEY_REGISTRATION_HOOK_SECRET: kek })).toEqual([needed]);
    const onThisMachine = { ...hook, LATCHKEY_REGISTRATION_HOOK_URL: local };
    expect((await mistakes(onThisMachine))[0]).toContain('LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE=1');
    expect(await mistakes({ ...onThisMachine, LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE: '1' })).toEqual([]);
    const inProduction = { ...production, ...onThisMachine, LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE: '1' };
    expect(await mistakes(inProduction)).toEqual([
      'LATCHKEY_REGISTRATION_HOOK_URL must be an https URL in production.',
    ]);
  });

  it('require for a breached-password service https in production, and permission for a loopback URL', async () => {
    expect((await loaded({})).passwords).toMatchObject({
      profile: 'standard',
      breachService: undefined,
      filter: undefined,
    });
    const url = 'https://people.example/range';
    const { passwords } = await loaded({ LATCHKEY_PASSWORD_BREACH_URL: url, LATCHKEY_PASSWORD_FILTER: 'lists/a' });
    expect(passwords.breachService).toEqual({ url, timeoutMs: 2000, whenDown: 'allow', allowPrivate: false });
    expect(passwords.filter).toMatch(/^\/.*lists\/a$/);
    const local = { LATCHKEY_PASSWORD_BREACH_URL: 'http://127.0.0.1:8080/range' };
    expect((await mistakes(local))[0]).toContain('LATCHKEY_PASSWORD_BREACH_ALLOW_PRIVATE=1');
    const allowed = { ...local, LATCHKEY_PASSWORD_BREACH_ALLOW_PRIVATE: '1' };
    expect(await mistakes(allowed)).toEqual([]);
    const needed = 'LATCHKEY_PASSWORD_BREACH_URL must be an https URL in production.';
    expect(await mistakes({ ...production, ...allowed })).toEqual([needed]);
  });

  it('are returned, never thrown, for any environment', async () => {
    const names = ['LATCHKEY_PORT', 'LATCHKEY_HOST', 'LATCHKEY_PUBLIC_URL', 'LATCHKEY_TRUSTED_PROXIES', 'DATABASE_URL'];
    const value = fc.oneof(fc.string(), fc.webUrl(), fc.ipV6(), fc.constantFrom('0', '::', 'http://[::1]', 'http://['));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...names), value), async (env) => {
        expect(['ok', 'invalid']).toContain((await load(env)).kind);
      }),
    );
  });

  it('are returned, never thrown, for any file', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (json) => {
        expect(['ok', 'invalid']).toContain((await load({}, { '/srv/latchkey.config.json': json })).kind);
      }),
    );
  });
});

describe('contradictions', () => {
  it.each([
    [{ DATABASE_URL: 'postgres://db/x', LATCHKEY_DATABASE: 'embedded' }, /Remove one of them/],
    [{ DATABASE_DIRECT_URL: 'postgres://db/x' }, /^DATABASE_DIRECT_URL has no effect/],
    [{ DATABASE_ADMIN_URL: 'postgres://db/x' }, /^DATABASE_ADMIN_URL has no effect/],
    [{ DATABASE_URL: 'postgres://db/x', DATABASE_POOLER: 'transaction' }, /needs DATABASE_DIRECT_URL/],
    [{ LATCHKEY_PORT: '5626' }, /must differ; both are 5626/],
    [{ LATCHKEY_PORT: '0' }, /^LATCHKEY_PUBLIC_URL must be set/],
    [{ LATCHKEY_OPS_HOST: '::' }, /^LATCHKEY_OPS_HOST is ::/],
    [{ LATCHKEY_ARGON2_PARALLELISM: '4', LATCHKEY_ARGON2_MEMORY_KIB: '31' }, /at least 8 times/],
  ])('include %j', async (env, sentence) => {
    const found = await mistakes(env);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(sentence);
  });

  it('exclude a development server on all interfaces with LATCHKEY_ALLOW_REMOTE_DEV', async () => {
    const env = { LATCHKEY_HOST: '0.0.0.0, ::', LATCHKEY_ALLOW_REMOTE_DEV: '1' };
    expect((await loaded(env)).http.hosts).toEqual(['0.0.0.0', '::']);
  });

  it('do not arise from localhost, which stands for both loopback addresses', async () => {
    expect((await loaded({ LATCHKEY_HOST: 'localhost,127.0.0.1' })).http.hosts).toEqual(['127.0.0.1', '::1']);
  });
});

describe('production', () => {
  it('accepts a complete configuration and listens on any address', async () => {
    const config = await loaded({ ...production, LATCHKEY_HOST: '0.0.0.0' });
    expect(config).toMatchObject({ mode: 'production', http: { hosts: ['0.0.0.0'] } });
    expect(config.mail.from).toEqual({ name: 'auth.example.com', address: 'no-reply@auth.example.com' });
  });

  it('reports each missing setting in a sentence of its own', async () => {
    const found = await mistakes({ NODE_ENV: 'production' });
    expect(found.map((sentence) => sentence.split(' ')[0])).toEqual([
      'SMTP_URL',
      'LATCHKEY_KEK_FILE',
      'LATCHKEY_PUBLIC_URL',
      'DATABASE_URL',
    ]);
  });

  it('rejects an http origin, even on loopback', async () => {
    expect(await mistakes({ ...production, LATCHKEY_PUBLIC_URL: 'http://localhost:5625' })).toHaveLength(1);
  });

  it('accepts the embedded database only with LATCHKEY_DATABASE=embedded', async () => {
    const { DATABASE_URL: _, ...withoutUrl } = production;
    expect(await mistakes(withoutUrl)).toHaveLength(1);
    expect((await loaded({ ...withoutUrl, LATCHKEY_DATABASE: 'embedded' })).database).toEqual({ kind: 'embedded' });
  });

  it.each([
    ['1', '47103', '47104'],
    ['2', '19455', '19456'],
    ['3', '12287', '12288'],
    ['4', '9215', '9216'],
    ['9', '7167', '7168'],
  ])('with %s passes rejects %s KiB and accepts %s', async (passes, weak, strong) => {
    const env = { ...production, LATCHKEY_ARGON2_TIME: passes };
    expect(await mistakes({ ...env, LATCHKEY_ARGON2_MEMORY_KIB: weak })).toHaveLength(1);
    expect(await mistakes({ ...env, LATCHKEY_ARGON2_MEMORY_KIB: strong })).toEqual([]);
  });

  it('does not report a malformed secret as missing', async () => {
    expect(await mistakes({ ...production, SMTP_URL: 'mail.example.com:25' })).toEqual([
      'SMTP_URL must be a URL such as smtps://user:password@mail.example.com:465 or smtp://mail.example.com:587: it must begin with smtp:// or smtps://.',
    ]);
  });
});

describe('the printed configuration', () => {
  it('shows the effective values, and secrets only as (set) or (not set)', async () => {
    const printed = describeConfig(await loaded(production));
    const values = Object.fromEntries(printed.map(({ name, value }) => [name, value]));
    expect(values).toMatchObject({
      NODE_ENV: 'production',
      LATCHKEY_HOST: '127.0.0.1,::1',
      LATCHKEY_PORT: '5625',
      LATCHKEY_KEK: '(set)',
      DATABASE_URL: '(set)',
      SMTP_URL: '(set)',
      LATCHKEY_ALLOW_REMOTE_DEV: 'false',
    });
    expect(JSON.stringify(printed)).not.toContain('hunter2');
    expect(describeConfig(await loaded({})).find(({ name }) => name === 'SMTP_URL')?.value).toBe('(not set)');
  });
});

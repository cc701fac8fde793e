import { describe, expect, it } from 'vitest';
import { settingFiles } from '#test/support/setting-files.ts';
import { describeConfig, loadConfig, type ReadSecrets } from './index.ts';

const kek = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const smtp = 'smtps://latchkey:hunter2@mail.example.com';
const inVault = {
  SMTP_URL: 'vault:secret/latchkey#smtp',
  VAULT_ADDR: 'https://vault.example.com',
  VAULT_TOKEN: 'hvs.x',
};

type Env = Readonly<Record<string, string>>;

/** Store secrets by their field or name; `down` and `denied` fail. */
function storesOf(secrets: Env, calls: unknown[] = []): ReadSecrets {
  return async (references, access) => {
    calls.push({ references, access });
    return references.map((reference) => {
      const text = secrets[reference.kind === 'vault' ? reference.field : reference.name];
      if (text !== undefined) return { kind: 'secret', text };
      const isTransient = reference.kind !== 'vault';
      return {
        kind: 'failed',
        reason: isTransient ? 'it did not respond in time' : 'it denied access (403)',
        isTransient,
      };
    });
  };
}

async function load(env: Env, files: Env = {}, stores?: ReadSecrets) {
  return loadConfig({
    env,
    cwd: '/srv',
    files: settingFiles(files),
    ...(stores && { stores }),
  });
}

async function loaded(...parameters: Parameters<typeof load>) {
  const result = await load(...parameters);
  if (result.kind === 'invalid') throw new Error(result.mistakes.join('\n'));
  return result.config;
}

async function mistakes(...parameters: Parameters<typeof load>): Promise<readonly string[]> {
  const result = await load(...parameters);
  const found = result.kind === 'invalid' ? result.mistakes : [];
  expect(found.join()).not.toContain('hunter2');
  return found;
}

describe('a setting that refers to a secret', () => {
  it.each([
    ['a file', 'file:/run/smtp', { '/run/smtp': `${smtp}\n` }],
    ['a relative file', 'file:smtp', { '/srv/smtp': smtp }],
    ['a variable', 'env:MY_SMTP', {}],
    ['Vault', 'vault:secret/latchkey#smtp', {}],
    ['AWS', 'aws-sm:smtp', {}],
    ['Google Cloud', 'gcp-sm:smtp', {}],
  ])('gets it from %s', async (_, reference, files) => {
    const env = { SMTP_URL: reference, MY_SMTP: smtp };
    const config = await loaded(env, files, storesOf({ smtp }));
    expect(config.mail.smtp).toMatchObject({ host: 'mail.example.com', auth: { pass: 'hunter2' } });
    expect(describeConfig(config).find(({ name }) => name === 'SMTP_URL')?.value).toBe('(set)');
    const fileNames = config.secretFiles.map(({ path }) => path);
    expect(fileNames).toEqual(Object.keys(files));
  });

  it('can be in the settings file, a provider included, and all secrets are read together', async () => {
    const provider = { preset: 'google', clientId: 'x', clientSecret: 'gcp-sm:google' };
    const file = {
      keys: { kek: 'vault:secret/latchkey#kek' },
      providers: { google: provider, own: { ...provider, clientSecretFile: 'own', clientSecret: undefined } },
    };
    const files = { '/srv/latchkey.config.json': JSON.stringify(file), '/srv/own': 'env:NOT_A_REFERENCE' };
    const calls: unknown[] = [];
    const config = await loaded(inVault, files, storesOf({ smtp, kek, google: 'hunter2' }, calls));
    expect(config.keys.kek?.export().toString('base64')).toBe(kek);
    expect(config.providers?.map(({ id, secret }) => [id, secret])).toEqual([
      ['google', 'hunter2'],
      ['own', 'env:NOT_A_REFERENCE'],
    ]);
    expect(calls).toMatchObject([{ access: { vault: { address: 'https://vault.example.com', token: 'hvs.x' } } }]);
    expect((calls[0] as { references: unknown[] }).references).toHaveLength(3);
  });

  it('is one level deep: neither the content of a file nor a secret is a reference', async () => {
    const env = { SMTP_URL_FILE: '/run/a', REDIS_URL: 'env:B', B: 'file:/run/hunter2' };
    expect(await mistakes(env, { '/run/a': 'env:B' })).toEqual([
      expect.stringMatching(/^The content of SMTP_URL_FILE must be a URL /),
      expect.stringMatching(/^The secret that REDIS_URL refers to must be a URL /),
    ]);
  });

  it.each([
    ['file:/run/smtp', 'refers to the file /run/smtp, which does not exist'],
    ['file:/run/locked', 'refers to the file /run/locked, which cannot be read (EACCES)'],
    ['file:/run/empty', 'refers to an empty secret'],
    ['env:MY_SMTP', 'refers to the variable MY_SMTP, which is not set'],
    ['env:', 'is not a valid reference: env: needs the name of an environment variable'],
    ['vault:secret/latchkey#other', 'cannot be read from Vault: it denied access (403)'],
  ])('%s gives one sentence when the secret is not there', async (reference, what) => {
    const files = { '/run/locked': 'unreadable', '/run/empty': '\n' };
    // The rule that production needs SMTP_URL is silent.
    const env = { NODE_ENV: 'production', SMTP_URL: reference, LATCHKEY_KEK: kek, LATCHKEY_DATABASE: 'embedded' };
    const found = await mistakes({ ...env, LATCHKEY_PUBLIC_URL: 'https://a.example' }, files, storesOf({}));
    expect(found).toEqual([`SMTP_URL ${what}.`]);
  });

  it('is transient only when stores are down and nothing else is wrong', async () => {
    const down = { SMTP_URL: 'aws-sm:none', REDIS_URL: 'gcp-sm:none' };
    expect(await load(down, {}, storesOf({}))).toEqual({
      kind: 'invalid',
      isTransient: true,
      mistakes: [
        'SMTP_URL cannot be read from AWS Secrets Manager: it did not respond in time.',
        'REDIS_URL cannot be read from Google Secret Manager: it did not respond in time.',
      ],
    });
    expect(await load({ ...down, LATCHKEY_PORT: 'x' }, {}, storesOf({}))).toMatchObject({ isTransient: false });
    expect(await load({ ...down, LATCHKEY_KEK: 'vault:a/b#c' }, {}, storesOf({}))).toMatchObject({
      isTransient: false,
    });
  });
});

describe('the settings of a store', () => {
  it('count only where a setting refers to it', async () => {
    const unused = { VAULT_ADDR: 'hunter2', VAULT_TOKEN_FILE: '/absent', AWS_REGION: '\n', GCE_METADATA_HOST: '/' };
    expect((await loaded(unused)).secretStores).toEqual({ vault: {}, aws: {}, gcp: {} });
    const found = await mistakes(
      { ...inVault, ...unused, VAULT_TOKEN: '', VAULT_ADDR: 'http://vault' },
      {},
      storesOf({}),
    );
    expect(found).toEqual([
      'VAULT_TOKEN_FILE names /absent, which does not exist.',
      expect.stringMatching(/^VAULT_ADDR must be an https URL .*; it is "http:\/\/vault"\.$/),
    ]);
  });

  it('can refer to a file or a variable, and not to a store', async () => {
    const calls: unknown[] = [];
    const env = { ...inVault, VAULT_TOKEN: 'file:/run/token', VAULT_CACERT: 'ca.pem' };
    const ca = '-----BEGIN CERTIFICATE-----\n';
    await loaded(env, { '/run/token': 'hvs.y\n', '/srv/ca.pem': ca }, storesOf({ smtp }, calls));
    expect(calls).toMatchObject([{ access: { vault: { token: 'hvs.y', certificateAuthority: ca } } }]);
    expect(await mistakes({ ...inVault, VAULT_TOKEN: 'gcp-sm:token' }, {}, storesOf({}))).toEqual([
      'VAULT_TOKEN must not refer to a secret store, because it is needed to reach one.',
    ]);
    expect(await mistakes(env, { '/run/token': 'hvs.y' }, storesOf({}))).toEqual([
      'VAULT_CACERT names ca.pem, which is not a readable PEM file.',
    ]);
  });

  it('take the token of the service account from where Kubernetes mounts it', async () => {
    const calls: unknown[] = [];
    const env = { ...inVault, VAULT_TOKEN: '', LATCHKEY_VAULT_KUBERNETES_ROLE: 'latchkey' };
    const files = { '/var/run/secrets/kubernetes.io/serviceaccount/token': 'a.b.c\n' };
    await loaded(env, files, storesOf({ smtp }, calls));
    const kubernetes = { role: 'latchkey', mount: 'kubernetes', serviceAccountToken: 'a.b.c' };
    expect(calls).toMatchObject([{ access: { vault: { token: undefined, kubernetes } } }]);
  });

  it('are of no use where no store can be reached', async () => {
    expect(await mistakes(inVault)).toEqual(['SMTP_URL refers to Vault, which cannot be used here.']);
  });
});

describe('LATCHKEY_UNKNOWN_SETTINGS=warn', () => {
  const file = { '/srv/latchkey.config.json': '{"http":{"prot":1},"later":{"x":1}}' };

  it('turns names that are not known into warnings, for a rollback', async () => {
    const env = { LATCHKEY_COLOR_OF_THE_BIKE_SHED: '1', LATCHKEY_UNKNOWN_SETTINGS: 'warn' };
    expect((await loaded(env, file)).warnings).toEqual([
      'LATCHKEY_COLOR_OF_THE_BIKE_SHED is not a setting.',
      'http.prot in latchkey.config.json is not a setting. Did you mean http.port?',
      'later in latchkey.config.json is not a setting.',
    ]);
    const inFile = { '/srv/latchkey.config.json': '{"unknownSettings":"warn","later":1}' };
    expect((await loaded({}, inFile)).warnings).toEqual(['later in latchkey.config.json is not a setting.']);
  });

  it('leaves every other mistake one', async () => {
    const env = { LATCHKEY_COLOR_OF_THE_BIKE_SHED: '1', LATCHKEY_UNKNOWN_SETTINGS: 'warn', LATCHKEY_PORT: 'x' };
    expect(await mistakes(env)).toEqual([
      'LATCHKEY_PORT must be a whole number from 0 to 65535; it is "x".',
      'LATCHKEY_COLOR_OF_THE_BIKE_SHED is not a setting.',
    ]);
    expect(await mistakes({ LATCHKEY_COLOR_OF_THE_BIKE_SHED: '1' }, file)).toHaveLength(3);
    expect(await mistakes({ LATCHKEY_UNKNOWN_SETTINGS: 'ignore' })).toEqual([
      'LATCHKEY_UNKNOWN_SETTINGS must be refuse or warn; it is "ignore".',
    ]);
  });
});

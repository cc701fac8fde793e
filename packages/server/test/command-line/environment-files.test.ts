/** The settings of the environments in deploy, by `config check`, with the secrets that they refer to. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settings } from '#config/schema.ts';
import { root, type Settings } from '../../../../e2e/support/program.ts';
import { runLatchkey } from './run.ts';

const directory = join(root, 'deploy/environments');
const overlays = join(root, 'deploy/kubernetes/overlays');
const secretNames = settings.filter(({ secret }) => secret).map(({ env }) => env);
/** The directory that the files name; here another one has the secrets. */
const mounted = '/run/secrets/latchkey';

let secrets: string;

beforeAll(() => {
  secrets = mkdtempSync(join(tmpdir(), 'latchkey-secrets-'));
  const values = {
    kek: randomBytes(32).toString('base64'),
    'database-url': 'postgres://latchkey:planted@localhost:5432/latchkey',
    'redis-url': 'redis://:planted@localhost:6379/0',
    'smtp-url': 'smtps://latchkey:planted@localhost:465',
  };
  for (const [name, value] of Object.entries(values)) writeFileSync(join(secrets, name), `${value}\n`, { mode: 0o600 });
});
afterAll(() => rmSync(secrets, { recursive: true, force: true }));

const read = (...path: string[]) => readFileSync(join(...path), 'utf8');

function settingsIn(...texts: readonly string[]): Settings {
  const parsed = Object.assign({}, ...texts.map((text) => parseEnv(text))) as Record<string, string>;
  return Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, value.replace(mounted, secrets)]));
}

/** The settings whose value is a secret itself. */
function literalSecrets(text: string): string[] {
  const isReference = (value = '') => /^(?:file|env|vault|aws-sm|gcp-sm):/.test(value);
  return Object.entries(parseEnv(text))
    .filter(([name, value]) => secretNames.includes(name) && !isReference(value))
    .map(([name]) => name);
}

it('there is one file for each environment', () => {
  expect(readdirSync(directory).toSorted()).toEqual(['development.env', 'production.env', 'staging.env']);
});

describe.each(['development', 'staging', 'production'])('the settings of %s', (environment) => {
  const text = read(directory, `${environment}.env`);
  const mode = environment === 'development' ? 'development, embedded database' : 'production, PostgreSQL';

  it('are valid, and their secrets are references', async () => {
    expect(literalSecrets(text)).toEqual([]);
    const result = await runLatchkey(['config', 'check'], settingsIn(text));
    expect(result).toEqual({ code: 0, stdout: `The configuration is valid (${mode}).\n`, stderr: '' });
  });
});

it.each(['staging', 'production'])('a pod of %s has valid settings', async (environment) => {
  const texts = [read(overlays, '../base/settings.env'), read(overlays, environment, 'settings.env')];
  const result = await runLatchkey(['config', 'check'], settingsIn(...texts));
  expect(result).toMatchObject({ code: 0, stderr: '' });
});

it.each([
  ['a setting that does not exist', 'LATCHKEY_PUBLIC_ULR=https://auth.example.com', 'LATCHKEY_PUBLIC_ULR'],
  ['a public URL without TLS', 'LATCHKEY_PUBLIC_URL=http://auth.example.com', 'LATCHKEY_PUBLIC_URL'],
  ['a secret that is not there', `LATCHKEY_KEK=file:${mounted}/missing`, 'LATCHKEY_KEK'],
])('%s is refused', async (_, line, named) => {
  const result = await runLatchkey(['config', 'check'], settingsIn(`${read(directory, 'production.env')}\n${line}\n`));
  expect(result.code).toBe(78);
  expect(result.stderr).toContain(named);
});

it('a literal secret is named', () => {
  expect(literalSecrets(`${read(directory, 'production.env')}\nSMTP_URL=smtps://a:b@localhost\n`)).toEqual([
    'SMTP_URL',
  ]);
});

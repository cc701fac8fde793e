import { describe, expect, it } from 'vitest';
import { settingFiles } from '#test/support/setting-files.ts';
import { type LoadedConfig, loadConfig } from './load.ts';

function load(env: Readonly<Record<string, string>>, files: Readonly<Record<string, string>>): Promise<LoadedConfig> {
  return loadConfig({
    env,
    cwd: '/srv',
    files: settingFiles(files),
  });
}

describe('the files of a database URL', () => {
  const url = (parameters: string) => ({ DATABASE_URL: `postgres://db/x?sslmode=verify-full&${parameters}` });

  it('are read with the configuration, relative to the working directory', async () => {
    const pem = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n';
    const loaded = await load(url('sslrootcert=ca.crt'), { '/srv/ca.crt': pem });
    expect(loaded).toMatchObject({ config: { database: { adminServer: { tls: { mode: 'verify-full', ca: pem } } } } });
  });

  it.each([
    ['sslrootcert=ca.crt', {}, 'DATABASE_URL cannot be used: its sslrootcert ca.crt does not exist.'],
    [
      'sslrootcert=a',
      { '/srv/a': 'unreadable' },
      'DATABASE_URL cannot be used: its sslrootcert a cannot be read (EACCES).',
    ],
    ['sslrootcert=a', { '/srv/a': 'text' }, 'DATABASE_URL cannot be used: its sslrootcert a is not a PEM file.'],
    [
      'sslcert=a&sslkey=a',
      { '/srv/a': '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n' },
      'DATABASE_URL cannot be used: its sslrootcert, sslcert and sslkey cannot be used together.',
    ],
  ])('%s with the files %j is a mistake', async (parameters, files, sentence) => {
    expect(await load(url(parameters), files)).toMatchObject({ kind: 'invalid', mistakes: [sentence] });
  });
});

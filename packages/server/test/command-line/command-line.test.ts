/** The command line without a deployment. Each deployment has a file of its own, so that they run side by side. */
import { describe, expect, it } from 'vitest';
import { commands } from '#app/cli/list.ts';
import { launcher, startProgram } from '../../../../e2e/support/program.ts';
import { startAws, startVault, vaultToken } from '../support/secret-stores.ts';
import { openDeployment } from './deployments.ts';
import { runHere, runLatchkey } from './run.ts';
import { processes, table } from './table.ts';

it('has rows for exactly the existing commands', () => {
  const rows = new Set([...table, ...processes].map(({ command }) => command));
  expect([...rows].sort()).toEqual(commands.map(({ name }) => name).sort());
});

describe('help', () => {
  const settings = { LATCHKEY_PORT: 'none' };

  it.each(commands.map((command) => command.name))('%s prints its help under any configuration', async (command) => {
    const ran = await runHere([...command.split(' '), '--help'], settings);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout.startsWith(`latchkey ${command}`)).toBe(true);
  });

  it('is the same in a process of its own', async () => {
    const argv = ['user', 'create', '--help'];
    expect(await runLatchkey(argv, settings)).toEqual(await runHere(argv, settings));
  });
});

describe('an unusable configuration', () => {
  it('is reported completely, with exit code 78', async () => {
    const ran = await runLatchkey(['config', 'check'], {
      LATCHKEY_PORT: 'x',
      LATCHKEY_LOG_LEVEL: 'loud',
      LATCHKEY_PROT: '1',
    });
    expect(ran.code).toBe(78);
    for (const named of ['LATCHKEY_PORT', 'LATCHKEY_LOG_LEVEL', 'LATCHKEY_PROT']) expect(ran.stderr).toContain(named);
    expect(ran.stderr).not.toMatch(/\n {4}at /);
  });

  it('names each secret that cannot be read, and its store, and nothing of it', async () => {
    const [vault, aws] = await Promise.all([startVault(), startAws()]);
    vault.secrets.set('secret/latchkey', '{"kek":"hunter2"}');
    const ran = await runLatchkey(['config', 'check', '--json'], {
      LATCHKEY_KEK: 'vault:secret/latchkey#kek',
      SMTP_URL: 'vault:secret/other#url',
      VAULT_ADDR: vault.url,
      VAULT_TOKEN: vaultToken,
      DATABASE_URL: 'aws-sm:latchkey/database',
      AWS_REGION: 'eu-central-1',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'hunter2',
    });
    expect(ran.code).toBe(78);
    expect(ran.stderr.trimEnd().split('\n').sort()).toEqual([
      'DATABASE_URL cannot be read from AWS Secrets Manager: AWS rejected the signature: the secret access key or the clock of this machine is wrong.',
      'SMTP_URL cannot be read from Vault: Vault has no secret at the path (404).',
      'The secret that LATCHKEY_KEK refers to must be 32 bytes in base64 (44 characters), as "openssl rand -base64 32" prints them.',
    ]);
    expect(ran.stdout + ran.stderr).not.toContain('hunter2');
    await Promise.all([vault.stop(), aws.stop()]);
  });

  it('names an unreachable database in one sentence, without its password', async () => {
    const settings = { DATABASE_URL: 'postgres://ada:topsecret@127.0.0.1:1/none', LATCHKEY_DATA_DIR: '/nonexistent' };
    const listed = await runLatchkey(['user', 'list'], settings);
    expect(listed.code).toBe(1);
    expect(listed.stderr.trimEnd().split('\n')).toHaveLength(1);
    const migrated = await runLatchkey(['migrate', 'status'], settings);
    expect(migrated).toEqual({ code: 1, stdout: '', stderr: listed.stderr });
    const examined = await runLatchkey(['doctor'], settings);
    expect(examined.code).toBe(1);
    expect(examined.stdout).toMatch(/^fail +database +The database cannot be used: /m);
    expect(listed.stderr + examined.stdout).not.toContain('topsecret');
  });
});

it('ignores a closed pipe on standard output', async () => {
  const deployment = await openDeployment('server down');
  const line = `${process.execPath} ${launcher} config print | true; test "\${PIPESTATUS[0]}" = 0`;
  const program = startProgram(['bash', '-c', line], deployment.settings);
  const { code } = await program.exited;
  await deployment.end();
  expect({ code, stderr: program.stderr() }).toEqual({ code: 0, stderr: '' });
});

import { rmSync } from 'node:fs';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import type { Settings } from '../../../../e2e/support/program.ts';
import { makeDirectory, settingsOf, startServer } from '../../../../e2e/support/server.ts';
import { copyEmbedded } from '../support/embedded-template.ts';
import { cloneDatabase, createDatabase } from '../support/postgres.ts';
import { type FakeStore, startVault, vaultToken } from '../support/secret-stores.ts';

/** The deployments in which each command runs. */
export const deploymentKinds = ['server down', 'server up, embedded', 'server up, PostgreSQL'] as const;

export type DeploymentKind = (typeof deploymentKinds)[number];

/** A deployment, and the settings of a command that uses it. */
export type Deployment = {
  readonly settings: Settings;
  /** URL of the server, if one runs. */
  readonly url: string | undefined;
  end(): Promise<void>;
};

export async function openDeployment(name: DeploymentKind): Promise<Deployment> {
  const dataDirectory = name === 'server up, embedded' ? await copyEmbedded() : makeDirectory();
  const opsPort = String(await findFreePort());
  const env = { LATCHKEY_OPS_PORT: opsPort };
  const remove = () => rmSync(dataDirectory, { recursive: true, force: true });
  if (name === 'server down') {
    const settings = settingsOf({ database: await createDatabase(), env }, dataDirectory, await findFreePort());
    return { settings, url: undefined, end: async () => remove() };
  }
  const database = name === 'server up, embedded' ? 'embedded' : await cloneDatabase();
  const server = await startServer({ database, dataDirectory });
  const settings = settingsOf({ database, env }, dataDirectory, Number(new URL(server.url).port));
  const references = database === 'embedded' ? undefined : await referTo(settings);
  const end = async () => {
    await server.stop();
    await references?.vault.stop();
    remove();
  };
  return { settings: references?.settings ?? settings, url: server.url, end };
}

/** Settings that refer to the secrets of others, so that every command is run with references. */
async function referTo(settings: Settings): Promise<{ readonly settings: Settings; readonly vault: FakeStore }> {
  const vault = await startVault();
  vault.secrets.set('secret/latchkey', JSON.stringify({ kek: settings.LATCHKEY_KEK }));
  const references = {
    LATCHKEY_KEK: 'vault:secret/latchkey#kek',
    VAULT_ADDR: vault.url,
    VAULT_TOKEN: vaultToken,
    DATABASE_URL: 'env:URL_OF_THE_TEST',
    URL_OF_THE_TEST: settings.DATABASE_URL,
  };
  return { settings: { ...settings, ...references }, vault };
}

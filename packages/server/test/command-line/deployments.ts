import { rmSync } from 'node:fs';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import type { Settings } from '../../../../e2e/support/program.ts';
import { makeDirectory, settingsOf, startServer } from '../../../../e2e/support/server.ts';
import { cloneDatabase } from '../support/postgres.ts';

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
  const dataDirectory = makeDirectory();
  const opsPort = String(await findFreePort());
  const env = { LATCHKEY_OPS_PORT: opsPort };
  const remove = () => rmSync(dataDirectory, { recursive: true, force: true });
  if (name === 'server down') {
    const settings = settingsOf({ database: 'embedded', env }, dataDirectory, await findFreePort());
    return { settings, url: undefined, end: async () => remove() };
  }
  const database = name === 'server up, embedded' ? 'embedded' : await cloneDatabase();
  const server = await startServer({ database, dataDirectory });
  const settings = settingsOf({ database, env }, dataDirectory, Number(new URL(server.url).port));
  const end = async () => {
    await server.stop();
    remove();
  };
  return { settings, url: server.url, end };
}

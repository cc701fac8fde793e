import { rmSync } from 'node:fs';
import { cloneDatabase } from '#test/support/postgres.ts';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import type { Settings } from '../../../../e2e/support/program.ts';
import { makeDirectory, settingsOf, startServer } from '../../../../e2e/support/server.ts';

/** Where a command meets its data: alone, beside a server on the embedded database, beside a server on PostgreSQL. */
export const placeNames = ['server down', 'server up, embedded', 'server up, PostgreSQL'] as const;

export type PlaceName = (typeof placeNames)[number];

/** A deployment, and how a command of it is configured. */
export type Place = {
  readonly settings: Settings;
  /** Where the server answers, if one runs. */
  readonly url: string | undefined;
  end(): Promise<void>;
};

/** Starts what the place needs. */
export async function openPlace(name: PlaceName): Promise<Place> {
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

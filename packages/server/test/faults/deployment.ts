import { rmSync } from 'node:fs';
import { Client as Database } from 'pg';
import { openEmbeddedCluster } from '#platform/database/embedded/index.ts';
import { type PostgresCluster, startPostgres } from '#test/support/postgres-cluster.ts';
import { eventually } from '#test/support/wait.ts';
import { type Client, client } from '../../../../e2e/support/client.ts';
import { runCommand, startProgram } from '../../../../e2e/support/program.ts';
import {
  isReady,
  makeDirectory,
  type RunningServer,
  type ServerOptions,
  settingsOf,
  startServer,
} from '../../../../e2e/support/server.ts';

/** The process that gets SIGKILL, and the database of the server. */
export type CrashTarget = 'server on the embedded database' | 'server on PostgreSQL' | 'PostgreSQL under the server';

export const crashTargets: readonly CrashTarget[] = [
  'server on the embedded database',
  'server on PostgreSQL',
  'PostgreSQL under the server',
];

/** A server with its data that can be crashed and restarted. */
export interface Deployment extends AsyncDisposable {
  /** A client of the current server. */
  node(): Client;
  /** Sends SIGKILL to the target while requests are in progress. */
  crash(): Promise<void>;
  /** Reads the database after the crash; starts PostgreSQL first if it was the target. */
  inspect<T>(read: (database: Pick<Database, 'query'>) => Promise<T>): Promise<T>;
  /** Restarts the crashed process and waits until the server is ready. */
  restart(): Promise<void>;
  /** The log of the current server. */
  logs(): string;
  /** Runs a `latchkey` command besides the server. @throws Error with its standard error when it fails. */
  command(parameters: readonly string[]): Promise<void>;
}

/** The issuer of the tokens, which must stay the same when the port changes. */
const publicUrl = 'http://localhost:5625';

/** Starts a target with its own data; mail goes to `smtpUrl`. */
export async function deploy(victim: CrashTarget, smtpUrl: string): Promise<Deployment> {
  switch (victim) {
    case 'server on the embedded database':
      return await deployEmbedded(smtpUrl);
    case 'server on PostgreSQL':
      return await deployOnPostgres(smtpUrl, 'server');
    case 'PostgreSQL under the server':
      return await deployOnPostgres(smtpUrl, 'cluster');
  }
}

async function deployEmbedded(smtpUrl: string): Promise<Deployment> {
  const dataDirectory = makeDirectory();
  const options = { database: 'embedded', dataDirectory, smtpUrl, publicUrl };
  const start = () => startServer(options);
  let server = await start();
  return {
    node: () => client(server.url),
    crash: () => server.kill9(),
    inspect: async (read) => {
      await using cluster = await openEmbeddedCluster(dataDirectory);
      return await read(cluster.client);
    },
    restart: async () => {
      server = await start();
    },
    logs: () => server.logs(),
    command: (parameters) => command(parameters, options, server.dataDirectory),
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

async function command(parameters: readonly string[], options: ServerOptions, dataDirectory: string): Promise<void> {
  const { code, stderr } = await runCommand(parameters, settingsOf(options, dataDirectory, 0));
  if (code !== 0) throw new Error(`latchkey ${parameters.join(' ')} ended with ${code}: ${stderr}`);
}

/** Durable, because its crash is under test. */
async function deployOnPostgres(smtpUrl: string, killed: 'server' | 'cluster'): Promise<Deployment> {
  const cluster = await startPostgres({ durable: true });
  const url = cluster.url('postgres');
  const options = { database: url, smtpUrl, publicUrl };
  const start = () => startServer(options);
  let server = await start();
  return {
    node: () => client(server.url),
    crash: () => (killed === 'server' ? server.kill9() : killCluster(cluster)),
    inspect: async (read) => {
      if (killed === 'cluster') await cluster.restart();
      const database = new Database({ connectionString: url });
      await database.connect();
      try {
        return await read(database);
      } finally {
        await database.end();
      }
    },
    restart: async () => {
      if (killed === 'server') server = await start();
      else await awaitReady(server);
    },
    logs: () => server.logs(),
    command: (parameters) => command(parameters, options, server.dataDirectory),
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await cluster.stop();
    },
  };
}

/** In another process: listing the backends here would block this one until every pending response has arrived. */
async function killCluster(cluster: PostgresCluster): Promise<void> {
  const script = 'kill -9 "$1" $(ps -o pid= --ppid "$1")';
  const { code } = await startProgram(['sh', '-c', script, 'sh', String(cluster.pid)]).exited;
  if (code !== 0) throw new Error('PostgreSQL was not killed');
}

async function awaitReady(server: RunningServer): Promise<void> {
  await eventually(() => isReady(server, server.url), {
    what: 'the server reaches its database again',
    timeoutMs: 30_000,
  });
}

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

/** What is killed, and where its data is. */
export type Victim = 'server on the embedded database' | 'server on PostgreSQL' | 'PostgreSQL under the server';

/** Everything that can be killed. */
export const victims: readonly Victim[] = [
  'server on the embedded database',
  'server on PostgreSQL',
  'PostgreSQL under the server',
];

/** A server with its data, which can be killed and brought back. */
export interface Deployment extends AsyncDisposable {
  /** Asks the server that runs now. */
  node(): Client;
  /** Ends the victim by SIGKILL while requests are under way. */
  crash(): Promise<void>;
  /** Reads what the crash left; starts PostgreSQL for it if that was what died. */
  inspect<T>(look: (database: Pick<Database, 'query'>) => Promise<T>): Promise<T>;
  /** Answers when the server is ready again; started anew if it was the one that died. */
  revive(): Promise<void>;
  /** Everything that the server that runs now has written. */
  logs(): string;
  /** Runs a command of `latchkey` beside the server. @throws Error with what it said, when it fails. */
  command(parameters: readonly string[]): Promise<void>;
}

/** The issuer of tokens; it must outlive the server's port. */
const publicUrl = 'http://localhost:3000';

/** Starts a victim with data of its own; mail goes to `smtpUrl`. */
export async function deploy(victim: Victim, smtpUrl: string): Promise<Deployment> {
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
    inspect: async (look) => {
      await using cluster = await openEmbeddedCluster({ dataDirectory });
      return await look(cluster.client);
    },
    revive: async () => {
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

/** A cluster that syncs what it commits: its crash is what this is about. */
async function deployOnPostgres(smtpUrl: string, dies: 'server' | 'cluster'): Promise<Deployment> {
  const cluster = await startPostgres({ durable: true });
  const url = cluster.url('postgres');
  const options = { database: url, smtpUrl, publicUrl };
  const start = () => startServer(options);
  let server = await start();
  return {
    node: () => client(server.url),
    crash: () => (dies === 'server' ? server.kill9() : killCluster(cluster)),
    inspect: async (look) => {
      if (dies === 'cluster') await cluster.restart();
      const database = new Database({ connectionString: url });
      await database.connect();
      try {
        return await look(database);
      } finally {
        await database.end();
      }
    },
    revive: async () => {
      if (dies === 'server') server = await start();
      else await untilReady(server);
    },
    logs: () => server.logs(),
    command: (parameters) => command(parameters, options, server.dataDirectory),
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await cluster.stop();
    },
  };
}

/** From another process: looking for the backends here would hold this one until every answer under way has arrived. */
async function killCluster(cluster: PostgresCluster): Promise<void> {
  const script = 'kill -9 "$1" $(ps -o pid= --ppid "$1")';
  const { code } = await startProgram(['sh', '-c', script, 'sh', String(cluster.pid)]).ended;
  if (code !== 0) throw new Error('PostgreSQL was not killed');
}

async function untilReady(server: RunningServer): Promise<void> {
  await eventually(() => isReady(server, server.url), {
    what: 'the server has found its database again',
    timeoutMs: 30_000,
  });
}

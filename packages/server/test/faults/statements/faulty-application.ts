/** The product on a database whose n-th statement fails, on PostgreSQL and on the embedded database. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { Client } from 'pg';
import { assert } from '#kernel/assert.ts';
import { makeDirectory } from '../../../../../e2e/support/server.ts';
import { Application } from '../../support/application.ts';
import { loginMethodsEnabled } from '../../support/login-by-mail.ts';
import { cloneDatabase } from '../../support/postgres.ts';
import { stopSharedProvider } from '../../support/shared-provider.ts';
import { startBreakingProxy } from './breaking-proxy.ts';
import { FaultInjector } from './fault-injector.ts';

/** Queries that bypass the fault injector. */
export type DirectQueries = Pick<Client, 'query'>;

/** A product without background work, so that every statement belongs to the scenario. */
export interface FaultyApplication extends AsyncDisposable {
  readonly app: Application;
  readonly injector: FaultInjector;
  inspect<T>(work: (database: DirectQueries) => Promise<T>): Promise<T>;
}

export type OpenFaultyApplication = () => Promise<FaultyApplication>;

/** A fault loses the connection that carries the statement; the product can use other connections. */
export async function openOnPostgres(): Promise<FaultyApplication> {
  const url = await cloneDatabase();
  const proxy = await startBreakingProxy(url);
  const app = await Application.open({ manual: true, env: { ...loginMethodsEnabled, DATABASE_URL: proxy.url } });
  const database = new Client({ connectionString: url });
  await database.connect();
  return {
    app,
    injector: proxy.injector,
    inspect: (work) => work(database),
    [Symbol.asyncDispose]: async () => {
      await database.end();
      await stopSharedProvider(app);
      await app.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/**
 * A fault fails the statement. The embedded database has one connection in the process; crash trials cover its loss.
 */
export async function openOnEmbedded(): Promise<FaultyApplication> {
  const directory = makeDirectory();
  const kek = randomBytes(32).toString('base64');
  const env = { ...loginMethodsEnabled, DATABASE_URL: '', LATCHKEY_DATA_DIR: directory, LATCHKEY_KEK: kek };
  const app = await Application.open({ manual: true, env });
  const { opened } = app.services;
  assert(opened.kind === 'embedded', 'the database is embedded');
  const injector = new FaultInjector();
  const { database } = opened;
  const query = await database.exclusively(async (client) => injectFaults(client, injector));
  return {
    app,
    injector,
    inspect: (work) => database.exclusively(() => work({ query } as DirectQueries)),
    [Symbol.asyncDispose]: async () => {
      await stopSharedProvider(app);
      await app.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Replaces the client's query method; returns the original. */
function injectFaults(client: Client, injector: FaultInjector): Client['query'] {
  const query = client.query.bind(client) as Client['query'];
  const send = query as unknown as (sent: unknown) => Promise<unknown>;
  const fail = async (sent: unknown, timing: 'before' | 'after') => {
    if (timing === 'after') await send(sent);
    // A failed commit has rolled back.
    else if (sent === 'commit') await send('rollback');
    throw new Error(`injected failure ${timing} a statement`);
  };
  const queryWithFaults = (sent: string | { readonly name?: string }) => {
    const timing = injector.next(typeof sent === 'string' ? sent : (sent.name ?? ''));
    return timing === undefined ? send(sent) : fail(sent, timing);
  };
  client.query = queryWithFaults as unknown as Client['query'];
  return query;
}

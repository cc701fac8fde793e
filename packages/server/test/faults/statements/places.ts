/** The product over a database whose n-th statement fails, on PostgreSQL and on the embedded database. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { Client } from 'pg';
import { assert } from '#kernel/assert.ts';
import { Application } from '#test/support/application.ts';
import { cloneDatabase } from '#test/support/postgres.ts';
import { makeDirectory } from '../../../../../e2e/support/server.ts';
import { loginMethodsEnabled } from '../../support/login-by-mail.ts';
import { openBreakingLine } from './breaking-line.ts';
import { Fuse } from './fuse.ts';

/** Reads behind the product's back; never breaks. */
export type Look = Pick<Client, 'query'>;

/** A product whose way to the database has a fuse in it. Nothing runs in it by itself: each statement was asked for. */
export interface Place extends AsyncDisposable {
  readonly app: Application;
  readonly fuse: Fuse;
  look<T>(work: (database: Look) => Promise<T>): Promise<T>;
}

/** Opens one. */
export type OpenPlace = () => Promise<Place>;

/** The connection that carries the statement is lost; the product reaches PostgreSQL by others. */
export async function openOnPostgres(): Promise<Place> {
  const url = await cloneDatabase();
  const line = await openBreakingLine(url);
  const app = await Application.open({ manual: true, env: { ...loginMethodsEnabled, DATABASE_URL: line.url } });
  const database = new Client({ connectionString: url });
  await database.connect();
  return {
    app,
    fuse: line.fuse,
    look: (work) => work(database),
    [Symbol.asyncDispose]: async () => {
      await database.end();
      await app.close();
      await line[Symbol.asyncDispose]();
    },
  };
}

/**
 * The statement fails: on the one connection of the embedded database there is nothing between "it failed" and the death
 * of the process, which the crash trials bring about.
 */
export async function openOnEmbedded(): Promise<Place> {
  const directory = makeDirectory();
  const kek = randomBytes(32).toString('base64');
  const env = { ...loginMethodsEnabled, DATABASE_URL: '', LATCHKEY_DATA_DIR: directory, LATCHKEY_KEK: kek };
  const app = await Application.open({ manual: true, env });
  const { opened } = app.services;
  assert(opened.kind === 'embedded', 'no server was named');
  const fuse = new Fuse();
  const { database } = opened;
  const query = await database.exclusively(async (client) => putFuse(client, fuse));
  return {
    app,
    fuse,
    look: (work) => database.exclusively(() => work({ query } as Look)),
    [Symbol.asyncDispose]: async () => {
      await app.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Takes hold of the one method that every statement goes through; answers it as it was. */
function putFuse(client: Client, fuse: Fuse): Client['query'] {
  const query = client.query.bind(client) as Client['query'];
  const send = query as unknown as (sent: unknown) => Promise<unknown>;
  const fail = async (sent: unknown, moment: 'before' | 'after') => {
    if (moment === 'after') await send(sent);
    // A commit that fails has rolled back.
    else if (sent === 'commit') await send('rollback');
    throw new Error(`the way to the database broke ${moment} a statement`);
  };
  const broken = (sent: unknown) => {
    const moment = fuse.pass(typeof sent === 'string' ? sent : undefined);
    return moment === undefined ? send(sent) : fail(sent, moment);
  };
  client.query = broken as unknown as Client['query'];
  return query;
}

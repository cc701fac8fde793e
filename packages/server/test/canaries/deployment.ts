/** A deployment whose every secret is known to the test: started, stopped, emptied of all that it wrote. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client as Database } from 'pg';
import { openEmbeddedCluster } from '#platform/database/embedded/index.ts';
import { type HttpReceiver, json, startReceiver } from '#test/support/http-receiver.ts';
import { cloneDatabase } from '#test/support/postgres.ts';
import { startSmtpServer, type TestSmtpServer } from '#test/support/smtp.ts';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import { readMessage } from '../../../../e2e/support/mail-message.ts';
import {
  makeDirectory,
  type RunningServer,
  type ServerOptions,
  settingsOf,
  startServer,
} from '../../../../e2e/support/server.ts';
import { runLatchkey } from '../command-line/run.ts';
import { loginMethodsEnabled } from '../support/login-by-mail.ts';
import type { Places } from './places.ts';

/** Where its data is. */
export type DatabaseKind = 'embedded' | 'postgres';

type Query = Pick<Database, 'query'>;

/** What an operator types into settings. */
export interface OperatorSecrets {
  readonly kek: Buffer;
  readonly hookSecret: Buffer;
  readonly smtpPassword: string;
  readonly databasePassword: string;
  readonly redisPassword: string;
}

/** A deployment; `end` it. */
export class Deployment {
  readonly #options: ServerOptions & { readonly dataDirectory: string };
  readonly #databaseUrl: string | undefined;
  readonly #places: Places;
  readonly smtp: TestSmtpServer;
  readonly hook: HttpReceiver;
  #server: RunningServer | undefined;

  private constructor(parts: {
    readonly options: ServerOptions & { readonly dataDirectory: string };
    readonly databaseUrl: string | undefined;
    readonly places: Places;
    readonly smtp: TestSmtpServer;
    readonly hook: HttpReceiver;
  }) {
    this.#options = parts.options;
    this.#databaseUrl = parts.databaseUrl;
    this.#places = parts.places;
    this.smtp = parts.smtp;
    this.hook = parts.hook;
  }

  static async open(kind: DatabaseKind, secrets: OperatorSecrets, places: Places): Promise<Deployment> {
    const databaseUrl = kind === 'postgres' ? withPassword(await cloneDatabase(), secrets.databasePassword) : undefined;
    const smtp = await startSmtpServer({
      allowInsecureAuth: true,
      onAuth: ({ username }, _session, reply) => reply(null, { user: username }),
    });
    const hook = await startReceiver();
    hook.react(json({ allow: true }));
    const env = {
      ...loginMethodsEnabled,
      LATCHKEY_LOG_LEVEL: 'debug',
      LATCHKEY_KEK: secrets.kek.toString('base64'),
      LATCHKEY_TRUSTED_PROXIES: '127.0.0.1/32',
      LATCHKEY_REGISTRATION_HOOK_URL: `http://127.0.0.1:${hook.port}/may-register`,
      LATCHKEY_REGISTRATION_HOOK_SECRET: secrets.hookSecret.toString('base64'),
      LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE: '1',
      // Nobody listens there: what is said about a connection that fails is what this is for.
      REDIS_URL: `redis://:${secrets.redisPassword}@127.0.0.1:${await findFreePort()}`,
    };
    const options = {
      database: databaseUrl ?? 'embedded',
      dataDirectory: makeDirectory(),
      smtpUrl: withPassword(smtp.url, secrets.smtpPassword),
      publicUrl: 'http://localhost:3000',
      env,
    };
    return new Deployment({ options, databaseUrl, places, smtp, hook });
  }

  /** Where the server that runs now answers. */
  get url(): string {
    return this.#running().url;
  }

  async start(): Promise<void> {
    this.#server = await startServer(this.#options);
  }

  /** Looks at what the operator sees of the server that runs now. */
  async observe(): Promise<void> {
    for (const path of ['/metrics', '/readyz?verbose', '/healthz']) {
      const answer = await fetch(this.#running().opsUrl + path);
      this.#places.add('metrics and probes', await answer.text());
    }
  }

  /** Runs a command beside the server; keeps what it said. @throws Error when it failed. */
  async command(argv: readonly string[], input = ''): Promise<string> {
    const { dataDirectory, env } = this.#options;
    const options = { ...this.#options, env: { ...env, LATCHKEY_OPS_PORT: String(await findFreePort()) } };
    const settings = settingsOf(options, dataDirectory, Number(new URL(this.url).port));
    const { code, stdout, stderr } = await runLatchkey(argv, settings, input);
    const place = `command ${argv.slice(0, 2).join(' ')}`;
    this.#places.add(place, stdout + stderr);
    if (code !== 0) throw new Error(`${place}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Stops the server and keeps everything that it wrote; then changes what it left. */
  async stop(change: (database: Query) => Promise<unknown> = () => Promise.resolve()): Promise<void> {
    const server = this.#running();
    this.#server = undefined;
    const code = await server.stop();
    if (code !== 0) throw new Error(`the server ended with ${code}`);
    this.#places.add('logs', server.logs());
    await this.#inspect(async (database) => {
      await this.#dump(database);
      await change(database);
    });
  }

  /** Keeps the files, and every message and every question that went out. */
  async end(label: (to: string) => string): Promise<void> {
    this.#keepFiles();
    for (const { raw, to } of this.smtp.received) {
      const place = `mail to ${label(to[0] ?? '')}`;
      this.#places.add(place, raw);
      this.#places.add(place, readMessage(raw).text);
    }
    for (const request of this.hook.received) this.#places.add('questions of the hook', JSON.stringify(request));
    await this.smtp.stop();
    await this.hook.stop();
    rmSync(this.#options.dataDirectory, { recursive: true, force: true });
  }

  #running(): RunningServer {
    if (this.#server === undefined) throw new Error('the server does not run');
    return this.#server;
  }

  async #inspect(look: (database: Query) => Promise<void>): Promise<void> {
    if (this.#databaseUrl === undefined) {
      await using cluster = await openEmbeddedCluster({ dataDirectory: this.#options.dataDirectory });
      await look(cluster.client);
      return;
    }
    const database = new Database({ connectionString: this.#databaseUrl });
    await database.connect();
    try {
      await look(database);
    } finally {
      await database.end();
    }
  }

  /** Every column of every table, a place each. */
  async #dump(database: Query): Promise<void> {
    const { rows: columns } = await database.query<{ table: string; column: string }>(
      `select c.relname::text as table, a.attname::text as column from pg_class c join pg_attribute a on a.attrelid = c.oid
       where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped`,
    );
    for (const { table, column } of columns) {
      const { rows } = await database.query<{ value: string | null }>(
        `select "${column}"::text as value from "${table}"`,
      );
      this.#places.add(`${table}.${column}`, rows.map(({ value }) => value ?? '').join('\n'));
    }
  }

  /** The bytes of every file: also of rows that are gone, which a backup of the directory would hold. */
  #keepFiles(): void {
    const { dataDirectory } = this.#options;
    for (const file of readdirSync(dataDirectory, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const place = file.parentPath.startsWith(join(dataDirectory, 'pgdata')) ? 'files of the database' : 'other files';
      this.#places.addBytes(place, readFileSync(join(file.parentPath, file.name)));
    }
  }
}

function withPassword(address: string, password: string): string {
  const url = new URL(address);
  if (url.username === '') url.username = 'canary';
  url.password = encodeURIComponent(password);
  return url.href;
}

/** A secret of a kind that nothing else contains. */
export function unique(): string {
  return randomBytes(9).toString('hex');
}

/** A deployment whose secrets the test knows; everything it writes is collected. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client as Database } from 'pg';
import { openEmbeddedCluster } from '#platform/database/embedded/index.ts';
import { type HttpReceiver, json, startReceiver } from '#test/support/http-receiver.ts';
import { type Collector, startCollector } from '#test/support/otlp-collector.ts';
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
import { copyEmbedded } from '../support/embedded-template.ts';
import { loginMethodsEnabled } from '../support/login-by-mail.ts';
import type { Locations } from './locations.ts';

export type DatabaseKind = 'embedded' | 'postgres';

type Query = Pick<Database, 'query'>;

/** Secrets in the settings of an operator. */
export interface OperatorSecrets {
  readonly kek: Buffer;
  readonly hookSecret: Buffer;
  readonly smtpPassword: string;
  readonly databasePassword: string;
  readonly redisPassword: string;
  readonly collectorKey: string;
  readonly sentryKey: string;
}

/** A deployment; call `end` after use. */
export class Deployment {
  readonly #options: ServerOptions & { readonly dataDirectory: string };
  readonly #databaseUrl: string | undefined;
  readonly #locations: Locations;
  readonly smtp: TestSmtpServer;
  readonly hook: HttpReceiver;
  readonly #collector: Collector;
  readonly #reports: HttpReceiver;
  #server: RunningServer | undefined;
  #profiles: Promise<unknown> = Promise.resolve();

  private constructor(parts: {
    readonly options: ServerOptions & { readonly dataDirectory: string };
    readonly databaseUrl: string | undefined;
    readonly locations: Locations;
    readonly smtp: TestSmtpServer;
    readonly hook: HttpReceiver;
    readonly collector: Collector;
    readonly reports: HttpReceiver;
  }) {
    this.#options = parts.options;
    this.#databaseUrl = parts.databaseUrl;
    this.#locations = parts.locations;
    this.smtp = parts.smtp;
    this.hook = parts.hook;
    this.#collector = parts.collector;
    this.#reports = parts.reports;
  }

  static async open(kind: DatabaseKind, secrets: OperatorSecrets, locations: Locations): Promise<Deployment> {
    const databaseUrl = kind === 'postgres' ? withPassword(await cloneDatabase(), secrets.databasePassword) : undefined;
    const smtp = await startSmtpServer({
      allowInsecureAuth: true,
      onAuth: ({ username }, _session, reply) => reply(null, { user: username }),
    });
    const hook = await startReceiver();
    hook.react(json({ allow: true }));
    const collector = await startCollector();
    const reports = await startReceiver();
    const env = {
      ...loginMethodsEnabled,
      LATCHKEY_LOG_LEVEL: 'debug',
      LATCHKEY_KEK: secrets.kek.toString('base64'),
      LATCHKEY_TRUSTED_PROXIES: '127.0.0.1/32',
      LATCHKEY_REGISTRATION_HOOK_URL: `http://127.0.0.1:${hook.port}/may-register`,
      LATCHKEY_REGISTRATION_HOOK_SECRET: secrets.hookSecret.toString('base64'),
      LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE: '1',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: `api-key=${secrets.collectorKey}`,
      OTEL_TRACES_SAMPLER: 'always_on',
      SENTRY_DSN: `http://${secrets.sentryKey}@127.0.0.1:${reports.port}/1`,
      // Nothing listens there, because log lines about failing connections are under test.
      REDIS_URL: `redis://:${secrets.redisPassword}@127.0.0.1:${await findFreePort()}`,
    };
    const options = {
      database: databaseUrl ?? 'embedded',
      dataDirectory: databaseUrl === undefined ? await copyEmbedded() : makeDirectory(),
      smtpUrl: withPassword(smtp.url, secrets.smtpPassword),
      publicUrl: 'http://localhost:5625',
      env,
    };
    return new Deployment({ options, databaseUrl, locations, smtp, hook, collector, reports });
  }

  /** URL of the current server. */
  get url(): string {
    return this.#running().url;
  }

  async start(): Promise<void> {
    this.#server = await startServer(this.#options);
    this.#profiles = this.#recordProfiles(this.#server);
  }

  /** While the scenario runs. */
  async #recordProfiles({ opsUrl }: RunningServer): Promise<void> {
    for (const kind of ['heap', 'profile']) {
      const response = await fetch(`${opsUrl}/debug/${kind}?seconds=1`);
      if (response.status !== 200) throw new Error(`/debug/${kind}: ${response.status}`);
      this.#locations.add('profiles', await response.text());
    }
  }

  /** Collects metrics and probes of the current server. */
  async observe(): Promise<void> {
    for (const path of ['/metrics', '/readyz?verbose', '/healthz']) {
      const response = await fetch(this.#running().opsUrl + path);
      this.#locations.add('metrics and probes', await response.text());
    }
  }

  /** Runs a command besides the server and collects its output. @throws Error when it exits with another code. */
  async command(argv: readonly string[], input = '', expectedCode = 0): Promise<string> {
    const { dataDirectory, env } = this.#options;
    const options = { ...this.#options, env: { ...env, LATCHKEY_OPS_PORT: String(await findFreePort()) } };
    const settings = settingsOf(options, dataDirectory, Number(new URL(this.url).port));
    const { code, stdout, stderr } = await runLatchkey(argv, settings, input);
    const location = `command ${argv.slice(0, 2).join(' ')}`;
    this.#locations.add(location, stdout + stderr);
    if (code !== expectedCode) throw new Error(`${location}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Stops the server, collects its logs and rows, and then changes the rows. */
  async stop(change: (database: Query) => Promise<unknown> = () => Promise.resolve()): Promise<void> {
    const server = this.#running();
    this.#server = undefined;
    await this.#profiles;
    const code = await server.stop();
    if (code !== 0) throw new Error(`the server ended with ${code}`);
    this.#locations.add('logs', server.logs());
    await this.#inspect(async (database) => {
      await this.#dump(database);
      await change(database);
    });
  }

  /** Collects the files, and every mail and hook request. */
  async end(label: (to: string) => string): Promise<void> {
    this.#keepFiles();
    for (const { raw, to } of this.smtp.received) {
      const location = `mail to ${label(to[0] ?? '')}`;
      this.#locations.add(location, raw);
      this.#locations.add(location, readMessage(raw).text);
    }
    for (const request of this.hook.received) this.#locations.add('requests to the hook', JSON.stringify(request));
    for (const bytes of this.#collector.bytes) this.#locations.add('spans', bytes.toString('utf8'));
    for (const { body } of this.#reports.received) this.#locations.add('error reports', body);
    await this.smtp.stop();
    await this.hook.stop();
    await this.#collector.stop();
    await this.#reports.stop();
    rmSync(this.#options.dataDirectory, { recursive: true, force: true });
  }

  #running(): RunningServer {
    if (this.#server === undefined) throw new Error('the server does not run');
    return this.#server;
  }

  async #inspect(work: (database: Query) => Promise<void>): Promise<void> {
    if (this.#databaseUrl === undefined) {
      await using cluster = await openEmbeddedCluster(this.#options.dataDirectory);
      await work(cluster.client);
      return;
    }
    const database = new Database({ connectionString: this.#databaseUrl });
    await database.connect();
    try {
      await work(database);
    } finally {
      await database.end();
    }
  }

  /** Collects every column of every table as a location of its own, but for transaction IDs: PostgreSQL assigns those, and they can have six digits. */
  async #dump(database: Query): Promise<void> {
    const { rows: columns } = await database.query<{ table: string; column: string }>(
      `select c.relname::text as table, a.attname::text as column from pg_class c join pg_attribute a on a.attrelid = c.oid
       where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace
         and a.attnum > 0 and not a.attisdropped and a.atttypid <> 'xid8'::regtype`,
    );
    for (const { table, column } of columns) {
      const { rows } = await database.query<{ value: string | null }>(
        `select "${column}"::text as value from "${table}"`,
      );
      this.#locations.add(`${table}.${column}`, rows.map(({ value }) => value ?? '').join('\n'));
    }
  }

  /** Collects the bytes of every file, including deleted rows, which a backup of the directory would contain. */
  #keepFiles(): void {
    const { dataDirectory } = this.#options;
    for (const file of readdirSync(dataDirectory, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const location = file.parentPath.startsWith(join(dataDirectory, 'pgdata'))
        ? 'files of the database'
        : 'other files';
      this.#locations.addBytes(location, readFileSync(join(file.parentPath, file.name)));
    }
  }
}

function withPassword(address: string, password: string): string {
  const url = new URL(address);
  if (url.username === '') url.username = 'canary';
  url.password = encodeURIComponent(password);
  return url.href;
}

/** A text that appears nowhere else. */
export function uniqueText(): string {
  return randomBytes(9).toString('hex');
}

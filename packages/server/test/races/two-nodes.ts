import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { Pool } from 'pg';
import { type Services, wire } from '#app/wiring.ts';
import { loadConfig } from '#config/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { eventually } from '#test/support/wait.ts';
import { type Client, client, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { runCommand } from '../../../../e2e/support/program.ts';
import { makeDirectory, type RunningServer, settingsOf, startServer } from '../../../../e2e/support/server.ts';
import { type SinkLine, type SmtpSink, startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import { loginMethodsEnabled } from '../support/login-by-mail.ts';
import { addFakeProvider, type KnownProvider } from '../support/provider-logins.ts';

/** Number of concurrent requests. */
export const concurrency = 20;

/** Two server processes on one PostgreSQL, a mail server that both use, and the services of an operator. */
export class TwoNodes implements AsyncDisposable {
  readonly clients: readonly [Client, Client];
  /** The services of admin commands, in a process that is neither node. */
  readonly operator: Services;
  /** Responses with 500 and above since they were last taken. */
  #serverErrors: string[] = [];
  readonly #servers: readonly RunningServer[];
  readonly #sink: SmtpSink;
  readonly #database: Pool;
  readonly #settings: ReturnType<typeof settingsOf>;
  readonly #directory: string;
  readonly #stops: (() => Promise<void>)[] = [];
  #provider: Promise<KnownProvider> | undefined;

  private constructor(parts: {
    servers: readonly [RunningServer, RunningServer];
    sink: SmtpSink;
    database: Pool;
    settings: ReturnType<typeof settingsOf>;
    directory: string;
    operator: Services;
  }) {
    const onResponse = ({ status, url }: Response) => {
      if (status >= 500) this.#serverErrors.push(`${status} by ${new URL(url).pathname}`);
    };
    this.clients = [client(parts.servers[0].url, { onResponse }), client(parts.servers[1].url, { onResponse })];
    this.operator = parts.operator;
    this.#servers = parts.servers;
    this.#sink = parts.sink;
    this.#database = parts.database;
    this.#settings = parts.settings;
    this.#directory = parts.directory;
  }

  /** @param url connection string of a PostgreSQL database, empty or migrated. */
  static async start(url: string): Promise<TwoNodes> {
    const sink = await startSmtpSink();
    const options = { database: url, smtpUrl: sink.url, publicUrl: 'http://localhost:5625', env: loginMethodsEnabled };
    const servers = [await startServer(options), await startServer(options)] as const;
    const database = new Pool({ connectionString: url, max: 4 });
    const directory = makeDirectory();
    const settings = settingsOf(options, directory, 0);
    const operator = await wireOperator(settings);
    return new TwoNodes({ servers, sink, database, settings, directory, operator });
  }

  /** The node for the request with this number; they alternate. */
  node(index: number): Client {
    return this.clients[index % 2 === 0 ? 0 : 1];
  }

  /** Starts `concurrency` requests in one turn of the event loop, half on each node, on open connections. */
  async concurrently<T>(request: (node: Client, index: number) => Promise<T>): Promise<T[]> {
    const numbers = Array.from({ length: concurrency }, (_, index) => index);
    await Promise.all(numbers.map((index) => this.node(index).send('GET', '/livez').then(drain)));
    return await Promise.all(numbers.map((index) => request(this.node(index), index)));
  }

  /**
   * Waits for a random number of database round trips. Without this, the cheaper side of a race would always be first
   * and there would be no race.
   */
  async delay(roundTrips: number): Promise<void> {
    for (let left = randomInt(roundTrips + 1); left > 0; left -= 1) await this.#database.query('select 1');
  }

  /** An identity provider on loopback, which both nodes know; started at the first use. */
  provider(): Promise<KnownProvider> {
    this.#provider ??= this.#startProvider();
    return this.#provider;
  }

  async #startProvider(): Promise<KnownProvider> {
    const provider = await addFakeProvider({ services: this.operator });
    this.#stops.push(() => provider.fake.stop());
    // A node reads the providers again before it treats one as unknown; its pages show the button from then on.
    const body = { provider: provider.id, idToken: 'none', nonce: 'none' };
    for (const node of this.clients) await node.api('POST', '/auth/login/id-token', { body });
    return provider;
  }

  /** The first column of the first row, as a number. */
  async count(sql: string, values: readonly unknown[] = []): Promise<number> {
    const result = await this.#database.query<[string]>({ text: sql, values: [...values], rowMode: 'array' });
    return Number(result.rows[0]?.[0]);
  }

  /** Runs a query on a connection of the test and returns all rows. */
  async rows<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.#database.query<Row>(sql, [...values])).rows;
  }

  takeServerErrors(): readonly string[] {
    const taken = this.#serverErrors;
    this.#serverErrors = [];
    return taken;
  }

  /** Runs a `latchkey` command while the nodes run. */
  async command(...parameters: string[]): Promise<void> {
    const { code, stderr } = await runCommand(parameters, this.#settings);
    assert.equal(code, 0, stderr);
  }

  /** Waits for the newest mailed link to a page, other than the known ones. */
  awaitLink(email: string, known: readonly URL[] = [], path = '/verify-email'): Promise<URL> {
    const excluded = new Set(known.map((link) => link.href));
    return eventually(() => this.linksFor(email, path).find((link) => !excluded.has(link.href)), {
      what: `a link for ${email} arrives`,
      timeoutMs: 20_000,
    });
  }

  /** Every link to this page received at an address. */
  linksFor(email: string, path = '/verify-email'): URL[] {
    return this.mailsFor(email)
      .flatMap((mail) => mail.links)
      .map((link) => new URL(link))
      .filter((link) => link.pathname === path);
  }

  mailsFor(email: string): SinkLine[] {
    return this.#sink.acceptedFor(email);
  }

  /** How often the SMTP server accepted a message. */
  deliveriesOf(messageId: string): number {
    return this.#sink.lines.filter((line) => line.messageId === messageId && line.verdict === 'accepted').length;
  }

  /** Waits until every enqueued mail is sent, dropped or withheld; a summary of withheld notices waits for an hour. */
  async awaitMailIdle(): Promise<void> {
    const sql = `select count(*) from mail_ledger where state = 'queued' and template <> 'withheld_notices'`;
    await eventually(async () => (await this.count(sql)) === 0, { what: 'no mail is queued', timeoutMs: 30_000 });
  }

  async registerVerified(email: string, password: string): Promise<void> {
    dataOf(await this.node(0).register({ email, password }));
    dataOf(await this.node(1).verify(tokenOf(await this.awaitLink(email))));
  }

  /** Logs in `count` times, alternating between the nodes. */
  async logins(email: string, password: string, count: number): Promise<Tokens[]> {
    const numbers = Array.from({ length: count }, (_, index) => index);
    return await Promise.all(numbers.map(async (index) => dataOf(await this.node(index).login(email, password))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.#stops) await stop();
    await this.#database.end();
    await this.operator.close();
    const codes = await Promise.all(this.#servers.map((server) => server.stop()));
    await this.#sink.close();
    rmSync(this.#directory, { recursive: true, force: true });
    assert.deepEqual(codes, [0, 0], 'both nodes exit with 0');
  }
}

async function drain(response: Response): Promise<void> {
  await response.arrayBuffer();
}

async function wireOperator(settings: ReturnType<typeof settingsOf>): Promise<Services> {
  const env = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const loaded = await loadConfig({ env, files: () => ({ kind: 'absent' }), cwd: import.meta.dirname });
  if (loaded.kind === 'invalid') throw new Error(loaded.mistakes.join('\n'));
  const logger = createLogger({ level: 'silent', service: 'races', version: '0' });
  return await wire(loaded.config, { logger });
}

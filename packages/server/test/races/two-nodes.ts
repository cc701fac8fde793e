import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { Client as Database } from 'pg';
import { eventually } from '#test/support/wait.ts';
import { type Client, client, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { runCommand } from '../../../../e2e/support/program.ts';
import { makeDirectory, type RunningServer, settingsOf, startServer } from '../../../../e2e/support/server.ts';
import { type SinkLine, type SmtpSink, startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';

/** How many requests start at once. */
export const ways = 20;

/** Two server processes on one PostgreSQL, and a mail server that both use. */
export class TwoNodes implements AsyncDisposable {
  readonly clients: readonly [Client, Client];
  readonly #servers: readonly RunningServer[];
  readonly #sink: SmtpSink;
  readonly #database: Database;
  readonly #settings: ReturnType<typeof settingsOf>;
  readonly #directory: string;

  private constructor(parts: {
    servers: readonly [RunningServer, RunningServer];
    sink: SmtpSink;
    database: Database;
    settings: ReturnType<typeof settingsOf>;
    directory: string;
  }) {
    this.clients = [client(parts.servers[0].url), client(parts.servers[1].url)];
    this.#servers = parts.servers;
    this.#sink = parts.sink;
    this.#database = parts.database;
    this.#settings = parts.settings;
    this.#directory = parts.directory;
  }

  /** @param url connection string of a PostgreSQL database, empty or migrated. */
  static async start(url: string): Promise<TwoNodes> {
    const sink = await startSmtpSink();
    const options = { database: url, smtpUrl: sink.url, publicUrl: 'http://localhost:3000' };
    const servers = [await startServer(options), await startServer(options)] as const;
    const database = new Database({ connectionString: url });
    await database.connect();
    const directory = makeDirectory();
    return new TwoNodes({ servers, sink, database, settings: settingsOf(options, directory, 0), directory });
  }

  /** The node that takes the request with this number: every other one. */
  node(index: number): Client {
    return this.clients[index % 2 === 0 ? 0 : 1];
  }

  /** Starts `ways` requests in one turn of the event loop, half on each node, over connections that are open already. */
  async atOnce<T>(request: (node: Client, index: number) => Promise<T>): Promise<T[]> {
    const numbers = Array.from({ length: ways }, (_, index) => index);
    await Promise.all(numbers.map((index) => this.node(index).send('GET', '/livez').then(drain)));
    return await Promise.all(numbers.map((index) => request(this.node(index), index)));
  }

  /** The first column of the first row, as a number. */
  async count(sql: string, values: readonly unknown[] = []): Promise<number> {
    const answer = await this.#database.query<[string]>({ text: sql, values: [...values], rowMode: 'array' });
    return Number(answer.rows[0]?.[0]);
  }

  /** Runs a command of the command line beside the running nodes. */
  async command(...parameters: string[]): Promise<void> {
    const { code, stderr } = await runCommand(parameters, this.#settings);
    assert.equal(code, 0, stderr);
  }

  /** Waits for the link of the newest mail to an address that opens this page, other than the known ones. */
  awaitLink(email: string, known: readonly URL[] = [], path = '/verify-email'): Promise<URL> {
    const seen = new Set(known.map((link) => link.href));
    return eventually(() => this.linksFor(email, path).find((link) => !seen.has(link.href)), {
      what: `a link for ${email} has arrived`,
      timeoutMs: 20_000,
    });
  }

  /** Every link to this page that has arrived at an address. */
  linksFor(email: string, path = '/verify-email'): URL[] {
    return this.mailsFor(email)
      .flatMap((mail) => mail.links)
      .map((link) => new URL(link))
      .filter((link) => link.pathname === path);
  }

  mailsFor(email: string): SinkLine[] {
    return this.#sink.acceptedFor(email);
  }

  /** Waits until every promised mail has been sent or dropped. */
  async untilMailIsQuiet(): Promise<void> {
    await eventually(async () => (await this.count(`select count(*) from mail_ledger where state = 'queued'`)) === 0, {
      what: 'no mail is waiting',
      timeoutMs: 30_000,
    });
  }

  async registerVerified(email: string, password: string): Promise<void> {
    dataOf(await this.node(0).register({ email, password }));
    dataOf(await this.node(1).verify(tokenOf(await this.awaitLink(email))));
  }

  /** Logs in `count` times, on the nodes in turn. */
  async logins(email: string, password: string, count: number): Promise<Tokens[]> {
    const numbers = Array.from({ length: count }, (_, index) => index);
    return await Promise.all(numbers.map(async (index) => dataOf(await this.node(index).login(email, password))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database.end();
    const codes = await Promise.all(this.#servers.map((server) => server.stop()));
    await this.#sink.close();
    rmSync(this.#directory, { recursive: true, force: true });
    assert.deepEqual(codes, [0, 0], 'both nodes end in order');
  }
}

async function drain(response: Response): Promise<void> {
  await response.arrayBuffer();
}

/** Two server processes on one PostgreSQL, which tests crash and restart, and queries of the attempt counters. */
import { connectDirectly } from '../../packages/server/test/support/direct-connection.ts';
import { type Client, client, dataOf, type Tokens } from './client.ts';
import { awaitLink, tokenOf } from './inbox.ts';
import { type RunningServer, type ServerOptions, startServer } from './server.ts';
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts';

/** A user with a session on the device with this token. */
export type Owner = { readonly email: string; readonly password: string; readonly deviceToken: string };

/** The counter of failed passwords of one user. */
export type AttemptCounter = { readonly failures: number; readonly lastFailedAt: Date };

/** The sum of all rate-limit counters. */
export type UsedQuotas = { readonly hits: number; readonly firstEnd: Date; readonly lastEnd: Date };

type Database = Awaited<ReturnType<typeof connectDirectly>>;

/** Two server processes behind a proxy on this machine. */
export class TwoNodeDeployment implements AsyncDisposable {
  readonly #options: ServerOptions;
  readonly #sink: SmtpSink;
  readonly #database: Database;
  readonly #nodes: RunningServer[];

  private constructor(options: ServerOptions, sink: SmtpSink, database: Database, nodes: RunningServer[]) {
    this.#options = options;
    this.#sink = sink;
    this.#database = database;
    this.#nodes = nodes;
  }

  /** @param database connection string of a migrated database. */
  static async start(database: string, env: ServerOptions['env'] = {}): Promise<TwoNodeDeployment> {
    const sink = await startSmtpSink();
    const options = { database, smtpUrl: sink.url, publicUrl: 'http://localhost:5625', env };
    const nodes = [await startServer(options), await startServer(options)];
    return new TwoNodeDeployment(options, sink, await connectDirectly(database), nodes);
  }

  /** Registers and verifies a user and logs in for the first time. */
  async addOwner(email: string, password: string): Promise<Owner> {
    const node = this.node(0);
    dataOf(await node.register({ email, password }));
    dataOf(await node.verify(tokenOf(await awaitLink(async () => this.#sink.acceptedFor(email), '/verify-email'))));
    const { deviceToken } = dataOf(await node.login(email, password)) as Tokens & { readonly deviceToken: string };
    return { email, password, deviceToken };
  }

  /** A client of the current process. */
  node(index: number): Client {
    return client(this.#running(index).url);
  }

  /** Sends SIGKILL to a process while it handles requests. */
  async kill(index: number): Promise<void> {
    await this.#running(index).kill9();
  }

  /** Restarts a crashed process and waits until it is ready. */
  async restart(index: number): Promise<void> {
    this.#nodes[index] = await startServer(this.#options);
  }

  /** The number of password hashes that the process has started, from its metrics. */
  async startedHashes(index: number): Promise<number> {
    const text = await (await fetch(`${this.#running(index).opsUrl}/metrics`)).text();
    return Number(/^password_hashes_total (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** The counter of failures from unknown devices with the latest failure; undefined when there is none. */
  async attemptCounter(): Promise<AttemptCounter | undefined> {
    const { rows } = await this.#database.query<AttemptCounter>(
      `select failures, last_failed_at as "lastFailedAt" from attempt_counters
        where kind = 'password' order by last_failed_at desc limit 1`,
    );
    return rows[0];
  }

  async usedQuotas(): Promise<UsedQuotas | undefined> {
    const { rows } = await this.#database.query<UsedQuotas>(
      `select sum(hits)::int as hits, min(ends_at) as "firstEnd", max(ends_at) as "lastEnd"
         from rate_limit_counters where hits > 0`,
    );
    return rows[0];
  }

  /** Deletes all counters, which otherwise takes a year. */
  async resetCounters(): Promise<void> {
    await this.#database.query('truncate attempt_counters, rate_limit_counters');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
    await this.#database.end();
    await this.#sink.close();
  }

  #running(index: number): RunningServer {
    const node = this.#nodes[index];
    if (node === undefined) throw new Error(`node ${index} does not run`);
    return node;
  }
}

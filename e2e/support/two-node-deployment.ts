/** Two server processes on one PostgreSQL, one of which can be killed; and what they have counted of guesses. */
import { connectDirectly } from '../../packages/server/test/support/direct-connection.ts';
import { type Client, client, dataOf, type Tokens } from './client.ts';
import { awaitLink, tokenOf } from './inbox.ts';
import { type RunningServer, type ServerOptions, startServer } from './server.ts';
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts';

/** Somebody who has logged in once on the device that holds the token. */
export type Owner = { readonly email: string; readonly password: string; readonly deviceToken: string };

/** How the one counter of all guesses at somebody stands. */
export type GuessCounter = { readonly failures: number; readonly lastFailedAt: Date };

/** Everything that addresses have used of their quotas. */
export type UsedQuotas = { readonly hits: number; readonly firstEnd: Date; readonly lastEnd: Date };

type Database = Awaited<ReturnType<typeof connectDirectly>>;

/** The processes behind a proxy on this machine. */
export class GuessedDeployment implements AsyncDisposable {
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
  static async start(database: string, env: ServerOptions['env'] = {}): Promise<GuessedDeployment> {
    const sink = await startSmtpSink();
    const options = { database, smtpUrl: sink.url, publicUrl: 'http://localhost:3000', env };
    const nodes = [await startServer(options), await startServer(options)];
    return new GuessedDeployment(options, sink, await connectDirectly(database), nodes);
  }

  /** Registers somebody, proves the address and logs in for the first time. */
  async addOwner(email: string, password: string): Promise<Owner> {
    const node = this.node(0);
    dataOf(await node.register({ email, password }));
    dataOf(await node.verify(tokenOf(await awaitLink(async () => this.#sink.acceptedFor(email), '/verify-email'))));
    const { deviceToken } = dataOf(await node.login(email, password)) as Tokens & { readonly deviceToken: string };
    return { email, password, deviceToken };
  }

  /** One of the two processes, as it runs now. */
  node(index: number): Client {
    return client(this.#running(index).url);
  }

  /** Ends a process by SIGKILL, in the middle of what it does. */
  async kill(index: number): Promise<void> {
    await this.#running(index).kill9();
  }

  /** Starts the process again that was killed; answers when it is ready. */
  async revive(index: number): Promise<void> {
    this.#nodes[index] = await startServer(this.#options);
  }

  /** Password hashes that the process has begun since it was started, as its operator sees them. */
  async begunHashes(index: number): Promise<number> {
    const text = await (await fetch(`${this.#running(index).opsUrl}/metrics`)).text();
    return Number(/^password_hashes_total (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** Of strangers' guesses at the one who was guessed at last; undefined when nobody was. */
  async guessCounter(): Promise<GuessCounter | undefined> {
    const { rows } = await this.#database.query<GuessCounter>(
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

  /** As if a year had gone by: nobody is known to have guessed. */
  async forgetGuesses(): Promise<void> {
    await this.#database.query('truncate attempt_counters, rate_limit_counters');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
    await this.#database.end();
    await this.#sink.close();
  }

  #running(index: number): RunningServer {
    const node = this.#nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    return node;
  }
}

/** Two nodes, and each of their services behind a forwarder that can hold back, delay and reset its connections. */
import type { Client } from 'pg';
import { addUsers, type BenchUser } from '../../../bench/support/users.ts';
import { type RunningServer, startServer } from '../../../e2e/support/server.ts';
import { connectToPostgres, connectToRedis } from '../../../packages/server/test/support/operators.ts';
import { type PostgresCluster, startPostgres } from '../../../packages/server/test/support/postgres-cluster.ts';
import { startRedis, type TestRedis } from '../../../packages/server/test/support/redis.ts';
import { type ReceivedMail, startSmtpServer, type TestSmtpServer } from '../../../packages/server/test/support/smtp.ts';
import { startTcpForwarder, type TcpForwarder } from '../../../packages/server/test/support/tcp-forwarder.ts';

export type Service = 'PostgreSQL' | 'Redis' | 'SMTP';

export interface FaultDeployment extends AsyncDisposable {
  readonly postgres: PostgresCluster;
  readonly redis: TestRedis;
  readonly smtp: RestartableSmtp;
  readonly links: Readonly<Record<Service, TcpForwarder>>;
  readonly nodes: readonly RunningServer[];
  readonly users: readonly BenchUser[];
  /** Connections past the forwarders. */
  operator(): Promise<Client>;
  readonly redisOperator: ReturnType<typeof connectToRedis>;
}

/** An SMTP server that can be away; what it received stays known. */
class RestartableSmtp {
  readonly port: number;
  #server: TestSmtpServer;
  readonly #earlier: ReceivedMail[] = [];

  private constructor(server: TestSmtpServer) {
    this.#server = server;
    this.port = server.port;
  }

  static async start(): Promise<RestartableSmtp> {
    return new RestartableSmtp(await startSmtpServer());
  }

  get server(): TestSmtpServer {
    return this.#server;
  }

  get accepted(): readonly ReceivedMail[] {
    return [...this.#earlier, ...this.#server.received].filter(({ accepted }) => accepted);
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  async startAgain(): Promise<void> {
    this.#earlier.push(...this.#server.received);
    this.#server = await startSmtpServer({ port: this.port });
  }
}

const usersPerNode = 2;

/** @param smallDiskMegabytes a directory of this size for the tables of users, which cannot survive a restart. */
export async function openFaultDeployment(smallDiskMegabytes?: number): Promise<FaultDeployment> {
  await using opened = new AsyncDisposableStack();
  const postgres = await startPostgres({
    durable: true,
    settings: { max_connections: '70' },
    ...(smallDiskMegabytes !== undefined && { smallDiskMegabytes }),
  });
  opened.defer(() => postgres.stop());
  const redis = opened.use(await startRedis());
  const smtp = await RestartableSmtp.start();
  opened.defer(() => smtp.stop());
  const links = {
    PostgreSQL: opened.use(await startTcpForwarder(portOf(postgres.adminUrl))),
    Redis: opened.use(await startTcpForwarder(portOf(redis.url))),
    SMTP: opened.use(await startTcpForwarder(smtp.port)),
  };
  const database = Object.assign(new URL(postgres.adminUrl), { port: String(links.PostgreSQL.port) }).href;
  const shared = { database, publicUrl: 'http://localhost:5625' };
  const users = await createUsers(shared);
  if (smallDiskMegabytes !== undefined) await moveToSmallDisk(postgres);
  const env = {
    REDIS_URL: `redis://127.0.0.1:${links.Redis.port}`,
    // A limit that no request reaches is still counted in Redis.
    LATCHKEY_LIMIT_CREDENTIAL: '1000000/1h',
  };
  const options = { ...shared, env, smtpUrl: `smtp://127.0.0.1:${links.SMTP.port}` };
  const nodes = [await startServer(options), await startServer(options)];
  opened.defer(async () => void (await Promise.all(nodes.map((node) => node.kill9()))));
  const redisOperator = connectToRedis(redis.url);
  opened.defer(() => redisOperator.disconnect());
  const all = opened.move();
  const stop = () => all.disposeAsync();
  const operator = () => connectToPostgres(postgres);
  return { postgres, redis, smtp, links, nodes, users, operator, redisOperator, [Symbol.asyncDispose]: stop };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** By a node with an inbox, which has the links of their mails. */
async function createUsers(shared: { readonly database: string; readonly publicUrl: string }): Promise<BenchUser[]> {
  const node = await startServer(shared);
  const users = await addUsers({ port: portOf(node.url), opsPort: portOf(node.opsUrl) }, 2 * usersPerNode);
  await node.stop();
  return users;
}

/** New files are made there: those of the readiness probe, and the tables that registrations fill. */
async function moveToSmallDisk(postgres: PostgresCluster): Promise<void> {
  const operator = await connectToPostgres(postgres);
  await operator.query(`create tablespace small location '${postgres.smallDisk}'`);
  await operator.query(`alter system set temp_tablespaces = 'small'`);
  await operator.query('select pg_reload_conf()');
  await operator.query('alter table users set tablespace small');
  // Few users fill a page, so that registrations soon need a new one.
  await operator.query('alter table users set (fillfactor = 10)');
  await operator.end();
}

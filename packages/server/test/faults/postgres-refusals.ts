/** The ways in which PostgreSQL refuses two nodes, and how it becomes well again. */
import { Client } from 'pg';
import { startHaProxy } from '#test/support/haproxy.ts';
import { type PostgresCluster, type PostgresOptions, startPostgres } from '#test/support/postgres-cluster.ts';
import { startTcpForwarder } from '#test/support/tcp-forwarder.ts';
import { eventually } from '#test/support/wait.ts';

/** The proxies between the nodes and PostgreSQL. */
export const fronts = ['TCP forwarder', 'HAProxy'] as const;

export interface Deployment extends AsyncDisposable {
  readonly primary: PostgresCluster;
  readonly standby: PostgresCluster | undefined;
  /** Connection string of the front. */
  readonly url: string;
  /** A connection to the primary. */
  readonly operator: Client;
  /** Leads new connections to this cluster; HAProxy finds it by itself. */
  forwardTo(cluster: PostgresCluster): void;
}

export interface Refusal {
  readonly name: string;
  readonly options: PostgresOptions;
  readonly hasStandby: boolean;
  /** Before the load, on the migrated database. */
  prepare?(deployment: Deployment): Promise<void>;
  begin(deployment: Deployment): Promise<void>;
  /** Returns the cluster that serves, once it does. */
  end(deployment: Deployment): Promise<PostgresCluster>;
}

export async function openDeployment(refusal: Refusal, front: (typeof fronts)[number]): Promise<Deployment> {
  const primary = await startPostgres({ durable: true, ...refusal.options });
  const standby = refusal.hasStandby ? await startPostgres({ durable: true, standbyOf: primary.adminUrl }) : undefined;
  const operator = await connect(primary);
  if (standby !== undefined) await eventually(() => isSynchronous(operator), { what: 'the standby is synchronous' });
  const ports = [primary, standby].flatMap((cluster) => (cluster === undefined ? [] : [portOf(cluster)]));
  const tcp = front === 'HAProxy' ? undefined : await startTcpForwarder(portOf(primary));
  const forwarder = tcp ?? (await startHaProxy(ports));
  return {
    primary,
    standby,
    operator,
    url: Object.assign(new URL(primary.adminUrl), { port: String(forwarder.port) }).href,
    forwardTo: (cluster) => tcp?.forwardTo(portOf(cluster)),
    [Symbol.asyncDispose]: async () => {
      await operator.end();
      await forwarder[Symbol.asyncDispose]();
      await Promise.all([primary.stop(), standby?.stop()]);
    },
  };
}

export async function connect(cluster: PostgresCluster): Promise<Client> {
  const client = new Client({ connectionString: cluster.adminUrl });
  // The server ends it in some of the trials.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function portOf(cluster: PostgresCluster): number {
  return Number(new URL(cluster.adminUrl).port);
}

async function isSynchronous(operator: Client): Promise<boolean> {
  const { rows } = await operator.query(`select from pg_stat_replication where sync_state = 'sync'`);
  return rows.length === 1;
}

const failover: Refusal = {
  name: 'killed, standby promoted, old primary read-only',
  options: { settings: { synchronous_standby_names: '*' } },
  hasStandby: true,
  begin: async ({ primary, operator }) => {
    // Takes effect at the restart.
    await operator.query('alter system set default_transaction_read_only = on');
    await primary.kill9();
    await primary.restart();
  },
  end: async ({ standby, forwardTo }) => {
    if (standby === undefined) throw new Error('a failover needs a standby');
    const client = await connect(standby);
    await client.query('select pg_promote()');
    await client.end();
    forwardTo(standby);
    return standby;
  },
};

const restart: Refusal = {
  name: 'killed and restarted',
  options: {},
  hasStandby: false,
  begin: ({ primary }) => primary.kill9(),
  end: async ({ primary }) => {
    await primary.restart();
    return primary;
  },
};

const fullDisk: Refusal = {
  name: 'disk full',
  options: { smallDiskMegabytes: 2 },
  hasStandby: false,
  prepare: async ({ primary, operator }) => {
    await operator.query(`create tablespace small location '${primary.smallDisk}'`);
    // New files are made there: those of the readiness probe, and the table of the users.
    await operator.query(`alter system set temp_tablespaces = 'small'`);
    await operator.query('select pg_reload_conf()');
    await operator.query('alter table users set tablespace small');
    await operator.query('create table filling (page text) tablespace small');
    await operator.query('alter table filling alter column page set storage plain');
  },
  begin: async ({ operator }) => {
    const fill = operator.query(`insert into filling select repeat('x', 7000) from generate_series(1, 1000)`);
    await fill.then(
      () => Promise.reject(new Error('the disk is not full')),
      () => undefined,
    );
  },
  end: async ({ primary, operator }) => {
    await operator.query('drop table filling');
    return primary;
  },
};

const occupants = new WeakMap<PostgresCluster, Client[]>();

const outOfConnections: Refusal = {
  name: 'out of connections',
  options: { settings: { max_connections: '60' } },
  hasStandby: false,
  begin: async ({ primary, operator }) => {
    const opened: Client[] = [];
    occupants.set(primary, opened);
    const isOccupied = async () => {
      await operator.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'latchkey'`,
      );
      await occupy(primary, opened);
      const left = await operator.query(`select from pg_stat_activity where application_name = 'latchkey'`);
      return left.rows.length === 0;
    };
    await eventually(isOccupied, { what: 'no node has a connection', timeoutMs: 30_000 });
  },
  end: async ({ primary }) => {
    await Promise.all((occupants.get(primary) ?? []).map((client) => client.end()));
    return primary;
  },
};

/** Opens connections until the server refuses one. */
async function occupy(cluster: PostgresCluster, opened: Client[]): Promise<void> {
  for (;;) {
    try {
      opened.push(await connect(cluster));
    } catch (error) {
      if ((error as { readonly code?: string }).code === '53300') return;
      throw error;
    }
  }
}

export const refusals: readonly Refusal[] = [failover, restart, fullDisk, outOfConnections];

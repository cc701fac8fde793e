/** The ways in which PostgreSQL, Redis and an SMTP server fail, and how each ends. */
import type { Client } from 'pg';
import { connectToPostgres } from '../../../packages/server/test/support/operators.ts';
import { eventually } from '../../../packages/server/test/support/wait.ts';
import type { FaultDeployment, Service } from './fault-deployment.ts';

export interface Fault {
  readonly service: Service;
  readonly name: string;
  /** How long it lasts: from the first to the second. */
  readonly seconds: readonly [number, number];
  /** Needs a deployment with a small disk. */
  readonly needsSmallDisk?: true;
  begin(deployment: FaultDeployment): Promise<void> | void;
  end(deployment: FaultDeployment): Promise<void> | void;
}

const short = [1, 4] as const;
/** Longer than a silence of 4 s. */
const long = [3, 8] as const;
const slowMs = 5000;
/** SQLSTATE `disk_full`. */
const diskFull = '53100';
const betweenResetsMs = 300;

/** Faults of the connection, which are the same for each service. */
function faultsOfLink(service: Service): Fault[] {
  const resets = new WeakMap<FaultDeployment, NodeJS.Timeout>();
  return [
    {
      service,
      name: 'slow',
      seconds: [6, 9],
      begin: ({ links }) => links[service].delay(slowMs),
      end: ({ links }) => links[service].resume(),
    },
    {
      service,
      name: 'reset',
      seconds: short,
      begin: (deployment) => {
        const reset = () => deployment.links[service].reset();
        reset();
        resets.set(deployment, setInterval(reset, betweenResetsMs));
      },
      end: (deployment) => clearInterval(resets.get(deployment)),
    },
  ];
}

const occupants = new WeakMap<FaultDeployment, Client[]>();

const ofPostgres: readonly Omit<Fault, 'service'>[] = [
  {
    name: 'killed',
    seconds: short,
    begin: ({ postgres }) => postgres.kill9(),
    end: ({ postgres }) => postgres.restart(),
  },
  {
    name: 'frozen',
    seconds: long,
    begin: ({ postgres }) => postgres.freeze(),
    end: ({ postgres }) => postgres.thaw(),
  },
  {
    name: 'full',
    seconds: short,
    needsSmallDisk: true,
    begin: (deployment) =>
      asOperator(deployment, async (operator) => {
        await operator.query('create table filling (page text) tablespace small');
        await operator.query('alter table filling alter column page set storage plain');
        // The last one needs a single page more: a statement of many rows leaves the space of its maps.
        for (const rows of [100_000, 10, 1]) await fillUp(operator, rows);
      }),
    end: (deployment) => asOperator(deployment, async (operator) => void (await operator.query('drop table filling'))),
  },
  {
    name: 'read-only',
    seconds: short,
    begin: (deployment) => setReadOnly(deployment, 'on'),
    end: (deployment) => setReadOnly(deployment, 'off'),
  },
  {
    name: 'out of connections',
    seconds: short,
    begin: async (deployment) => {
      const opened: Client[] = [];
      occupants.set(deployment, opened);
      await asOperator(deployment, (operator) => takeAllConnections(deployment, operator, opened));
    },
    end: async (deployment) => {
      await Promise.all((occupants.get(deployment) ?? []).map((client) => client.end()));
    },
  },
];

const ofRedis: readonly Omit<Fault, 'service'>[] = [
  {
    name: 'killed',
    seconds: short,
    begin: ({ redis }) => redis.kill9(),
    end: ({ redis }) => redis.start(),
  },
  { name: 'frozen', seconds: long, begin: ({ redis }) => redis.freeze(), end: ({ redis }) => redis.thaw() },
  {
    name: 'full',
    seconds: short,
    begin: async ({ redisOperator }) => void (await redisOperator.config('SET', 'maxmemory', '1')),
    end: async ({ redisOperator }) => void (await redisOperator.config('SET', 'maxmemory', '0')),
  },
  {
    name: 'read-only',
    seconds: short,
    begin: async ({ redisOperator }) => void (await redisOperator.replicaof('127.0.0.1', '1')),
    end: async ({ redisOperator }) => void (await redisOperator.replicaof('NO', 'ONE')),
  },
  {
    name: 'loading',
    seconds: [0, 0],
    begin: async ({ redis, redisOperator }) => {
      await redisOperator.eval(`for i = 1, 200000 do redis.call('SET', 'key' .. i, i) end`, 0);
      await redisOperator.save();
      await redis.kill9();
      await redis.start();
    },
    end: async ({ redisOperator }) => {
      const isLoaded = async () => /^loading:0/m.test(await redisOperator.info('persistence'));
      await eventually(isLoaded, { what: 'Redis has loaded', timeoutMs: 30_000 });
      await redisOperator.flushall();
      await redisOperator.save();
    },
  },
  {
    name: 'flushed',
    seconds: [0, 0],
    begin: async ({ redisOperator }) => void (await redisOperator.flushall()),
    end: () => undefined,
  },
];

const reacting = (stage: 'mail' | 'recipient', code: number, text: string): Pick<Fault, 'begin' | 'end'> => ({
  begin: ({ smtp }) => smtp.server.react((at) => (at === stage ? { code, text } : 'accept')),
  end: ({ smtp }) => smtp.server.react(() => 'accept'),
});

const ofSmtp: readonly Omit<Fault, 'service'>[] = [
  { name: 'killed', seconds: short, begin: ({ smtp }) => smtp.stop(), end: ({ smtp }) => smtp.startAgain() },
  { name: 'frozen', seconds: long, begin: ({ links }) => links.SMTP.hold(), end: ({ links }) => links.SMTP.resume() },
  { name: 'full', seconds: short, ...reacting('recipient', 452, '4.2.2 The mailbox is full') },
  { name: 'read-only', seconds: short, ...reacting('mail', 451, '4.3.2 The system accepts no messages') },
];

export const faults: readonly Fault[] = [
  ...ofPostgres.map((fault) => ({ service: 'PostgreSQL' as const, ...fault })),
  ...faultsOfLink('PostgreSQL'),
  ...ofRedis.map((fault) => ({ service: 'Redis' as const, ...fault })),
  ...faultsOfLink('Redis'),
  ...ofSmtp.map((fault) => ({ service: 'SMTP' as const, ...fault })),
  ...faultsOfLink('SMTP'),
];

async function asOperator(deployment: FaultDeployment, work: (operator: Client) => Promise<void>): Promise<void> {
  const operator = await deployment.operator();
  try {
    await work(operator);
  } finally {
    await operator.end();
  }
}

/** Inserts so many rows, each of which fills a page, again and again until the disk has no space for them. */
async function fillUp(operator: Client, rows: number): Promise<void> {
  for (;;) {
    try {
      await operator.query(`insert into filling select repeat('x', 7000) from generate_series(1, ${rows})`);
    } catch (error) {
      if ((error as { readonly code?: string }).code === diskFull) return;
      throw error;
    }
  }
}

function setReadOnly(deployment: FaultDeployment, state: 'on' | 'off'): Promise<void> {
  return asOperator(deployment, async (operator) => {
    await operator.query(`alter system set default_transaction_read_only = ${state}`);
    await operator.query('select pg_reload_conf()');
  });
}

/** Ends the connections of the nodes, which are suspended so that they open none, and opens all that the server accepts. */
async function takeAllConnections(deployment: FaultDeployment, operator: Client, opened: Client[]): Promise<void> {
  const signal = (name: NodeJS.Signals) => {
    for (const { pid } of deployment.nodes) process.kill(pid, name);
  };
  const isTaken = async () => {
    await operator.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'latchkey'`);
    const left = await operator.query(`select from pg_stat_activity where application_name = 'latchkey'`);
    return left.rows.length === 0;
  };
  // Free connections are taken before, so that the nodes are suspended for a moment only.
  await occupy(deployment, opened);
  signal('SIGSTOP');
  try {
    await eventually(isTaken, { what: 'no node has a connection' });
    await occupy(deployment, opened);
  } finally {
    signal('SIGCONT');
  }
}

async function occupy({ postgres }: FaultDeployment, opened: Client[]): Promise<void> {
  for (;;) {
    try {
      opened.push(await connectToPostgres(postgres));
    } catch (error) {
      if ((error as { readonly code?: string }).code === '53300') return;
      throw error;
    }
  }
}

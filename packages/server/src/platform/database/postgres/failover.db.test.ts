import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixedClock, systemClock } from '#kernel/clock.ts';
import { serverAt } from '#test/support/parsed.ts';
import { createDatabase, type PostgresCluster, startPostgres } from '#test/support/postgres.ts';
import { eventually } from '#test/support/wait.ts';
import { migrationStatus, openPostgres, type PostgresDatabase, type PostgresHost, statement } from '../index.ts';

const addNote = statement('failover_test.add_note', {
  lane: 'write',
  sql: 'insert into notes (text) values (:text)',
  params: { text: 'text' },
  columns: {},
});
const addNoteOnPool = statement('failover_test.add_note_on_pool', {
  lane: 'pool',
  sql: 'insert into notes (text) values (:text)',
  params: { text: 'text' },
  columns: {},
});
const port = { sql: 'select inet_server_port() as port', params: {}, columns: { port: 'int4' } } as const;
const portOfLane = statement('failover_test.port_of_lane', { lane: 'read', ...port });
const portOfPool = statement('failover_test.port_of_pool', { lane: 'pool', ...port });

const readStandby = statement('failover_test.read_standby', {
  lane: 'pool',
  mayLag: true,
  sql: 'select pg_is_in_recovery() as standby, (select count(*) from notes)::int4 as notes',
  params: {},
  columns: { standby: 'bool', notes: 'int4' },
});

/** Accepts connections and never responds, as a host behind a firewall that drops packets. */
let hole: Server;
const inHole = new Set<Socket>();
let first: PostgresCluster;
let second: PostgresCluster;
/** One for each cluster. */
let operators: readonly [Client, Client];
let url: string;
let holeUrl: string;
let database: PostgresDatabase;
const moves: PostgresHost[] = [];
const failures: Error[] = [];

const portOf = (cluster: PostgresCluster) => Number(new URL(cluster.adminUrl).port);

async function connect(cluster: PostgresCluster): Promise<Client> {
  const client = new Client({ connectionString: cluster.adminUrl });
  // The server ends it when it is killed.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Changes a setting of the server, for all its sessions. */
async function configure(operator: Client, setting: string): Promise<void> {
  await operator.query(`alter system set ${setting}`);
  await operator.query('select pg_reload_conf()');
  const [name = '', value = ''] = setting.split(' = ');
  const isSet = async () =>
    (await operator.query('select current_setting($1) as value', [name])).rows[0].value === value.replaceAll("'", '');
  await eventually(isSet, { what: `${setting} is in force` });
}

async function works(): Promise<true> {
  return eventually(
    () =>
      database.run(addNote, { text: 'probe' }).then(
        () => true,
        () => false,
      ),
    {
      what: 'writes are accepted',
    },
  );
}

async function usedPorts(): Promise<(number | undefined)[]> {
  const rows = await Promise.all([portOfLane, portOfPool].map((each) => database.row(each, {})));
  return rows.map((row) => row?.port);
}

beforeAll(async () => {
  hole = createServer((socket) => inHole.add(socket)).listen(0, '127.0.0.1');
  await once(hole, 'listening');
  first = await startPostgres();
  const operator = await connect(first);
  await operator.query('create table notes (text text not null)');
  second = await startPostgres({ standbyOf: first.adminUrl });
  operators = [operator, await connect(second)];
  const { port: holePort } = hole.address() as { readonly port: number };
  const hosts = [portOf(second), holePort, portOf(first)].map((each) => `127.0.0.1:${each}`);
  holeUrl = `postgres://latchkey@127.0.0.1:${holePort}/postgres`;
  url = `postgres://latchkey@${hosts.join(',')}/postgres?target_session_attrs=read-write`;
  database = await openPostgres({
    server: serverAt(url),
    applicationName: 'latchkey',
    clock: systemClock,
    onMoved: (to) => moves.push(to),
    onConnectionError: (error) => failures.push(error),
  });
});

afterAll(async () => {
  await database.close();
  await Promise.all(operators.map((operator) => operator.end()));
  await Promise.all([second.stop(), first.stop()]);
  for (const socket of inHole) socket.destroy();
  hole.close();
});

describe('a replica', () => {
  const reasons: (string | undefined)[] = [];
  let clock: FixedClock;

  async function openWith(replica: string): Promise<PostgresDatabase> {
    clock = new FixedClock(new Date(0));
    reasons.length = 0;
    return openPostgres({
      server: serverAt(first.adminUrl),
      replica: serverAt(replica),
      applicationName: 'lagging',
      clock,
      onReplica: (refusal) => reasons.push(refusal),
    });
  }

  it('is read until it is more than 30 s behind, and again when it has caught up', async () => {
    const lagging = await openWith(second.adminUrl);
    try {
      expect(await lagging.row(readStandby, {})).toMatchObject({ standby: true });
      await lagging.transaction(async (tx) => expect(await tx.row(readStandby, {})).toMatchObject({ standby: false }));
      await operators[1].query('select pg_wal_replay_pause()');
      await lagging.run(addNote, { text: 'late' });
      clock.advance(29_000);
      expect(await lagging.row(readStandby, {})).toEqual({ standby: true, notes: 0 });
      clock.advance(2000);
      expect(await lagging.row(readStandby, {})).toEqual({ standby: false, notes: 1 });
      expect(await lagging.findReplicaRefusal()).toMatch(/more than 30 s behind/);
      await operators[1].query('select pg_wal_replay_resume()');
      const isRead = async () => {
        clock.advance(1000);
        return (await lagging.row(readStandby, {}))?.standby === true;
      };
      await eventually(isRead, { what: 'the replica is read again' });
      expect(reasons.at(-1)).toBeUndefined();
      expect(lagging.replicaUse()?.primary).toBeGreaterThan(0);
    } finally {
      await lagging.close();
    }
  });

  it.each([
    ['does not respond', () => holeUrl],
    ['is away', () => 'postgres://latchkey@127.0.0.1:1/postgres'],
    ['has another database', () => second.url('another')],
  ])('that %s delays the primary once, and fails nothing', async (_, urlOf) => {
    const lagging = await openWith(urlOf());
    try {
      expect(await lagging.row(readStandby, {})).toMatchObject({ standby: false });
      const startedMs = systemClock.monotonicMs();
      clock.advance(1000);
      expect(await lagging.row(readStandby, {})).toMatchObject({ standby: false });
      expect(systemClock.monotonicMs() - startedMs).toBeLessThan(500);
      expect(lagging.replicaUse()).toEqual({ replica: 0, primary: 2 });
      expect(reasons).toEqual([expect.any(String), expect.any(String)]);
    } finally {
      await lagging.close();
    }
  });

  it('that is another cluster is not read', async () => {
    const lagging = await openWith(await createDatabase());
    try {
      expect(await lagging.findReplicaRefusal()).toBe('it belongs to another cluster than the primary');
    } finally {
      await lagging.close();
    }
  });
});

// Each test continues with the servers as the one before left them.
describe('of several servers', () => {
  it('the primary is used, past a standby and a host that does not respond, by migrations too', async () => {
    const startedMs = systemClock.monotonicMs();
    await migrationStatus(serverAt(url));
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(2000);
    expect(await usedPorts()).toEqual([portOf(first), portOf(first)]);
    expect(moves).toEqual([]);
  });

  it('a write that its synchronous standby does not confirm is rejected within 5 s, and the next ones at once', async () => {
    await configure(operators[0], "synchronous_standby_names = '*'");
    second.freeze();
    const startedMs = systemClock.monotonicMs();
    const unconfirmed = [
      database.run(addNote, { text: 'unconfirmed' }),
      database.transaction((tx) => tx.run(addNoteOnPool, { text: 'unconfirmed' })),
    ];
    await Promise.all(unconfirmed.map((each) => expect(each).rejects.toMatchObject({ code: 'outcome_unknown' })));
    const firstMs = systemClock.monotonicMs();
    expect(firstMs - startedMs).toBeLessThan(5000);
    const next = Array.from({ length: 20 }, () => database.run(addNote, { text: 'refused' }));
    const results = await Promise.allSettled(next);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(systemClock.monotonicMs() - firstMs).toBeLessThan(500);
    // Reads wait for no standby.
    expect(await usedPorts()).toEqual([portOf(first), portOf(first)]);
    second.thaw();
    await works();
    const { rows } = await operators[0].query(`select text from notes where text = 'refused'`);
    expect(rows).toEqual([]);
    await configure(operators[0], "synchronous_standby_names = ''");
  });

  it('the promoted standby is used within a second, when the old primary has become read-only', async () => {
    await configure(operators[0], 'default_transaction_read_only = on');
    await operators[1].query('select pg_promote()');
    const startedMs = systemClock.monotonicMs();
    await Promise.all(Array.from({ length: 20 }, (_, n) => database.run(addNote, { text: `moved ${n}` })));
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(1000);
    expect(await usedPorts()).toEqual([portOf(second), portOf(second)]);
    expect(moves).toEqual([{ host: '127.0.0.1', port: portOf(second) }]);
    const left = `select from pg_stat_activity where application_name = 'latchkey'`;
    await eventually(async () => (await operators[0].query(left)).rows.length === 0, {
      what: 'the old primary has no connections',
    });
    expect((await operators[1].query(`select from notes where text like 'moved %'`)).rows).toHaveLength(20);
  });

  it('the old primary is not used when it accepts writes again, even while its successor is away', async () => {
    await configure(operators[0], 'default_transaction_read_only = off');
    database.reconnect();
    expect(await usedPorts()).toEqual([portOf(second), portOf(second)]);
    failures.length = 0;
    await second.kill9();
    await expect(database.run(addNote, { text: 'astray' })).rejects.toMatchObject({ code: /unavailable|unknown/ });
    await eventually(() => failures.some(({ message }) => message.includes('an old primary')), {
      what: 'the old primary is named',
    });
    await second.restart();
    await works();
    expect(await usedPorts()).toEqual([portOf(second), portOf(second)]);
    expect((await operators[0].query(`select from notes where text = 'astray'`)).rows).toEqual([]);
  });
});

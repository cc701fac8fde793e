import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeBackup } from './backup.ts';
import { checkpointWhenLong } from './checkpoints.ts';
import { type EmbeddedCluster, openEmbeddedCluster } from './cluster.ts';
import { emptyCluster } from './empty-cluster.ts';
import { installedPgliteVersion } from './pglite.ts';
import { readSnapshot } from './snapshot.ts';
import { unpackCluster } from './unpack.ts';

let dataDirectory: string;
let pgdata: string;

beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'latchkey-cluster-'));
  pgdata = join(dataDirectory, 'pgdata');
});

afterEach(() => rmSync(dataDirectory, { recursive: true }));

const modeOf = (file: string): number => statSync(file).mode & 0o777;

async function one(cluster: EmbeddedCluster, sql: string): Promise<unknown> {
  const { rows } = await cluster.client.query<unknown[]>({ text: sql, rowMode: 'array' });
  return rows[0]?.[0];
}

describe('the snapshot of the empty cluster', () => {
  it('is complete and belongs to the installed PGlite', async () => {
    expect(installedPgliteVersion()).toBe(emptyCluster.pgliteVersion);
    expect((await readSnapshot()).length).toBeLessThan(2_000_000);
  });

  it('is unpacked with access for our own user only', async () => {
    await unpackCluster(await readSnapshot(), pgdata);
    const entries = readdirSync(pgdata, { recursive: true, withFileTypes: true });
    expect(entries.length).toBeGreaterThan(900);
    const modes = entries.map((entry) => [entry.isDirectory(), modeOf(join(entry.parentPath, entry.name))].join(' '));
    expect([...new Set(modes)].sort()).toEqual([`false ${0o600}`, `true ${0o700}`]);
    expect(modeOf(pgdata)).toBe(0o700);
  });

  it('leaves no cluster behind when it is damaged', async () => {
    const damaged = (await readSnapshot()).subarray(0, 1_000_000);
    await expect(unpackCluster(damaged, pgdata)).rejects.toThrow();
    expect(existsSync(pgdata)).toBe(false);
  });
});

describe('openEmbeddedCluster', () => {
  it('creates a cluster, keeps committed rows, and opens it again', async () => {
    const first = await openEmbeddedCluster(dataDirectory);
    await first.client.query('create table t (x int4)');
    await first.client.query('insert into t values (7)');
    await first.close();
    await first.close();
    await using second = await openEmbeddedCluster(dataDirectory);
    expect(await one(second, 'select x from t')).toBe(7);
  });

  it('starts with small buffers, few connections and no leftover statement', async () => {
    await using cluster = await openEmbeddedCluster(dataDirectory);
    expect(await one(cluster, `select current_setting('shared_buffers')`)).toBe('16MB');
    expect(await one(cluster, `select current_setting('max_connections')`)).toBe('4');
    expect(await one(cluster, 'select count(*)::int4 from pg_prepared_statements')).toBe(0);
  });

  it('answers pipelined statements separately, and fails only the one that is wrong', async () => {
    await using cluster = await openEmbeddedCluster(dataDirectory);
    const answers = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) =>
        cluster.client.query<{ x: number }>({
          ...(index % 2 === 0 ? { name: 'same' } : {}),
          text: 'select 100 / $1::int4 as x',
          values: [index % 10],
        }),
      ),
    );
    const found = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.rows[0]?.x : 'error'));
    expect(found).toEqual(
      Array.from({ length: 40 }, (_, index) => (index % 10 === 0 ? 'error' : Math.trunc(100 / (index % 10)))),
    );
  });

  it('yields to the event loop during a long loop of statements', async () => {
    await using cluster = await openEmbeddedCluster(dataDirectory);
    let turned = false;
    setTimeout(() => {
      turned = true;
    }, 1);
    while (!turned) await one(cluster, 'select 1');
    expect(turned).toBe(true);
  });

  it('isolates the clusters of two directories', async () => {
    const other = join(dataDirectory, 'other');
    mkdirSync(other);
    await using a = await openEmbeddedCluster(dataDirectory);
    await using b = await openEmbeddedCluster(other);
    await a.client.query('create table only_in_a ()');
    expect(await one(b, `select to_regclass('only_in_a')`)).toBeNull();
  });

  it('rejects a second opening of a cluster until it is closed', async () => {
    const cluster = await openEmbeddedCluster(dataDirectory);
    await expect(openEmbeddedCluster(dataDirectory)).rejects.toThrow('is already open');
    await cluster.close();
    await (await openEmbeddedCluster(dataDirectory)).close();
  });

  it('discards the files of an interrupted first start', async () => {
    mkdirSync(`${pgdata}.partial/base`, { recursive: true });
    writeFileSync(`${pgdata}.partial/PG_VERSION`, '18\n');
    await using cluster = await openEmbeddedCluster(dataDirectory);
    expect(await one(cluster, 'select 1')).toBe(1);
    expect(existsSync(`${pgdata}.partial`)).toBe(false);
  });

  it('rejects a cluster of another major version in one sentence, and leaves it unchanged', async () => {
    mkdirSync(pgdata);
    writeFileSync(join(pgdata, 'PG_VERSION'), '17\n');
    await expect(openEmbeddedCluster(dataDirectory)).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringMatching(/is of PostgreSQL 17 and this Latchkey embeds PostgreSQL 18/) as string,
    });
    expect(readdirSync(pgdata)).toEqual(['PG_VERSION']);
  });

  it('rejects a directory without a cluster in one sentence', async () => {
    mkdirSync(pgdata);
    await expect(openEmbeddedCluster(dataDirectory)).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringContaining('holds no database') as string,
    });
  });

  it('rejects a cluster that does not start in one sentence, and can try again', async () => {
    await unpackCluster(await readSnapshot(), pgdata);
    rmSync(join(pgdata, 'global', 'pg_control'));
    const refused = { exitCode: 78, message: expect.stringContaining('does not start') as string };
    await expect(openEmbeddedCluster(dataDirectory)).rejects.toMatchObject(refused);
    await expect(openEmbeddedCluster(dataDirectory)).rejects.toMatchObject(refused);
  });

  it('loses no acknowledged row under kill -9', async () => {
    const writer = `
      const { openEmbeddedCluster } = await import(${JSON.stringify(new URL('cluster.ts', import.meta.url).href)});
      const { client } = await openEmbeddedCluster(process.argv[1]);
      await client.query('create table t (x int4 primary key)');
      for (let x = 1; ; x += 1) {
        await client.query({ name: 'insert', text: 'insert into t values ($1)', values: [x] });
        process.stdout.write(x + '\\n');
      }
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', writer, dataDirectory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let acknowledged = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line);
      if (acknowledged === 300) child.kill('SIGKILL');
    }
    if (child.signalCode === null) await once(child, 'exit');
    await using cluster = await openEmbeddedCluster(dataDirectory);
    expect(acknowledged).toBeGreaterThanOrEqual(300);
    expect(await one(cluster, 'select max(x) from t')).toBeGreaterThanOrEqual(acknowledged);
    expect(await one(cluster, 'select max(x) - count(*)::int4 from t')).toBe(0);
  });
});

describe('the log of the embedded cluster', () => {
  const segments = (): number => readdirSync(join(pgdata, 'pg_wal')).filter((name) => name.length === 24).length;

  it('grows without a limit by itself, and a checkpoint truncates it', async () => {
    await using cluster = await openEmbeddedCluster(dataDirectory);
    await cluster.client.query('create table t (x text)');
    const insert = `insert into t select repeat('x', 1000) from generate_series(1, 20000)`;
    for (let round = 0; round < 6; round += 1) await cluster.client.query(insert);
    const before = segments();
    expect(before).toBeGreaterThan(6);
    await checkpointWhenLong(cluster.client, join(pgdata, 'pg_wal'));
    expect(segments()).toBeLessThanOrEqual(6);
  });

  it('skips the checkpoint during an aborted transaction', async () => {
    await using cluster = await openEmbeddedCluster(dataDirectory);
    await cluster.client.query('begin');
    await expect(cluster.client.query('select 1/0')).rejects.toMatchObject({ code: '22012' });
    expect((await cluster.dump()).length).toBeGreaterThan(1_000_000);
    await cluster.client.query('rollback');
    expect(await one(cluster, 'select 1')).toBe(1);
  });
});

describe('writeBackup', () => {
  it('writes a dump of the whole cluster, with access for our own user only', async () => {
    await using cluster = await openEmbeddedCluster(dataDirectory);
    await cluster.client.query('create table t as select 42 as x');
    const file = await writeBackup(cluster, dataDirectory, new Date('2031-02-03T23:59:59Z'));
    expect(file).toBe(join(dataDirectory, 'backup', '2031-02-03.tar.zst'));
    expect([modeOf(file), modeOf(join(dataDirectory, 'backup'))]).toEqual([0o600, 0o700]);
    const restored = join(dataDirectory, 'restored');
    mkdirSync(restored);
    await unpackCluster(readFileSync(file), join(restored, 'pgdata'));
    await using second = await openEmbeddedCluster(restored);
    expect(await one(second, 'select x from t')).toBe(42);
  });

  it('leaves the event loop free while it reads the files', async () => {
    await using cluster = await openEmbeddedCluster(dataDirectory);
    let turns = 0;
    const counter = setInterval(() => {
      turns += 1;
    }, 1);
    await Promise.all([cluster.dump(), cluster.dump(), one(cluster, 'select 1')]);
    clearInterval(counter);
    expect(turns).toBeGreaterThan(10);
  });

  it('dumps a consistent cluster while rows are written', async () => {
    await using cluster = await openEmbeddedCluster(dataDirectory);
    await cluster.client.query('create table t (x int4 primary key)');
    let writing = true;
    let x = 0;
    const writer = async (): Promise<void> => {
      while (writing) {
        x += 1;
        await cluster.client.query({ name: 'insert', text: 'insert into t values ($1)', values: [x] });
      }
    };
    const written = writer();
    while (x < 50) await one(cluster, 'select 1');
    const before = x;
    const file = await writeBackup(cluster, dataDirectory, new Date('2031-02-03T00:00:00Z'));
    writing = false;
    await written;
    const restored = join(dataDirectory, 'restored');
    mkdirSync(restored);
    await unpackCluster(readFileSync(file), join(restored, 'pgdata'));
    await using second = await openEmbeddedCluster(restored);
    expect(await one(second, 'select max(x) from t')).toBeGreaterThanOrEqual(before - 1);
    expect(await one(second, 'select max(x) - count(*)::int4 from t')).toBe(0);
  });

  it('replaces the dump of the day, keeps seven, and touches no other file', async () => {
    const backup = join(dataDirectory, 'backup');
    mkdirSync(backup);
    writeFileSync(join(backup, 'mine.tar.zst'), '');
    writeFileSync(join(backup, '2031-01-09.tar.zst.partial'), 'interrupted');
    const cluster = { dump: () => Promise.resolve(Buffer.from('dump')) };
    for (const day of ['01', '02', '03', '04', '05', '06', '07', '08', '09', '09']) {
      await writeBackup(cluster, dataDirectory, new Date(`2031-01-${day}T00:00:00Z`));
    }
    const days = ['03', '04', '05', '06', '07', '08', '09'].map((day) => `2031-01-${day}.tar.zst`);
    expect(readdirSync(backup).sort()).toEqual([...days, 'mine.tar.zst']);
  });
});

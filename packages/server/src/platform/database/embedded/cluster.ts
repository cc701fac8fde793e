import { existsSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'pg';
import { assert } from '#kernel/assert.ts';
import { DataDirectoryError } from '#platform/data-directory/index.ts';
import { checkpoint, keepLogShort } from './checkpoints.ts';
import { dumpCluster } from './dump.ts';
import { emptyCluster } from './empty-cluster.ts';
import { type Engine, startEngine } from './pglite.ts';
import { readSnapshot } from './snapshot.ts';
import { unpackCluster } from './unpack.ts';

export interface EmbeddedCluster extends AsyncDisposable {
  /**
   * The only client, connected and pipelining, with one connection. A statement that is sent between the BEGIN and the
   * COMMIT of another caller runs inside that transaction, so callers must queue transactions. A failed background
   * checkpoint is emitted as its `error` event.
   */
  readonly client: Client;
  /** All files of the cluster as a tar archive compressed with zstd. Statements wait meanwhile. */
  dump(): Promise<Uint8Array>;
  /** Waits for the statements that were sent, then closes the client and the database. Idempotent. */
  close(): Promise<void>;
}

const openClusters = new Set<string>();

/**
 * Opens the cluster in `pgdata` in a data directory that the caller has locked, and creates an empty one if there is none.
 *
 * @throws DataDirectoryError (78) for a cluster of another major version of PostgreSQL, or one that does not start.
 */
export async function openEmbeddedCluster(dataDirectory: string): Promise<EmbeddedCluster> {
  const directory = join(await realpath(dataDirectory), 'pgdata');
  assert(!openClusters.has(directory), `the embedded database in ${directory} is already open`);
  openClusters.add(directory);
  try {
    return await onDisk(directory);
  } catch (error) {
    openClusters.delete(directory);
    throw error;
  }
}

async function onDisk(directory: string): Promise<EmbeddedCluster> {
  if (existsSync(directory)) await requireSameVersion(directory);
  else await unpackCluster(await readSnapshot(), directory);
  const engine = await start(directory);
  const log = keepLogShort(engine.client, join(directory, 'pg_wal'));
  return cluster(engine, {
    dump: () => dumpCluster(engine, directory),
    close: async () => {
      await log.stop();
      await end(engine);
      openClusters.delete(directory);
    },
  });
}

async function start(directory: string): Promise<Engine> {
  try {
    return await startEngine(directory);
  } catch (error) {
    throw new DataDirectoryError(
      'unusable',
      `The embedded database in ${directory} does not start: move it away and restore the newest file in backup/.`,
      { cause: error },
    );
  }
}

function cluster(engine: Engine, how: Pick<EmbeddedCluster, 'dump' | 'close'>): EmbeddedCluster {
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= how.close();
    return closing;
  };
  return { client: engine.client, dump: how.dump, close, [Symbol.asyncDispose]: close };
}

async function end(engine: Engine): Promise<void> {
  // The response comes after those of all earlier statements; and without a checkpoint the next start must replay the
  // log.
  await checkpoint(engine.client);
  await engine.client.end();
  await engine.pglite.close();
}

async function requireSameVersion(directory: string): Promise<void> {
  const versionFile = join(directory, 'PG_VERSION');
  if (!existsSync(versionFile)) {
    throw new DataDirectoryError('unusable', `The directory ${directory} holds no database: move it away.`);
  }
  const found = (await readFile(versionFile, 'utf8')).trim();
  if (found === emptyCluster.postgresMajor) return;
  throw new DataDirectoryError(
    'unusable',
    `The embedded database in ${directory} is of PostgreSQL ${found} and this Latchkey embeds PostgreSQL ` +
      `${emptyCluster.postgresMajor}: start the release of Latchkey that last used it.`,
  );
}

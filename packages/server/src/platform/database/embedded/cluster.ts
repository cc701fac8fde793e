import { existsSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import type { Client } from 'pg';
import { assert } from '#kernel/assert.ts';
import { DataDirectoryError } from '#platform/data-directory/index.ts';
import { checkpoint, keepLogShort } from './checkpoints.ts';
import { emptyCluster } from './empty-cluster.ts';
import { type Engine, startEngine } from './pglite.ts';
import { readSnapshot } from './snapshot.ts';
import { unpackCluster } from './unpack.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Where a cluster lives: in `pgdata` of a data directory that the caller has locked, or in memory, for tests. */
export type ClusterPlace = { readonly dataDirectory: string } | { readonly inMemory: true };

/** An open cluster. */
export interface EmbeddedCluster extends AsyncDisposable {
  /**
   * The one client, connected and pipelining. It has one connection, so a statement sent between another's BEGIN and
   * COMMIT runs inside that transaction: whoever uses it puts transactions into a queue.
   * A failed checkpoint in the background is emitted as its `error` event.
   */
  readonly client: Client;
  /** All files of the cluster as a tar archive compressed with zstd. Holds the event loop for about 0.1 s per 40 MB. */
  dump(): Promise<Uint8Array>;
  /** Waits for the statements already sent, then ends the client and the database. The second call does nothing. */
  close(): Promise<void>;
}

const openClusters = new Set<string>();

/**
 * Opens the cluster, and creates an empty one first where there is none.
 *
 * @throws DataDirectoryError (78) for a cluster of another major version of PostgreSQL, or one that does not start.
 */
export async function openEmbeddedCluster(place: ClusterPlace): Promise<EmbeddedCluster> {
  if ('inMemory' in place) return inMemory();
  const directory = join(await realpath(place.dataDirectory), 'pgdata');
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
  return cluster(engine, async () => {
    await log.stop();
    openClusters.delete(directory);
  });
}

async function inMemory(): Promise<EmbeddedCluster> {
  const archive = await decompress(await readSnapshot());
  return cluster(await startEngine({ loadDataDir: new Blob([archive]) }), () => Promise.resolve());
}

async function start(directory: string): Promise<Engine> {
  try {
    return await startEngine({ dataDir: directory });
  } catch (error) {
    throw new DataDirectoryError(
      'unusable',
      `The embedded database in ${directory} does not start: move it away and restore the newest file in backup/.`,
      { cause: error },
    );
  }
}

function cluster(engine: Engine, beforeEnd: () => Promise<void>): EmbeddedCluster {
  const { client, pglite } = engine;
  let closing: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    await beforeEnd();
    // Answered only when everything sent before it is; and without it the next start would have to replay the log.
    await checkpoint(client);
    await client.end();
    await pglite.close();
  };
  const close = (): Promise<void> => {
    closing ??= end();
    return closing;
  };
  const dump = async (): Promise<Uint8Array> => {
    await checkpoint(client);
    const archive = await pglite.dumpDataDir('none');
    return compress(await archive.arrayBuffer());
  };
  return { client, dump, close, [Symbol.asyncDispose]: close };
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

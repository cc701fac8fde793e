import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EmbeddedCluster } from './cluster.ts';

const kept = 7;

/**
 * Writes a dump of the cluster to `backup/<day>.tar.zst` (day in UTC) in the data directory, replacing an earlier dump
 * of the day, and deletes all but the newest seven. Returns its path.
 * Unlike the cluster, the dump is synced to disk: it survives a crash of the machine.
 */
export async function writeBackup(
  cluster: Pick<EmbeddedCluster, 'dump'>,
  dataDirectory: string,
  now: Date,
): Promise<string> {
  const directory = join(dataDirectory, 'backup');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const file = join(directory, `${now.toISOString().slice(0, 10)}.tar.zst`);
  await writeSynced(`${file}.partial`, await cluster.dump());
  await rename(`${file}.partial`, file);
  await sync(directory);
  await removeOld(directory);
  return file;
}

async function writeSynced(file: string, content: Uint8Array): Promise<void> {
  // A file of an interrupted attempt may have any mode.
  await rm(file, { force: true });
  await using handle = await open(file, 'wx', 0o600);
  await handle.writeFile(content);
  await handle.sync();
}

/** A rename is durable only once its directory is synced. */
async function sync(directory: string): Promise<void> {
  await using handle = await open(directory, 'r');
  await handle.sync();
}

async function removeOld(directory: string): Promise<void> {
  const names = await readdir(directory);
  const backups = names.filter((name) => /^\d{4}-\d{2}-\d{2}\.tar\.zst$/.test(name)).sort();
  await Promise.all(backups.slice(0, -kept).map((name) => rm(join(directory, name))));
}

/**
 * The snapshot: an empty cluster as initdb creates it, in 1.6 MB. Unpacking it instead of running initdb shortens the
 * first start from 5 s to about 1 s. `node bin/run.cjs tools/snapshot.ts` makes it. It is not migrated, so it depends
 * on the version of PGlite alone. It holds no secret; all installations share its `system_identifier`.
 */
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { assert, present } from '#kernel/assert.ts';
import { emptyCluster } from './empty-cluster.ts';
import { installedPgliteVersion } from './pglite.ts';

const compress = promisify(zstdCompress);

const snapshotFile = new URL('empty-cluster.tar.zst', import.meta.url);

/** The snapshot's bytes, verified. A wrong checksum is a broken installation, not a mistake of the operator. */
export async function readSnapshot(): Promise<Buffer> {
  const version = installedPgliteVersion();
  assert(
    version === emptyCluster.pgliteVersion,
    `the snapshot of the empty cluster is of PGlite ${emptyCluster.pgliteVersion}, and ${version} is installed`,
  );
  const archive = await readFile(snapshotFile);
  assert(hash('sha256', archive) === emptyCluster.sha256, 'the snapshot of the empty cluster is damaged');
  return archive;
}

/** A new snapshot and the content of `empty-cluster.ts`. */
export interface Snapshot {
  readonly archive: Uint8Array;
  readonly about: Readonly<Record<keyof typeof emptyCluster, string>>;
}

/** Makes a snapshot with the installed PGlite. */
export async function makeSnapshot(): Promise<Snapshot> {
  const { PGlite } = await import('@electric-sql/pglite');
  await using pglite = await PGlite.create();
  const { rows } = await pglite.query<{ version: string }>(`select current_setting('server_version_num') as version`);
  // The dump copies files, so buffers must be written first.
  await pglite.exec('checkpoint');
  const dump = await pglite.dumpDataDir('none');
  const archive = await compress(await dump.arrayBuffer(), {
    params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_windowLog]: 23 },
  });
  return {
    archive,
    about: {
      pgliteVersion: installedPgliteVersion(),
      postgresMajor: String(Math.trunc(Number(present(rows[0], 'the server version').version) / 10_000)),
      sha256: hash('sha256', archive),
    },
  };
}

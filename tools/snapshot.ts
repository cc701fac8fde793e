/**
 * Makes the snapshot of the empty cluster that the embedded database starts from (`empty-cluster.tar.zst`, and beside it
 * `empty-cluster.ts` with its version and checksum). Run it after every upgrade of PGlite: node bin/run.cjs tools/snapshot.ts
 */
import { writeFileSync } from 'node:fs';
import { makeSnapshot } from '../packages/server/src/platform/database/embedded/index.ts';

const directory = new URL('../packages/server/src/platform/database/embedded/', import.meta.url);

const { archive, about } = await makeSnapshot();
writeFileSync(new URL('empty-cluster.tar.zst', directory), archive);
writeFileSync(
  new URL('empty-cluster.ts', directory),
  `/** What \`empty-cluster.tar.zst\` is. Written by tools/snapshot.ts. */
export const emptyCluster = {
  pgliteVersion: '${about.pgliteVersion}',
  postgresMajor: '${about.postgresMajor}',
  sha256: '${about.sha256}',
} as const;
`,
);
console.log(`empty-cluster.tar.zst: ${archive.length} bytes, PGlite ${about.pgliteVersion}`);

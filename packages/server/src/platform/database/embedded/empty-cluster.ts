/** The checksum and version of `empty-cluster.tar.zst`, written by tools/snapshot.ts. */
export const emptyCluster = {
  pgliteVersion: '0.5.16',
  postgresMajor: '18',
  sha256: 'a5f132ac4f3f32cb1c897493e7964947404a949a1de71c1a4a5e6ecce8c113b2',
} as const;

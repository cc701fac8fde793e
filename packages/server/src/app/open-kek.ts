/** The key-encryption key (KEK): of the configuration, or in development a file of the data directory. */
import { existsSync } from 'node:fs';
import type { Config } from '#config/index.ts';
import { preparePrivateDirectory } from '#platform/data-directory/index.ts';
import type { Database } from '#platform/database/index.ts';
import {
  createKekOfDirectory,
  type KeyEncryptionKey,
  localKek,
  readKekOfDirectory,
  wrappingKeyIds,
} from '#platform/keys/index.ts';

/**
 * Returns the KEK. Without one, it is generated for the migrated database `createFor` if that has no data keys: a new KEK
 * could not decrypt them.
 *
 * @throws KeysUnusable when there is none and none may be generated.
 */
export async function openKek({ keys, dataDirectory }: Config, createFor?: Database): Promise<KeyEncryptionKey> {
  if (keys.kek !== undefined) return localKek(keys.kek);
  const isNew = createFor !== undefined && (await wrappingKeyIds(createFor)).length === 0;
  if (!isNew && !existsSync(dataDirectory)) return readKekOfDirectory(dataDirectory);
  const directory = await preparePrivateDirectory(dataDirectory);
  return isNew ? createKekOfDirectory(directory) : readKekOfDirectory(directory);
}

/**
 * The return address of a login link, its payload under the user's key: the path of an application may be personal, and no
 * dump shows it. A link of the previous release has none.
 */
import { z } from 'zod';
import type { UserKey } from '#platform/keys/index.ts';
import { tokenAssociatedData } from './issue.ts';

const payload = z.object({ continueTo: z.string() });

/** Encrypts the payload of a login link. */
export function sealReturnAddress(userKey: UserKey, tokenId: string, continueTo: string): Buffer {
  return userKey.seal(JSON.stringify({ continueTo }), tokenAssociatedData(tokenId));
}

/** Decrypts it. The page that leads there validates the address again. */
export function openReturnAddress(userKey: UserKey, tokenId: string, sealed: Uint8Array): string {
  const opened = userKey.open(sealed, tokenAssociatedData(tokenId)).toString('utf8');
  return payload.parse(JSON.parse(opened)).continueTo;
}

/** What a registration's link carries (invariant 18), sealed in the token's row. */
import { z } from 'zod';
import { tokenAssociatedData } from '#domain/one-time-tokens/index.ts';
import type { Keys } from '#platform/keys/index.ts';

const carried = z.strictObject({
  /** The same for a link and for those sent again, so that one registration can be told from two. */
  registrationId: z.uuid(),
  registeredAt: z.iso.datetime(),
  phc: z.string(),
  name: z.string(),
  locale: z.string(),
});

/** A registration as its link carries it: pressing the link sets this password and name, and no other. */
export type PendingRegistration = z.infer<typeof carried>;

/** Under the password key, since the PHC string is what it protects (invariant 15). */
export function sealRegistration(keys: Keys, tokenId: string, registration: PendingRegistration): Buffer {
  return keys.seal('password', JSON.stringify(registration), tokenAssociatedData(tokenId));
}

export function openRegistration(keys: Keys, tokenId: string, sealed: Buffer): PendingRegistration {
  return carried.parse(JSON.parse(keys.open('password', sealed, tokenAssociatedData(tokenId)).toString('utf8')));
}

import type { AssociatedData, Keys } from '#platform/keys/index.ts';
import { passwordAssociatedData } from './stored.ts';

/** No user has this id. */
const decoyAssociatedData = passwordAssociatedData('00000000-0000-0000-0000-000000000000');
/** The length of a PHC string with the default Argon2id parameters. */
const decoyLength = 97;

const decoys = new WeakMap<Keys, Buffer>();

/**
 * Decrypts the PHC string of a user's stored password. Decrypts a decoy of the same length when the user has no hash or
 * does not exist; without it the missing decryption is measurable after about 1,000 samples (invariant 13).
 */
export function openHash(keys: Keys, userId: string | undefined, sealed: Buffer | undefined): string | undefined {
  if (userId !== undefined && sealed !== undefined) return decrypt(keys, sealed, passwordAssociatedData(userId));
  decrypt(keys, decoyOf(keys), decoyAssociatedData);
  return undefined;
}

function decrypt(keys: Keys, sealed: Buffer, associatedData: AssociatedData): string {
  return keys.open('password', sealed, associatedData).toString('utf8');
}

function decoyOf(keys: Keys): Buffer {
  const existing = decoys.get(keys);
  if (existing !== undefined) return existing;
  const decoy = keys.seal('password', 'x'.repeat(decoyLength), decoyAssociatedData);
  decoys.set(keys, decoy);
  return decoy;
}

/** Opening a stored hash, for the same work when there is none. */
import type { Keys } from '#platform/keys/index.ts';
import { passwordAssociatedData } from './stored.ts';

/** Nobody's: no user has this id. */
const decoyAssociatedData = passwordAssociatedData('00000000-0000-0000-0000-000000000000');
/** As long as a PHC string of today. */
const decoyLength = 97;

const decoys = new WeakMap<Keys, Buffer>();

/**
 * The PHC string of a user's stored password. Without one something of its length is opened and thrown away: one
 * decryption more tells a thousand logins of somebody from those of nobody (invariant 13).
 */
export function openHash(keys: Keys, userId: string | undefined, sealed: Buffer | undefined): string | undefined {
  if (userId !== undefined && sealed !== undefined) return openAt(keys, sealed, passwordAssociatedData(userId));
  openAt(keys, decoyOf(keys), decoyAssociatedData);
  return undefined;
}

function openAt(keys: Keys, sealed: Buffer, place: ReturnType<typeof passwordAssociatedData>): string {
  return keys.open('password', sealed, place).toString('utf8');
}

function decoyOf(keys: Keys): Buffer {
  const known = decoys.get(keys);
  if (known !== undefined) return known;
  const made = keys.seal('password', 'x'.repeat(decoyLength), decoyAssociatedData);
  decoys.set(keys, made);
  return made;
}

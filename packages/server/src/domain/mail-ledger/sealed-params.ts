import { assert } from '#kernel/assert.ts';
import type { AssociatedData, UserKey } from '#platform/keys/index.ts';

/** Where a mail's parameters stand; authenticated with their ciphertext. */
export function paramsAssociatedData(mailId: string): AssociatedData {
  return { table: 'mail_ledger', column: 'sealed_params', row: mailId };
}

/** Opens a mail's parameters: an object of texts. */
export function openParams(key: UserKey, sealed: Uint8Array, mailId: string): Readonly<Record<string, string>> {
  const read: unknown = JSON.parse(key.open(sealed, paramsAssociatedData(mailId)).toString('utf8'));
  assert(typeof read === 'object' && read !== null, 'mail parameters are no object');
  for (const value of Object.values(read)) assert(typeof value === 'string', 'a mail parameter is no text');
  return read as Record<string, string>;
}

import { assert } from '#kernel/assert.ts';
import type { AssociatedData, UserKey } from '#platform/keys/index.ts';

/** The associated data that a message's parameters are encrypted with. */
export function paramsAssociatedData(mailId: string): AssociatedData {
  return { table: 'mail_ledger', column: 'sealed_params', row: mailId };
}

/** Decrypts a message's parameters. */
export function openParams(key: UserKey, sealed: Uint8Array, mailId: string): Readonly<Record<string, string>> {
  const read: unknown = JSON.parse(key.open(sealed, paramsAssociatedData(mailId)).toString('utf8'));
  assert(typeof read === 'object' && read !== null, 'mail parameters are not an object');
  for (const value of Object.values(read)) assert(typeof value === 'string', 'a mail parameter is not a string');
  return read as Record<string, string>;
}

import { type AuditEvent, type AuditLog, recordFragment } from '#domain/audit/index.ts';
import { claimEmailFragment } from '#domain/identifiers/index.ts';
import { passwordAssociatedData, upsertPasswordFragment } from '#domain/passwords/index.ts';
import { assignRole, type Role } from '#domain/roles/index.ts';
import { insertUserFragment } from '#domain/users/index.ts';
import type { MakeId } from '#kernel/ids.ts';
import { type Queries, statement } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';

const claimed = claimEmailFragment();
const created = insertUserFragment('claimed');
const password = upsertPasswordFragment('claimed');
const audited = recordFragment('claimed');

/** Every insert selects from `claimed`, so of two concurrent statements for an address one inserts nothing. */
const create = statement('registrations.create_verified', {
  lane: 'pool',
  sql: `with ${claimed.sql}, ${created.sql}, ${password.sql}, ${audited.sql} select user_id from claimed`,
  params: { ...claimed.params, ...created.params, ...password.params, ...audited.params },
  columns: { userId: 'uuid' },
});

/** A user whose address is verified from the start: by an operator's command, the invitation sent to it, or a provider that is the authority for it. */
export interface VerifiedUser {
  readonly userId: string;
  readonly email: { readonly asTyped: string; readonly canonical: string };
  readonly name: string;
  readonly locale: string;
  readonly roles: readonly Role[];
  /** Undefined for a user without a password, who must set one before logging in with it. */
  readonly phc: string | undefined;
  readonly now: Date;
}

/** Creates the user with its audit event, and returns the user's key; undefined when another user has the address, verified or not. */
export async function createVerifiedUser(
  tx: Queries,
  { keys, makeId, audit }: { readonly keys: Keys; readonly makeId: MakeId; readonly audit: AuditLog },
  { userId, email, name, locale, roles, phc, now }: VerifiedUser,
  event: AuditEvent,
): Promise<UserKey | undefined> {
  const { key, wrapped } = keys.createUserKey(userId);
  const row = await tx.row(create, {
    identifierId: makeId(),
    identifierUserId: userId,
    identifierAsTyped: email.asTyped,
    identifierCanonical: email.canonical,
    identifierVerifiedAt: now,
    identifierCreatedAt: now,
    userId,
    userName: name,
    userLocale: locale,
    userCreatedAt: now,
    userWrappedKey: wrapped,
    passwordSealed: phc === undefined ? null : keys.seal('password', phc, passwordAssociatedData(userId)),
    passwordChangedAt: now,
    ...audit.values(event, key),
  });
  if (row === undefined) return undefined;
  for (const role of roles) await assignRole(tx, { userId, role, now, makeId });
  return key;
}

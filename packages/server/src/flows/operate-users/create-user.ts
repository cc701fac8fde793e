/** Making a user whose address the operator vouches for. */
import { recordFragment } from '#domain/audit/index.ts';
import { claimEmailFragment, findHolderOfEmail } from '#domain/identifiers/index.ts';
import { passwordPlace, upsertPasswordFragment } from '#domain/passwords/index.ts';
import { assignRole, type Role } from '#domain/roles/index.ts';
import { insertUserFragment } from '#domain/users/index.ts';
import { statement } from '#platform/database/index.ts';
import type { OperateUsers } from './operate-users.ts';

/** Whom to make. */
export interface NewUser {
  readonly email: { readonly asTyped: string; readonly canonical: string };
  readonly name: string;
  readonly locale: string;
  readonly roles: readonly Role[];
  /** Undefined: the user cannot log in by password before they have set one. */
  readonly password: string | undefined;
}

/** `taken`: somebody has the address, proven or not; undefined when they have gone meanwhile. */
export type CreatedUser =
  | { readonly kind: 'created'; readonly userId: string }
  | { readonly kind: 'taken'; readonly holderId: string | undefined };

const claimed = claimEmailFragment();
const created = insertUserFragment('claimed');
const password = upsertPasswordFragment('claimed');
const audited = recordFragment('claimed');

/** Everything hangs on having claimed the address; of two at once one gets no row. */
const create = statement('operate_users.create', {
  lane: 'pool',
  sql: `with ${claimed.sql}, ${created.sql}, ${password.sql}, ${audited.sql} select user_id from claimed`,
  params: { ...claimed.params, ...created.params, ...password.params, ...audited.params },
  columns: { userId: 'uuid' },
});

/** Makes the user, whole or not at all. The hash is computed before anything is held. */
export async function createUser(flow: OperateUsers, user: NewUser): Promise<CreatedUser> {
  const phc = user.password === undefined ? undefined : await flow.hashes.compute(user.password);
  const userId = flow.makeId();
  const now = flow.clock.now();
  const values = valuesOf(flow, user, userId, phc, now);
  const made = await flow.database.transaction(async (tx) => {
    const row = await tx.row(create, values);
    if (row === undefined) return false;
    for (const role of user.roles) await assignRole(tx, { userId, role, now, makeId: flow.makeId });
    return true;
  });
  if (made) return { kind: 'created', userId };
  return { kind: 'taken', holderId: await findHolderOfEmail(flow.database, user.email.canonical) };
}

function valuesOf(flow: OperateUsers, user: NewUser, userId: string, phc: string | undefined, now: Date) {
  const { key, wrapped } = flow.keys.createUserKey(userId);
  const event = {
    action: 'user.created',
    at: now,
    actor: { kind: 'operator' },
    userId,
    facts: { roles: [...user.roles], password: phc !== undefined },
    personal: { email: user.email.canonical },
  } as const;
  return {
    identifierId: flow.makeId(),
    identifierUserId: userId,
    identifierAsTyped: user.email.asTyped,
    identifierCanonical: user.email.canonical,
    identifierVerifiedAt: now,
    identifierCreatedAt: now,
    userId,
    userName: user.name,
    userLocale: user.locale,
    userCreatedAt: now,
    userWrappedKey: wrapped,
    passwordSealed: phc === undefined ? null : flow.keys.seal('password', phc, passwordPlace(userId)),
    passwordChangedAt: now,
    ...flow.audit.values(event, key),
  };
}

/** Making a user whose address the operator vouches for. */
import type { AuditActor } from '#domain/audit/index.ts';
import { findHolderOfEmail } from '#domain/identifiers/index.ts';
import { createVerifiedUser } from '#domain/registrations/index.ts';
import type { Role } from '#domain/roles/index.ts';
import type { AdminUsers } from './admin-users.ts';

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

/**
 * Makes the user, whole or not at all. The hash is computed before anything is held.
 *
 * @throws what `PasswordRules` throws: an operator's password is guessed like anybody's. In English, as all commands speak.
 */
export async function createUser(flow: AdminUsers, actor: AuditActor, newUser: NewUser): Promise<CreatedUser> {
  const { password, ...user } = newUser;
  const phc = password === undefined ? undefined : await hashNew(flow, password, user);
  const userId = flow.makeId();
  const now = flow.clock.now();
  const event = {
    action: 'user.created',
    at: now,
    actor,
    userId,
    facts: { roles: [...user.roles], password: phc !== undefined },
    personal: { email: user.email.canonical },
  } as const;
  const made = await flow.database.transaction((tx) =>
    createVerifiedUser(tx, flow, { ...user, userId, phc, now }, event),
  );
  if (made) return { kind: 'created', userId };
  const holder = await findHolderOfEmail(flow.database, user.email.canonical);
  return { kind: 'taken', holderId: holder?.userId };
}

async function hashNew(
  flow: AdminUsers,
  password: string,
  { email, name }: Omit<NewUser, 'password'>,
): Promise<string> {
  const candidate = { password, field: '/password', about: [email.canonical, name], languages: ['en'] };
  return flow.hashes.compute(await flow.passwordRules.accept(candidate));
}

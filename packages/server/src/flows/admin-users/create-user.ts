import type { AuditActor } from '#domain/audit/index.ts';
import { findHolderOfEmail } from '#domain/identifiers/index.ts';
import { createVerifiedUser } from '#domain/registrations/index.ts';
import type { Role } from '#domain/roles/index.ts';
import type { AdminUsers } from './admin-users.ts';

/** A user to create; the operator vouches for the address. */
export interface NewUser {
  readonly email: { readonly asTyped: string; readonly canonical: string };
  readonly name: string;
  readonly locale: string;
  readonly roles: readonly Role[];
  /** When undefined, the user sets one by recovery before the first login by password. */
  readonly password: string | undefined;
}

/** `taken`: another user holds the address, verified or not. `holderId` is undefined when that user was deleted meanwhile. */
export type CreatedUser =
  | { readonly kind: 'created'; readonly userId: string }
  | { readonly kind: 'taken'; readonly holderId: string | undefined };

/**
 * Creates the user with a verified address, roles and password in one transaction. Computes the hash before it.
 *
 * @throws as `PasswordRules`, which holds for passwords of operators too; in English, the language of the commands.
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
  const created = await flow.database.transaction((tx) =>
    createVerifiedUser(tx, flow, { ...user, userId, phc, now }, event),
  );
  if (created) return { kind: 'created', userId };
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

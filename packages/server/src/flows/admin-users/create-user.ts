import type { AuditActor } from '#domain/audit/index.ts';
import { findHolderOfEmail } from '#domain/identifiers/index.ts';
import { createVerifiedUser, supersedeRegistration } from '#domain/registrations/index.ts';
import type { Role } from '#domain/roles/index.ts';
import { requireForRole } from '#domain/second-factors/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Queries } from '#platform/database/index.ts';
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

/** `taken`: another user has verified the address. */
export type CreatedUser =
  | { readonly kind: 'created'; readonly userId: string }
  | { readonly kind: 'taken'; readonly holderId: string };

/** Concurrent registrations of the address may change its holder between the read and the transaction. */
const maxAttempts = 5;

/**
 * Creates the user with a verified address, roles and password in one transaction. Computes the hash before it. Deletes an
 * unverified registration of the address (invariant 18), as the proof of its owner does.
 *
 * @throws `busy` when the holder of the address changed at every attempt.
 *
 * @throws as `PasswordRules`, which holds for passwords of operators too; in English, the language of the commands.
 */
export async function createUser(flow: AdminUsers, actor: AuditActor, newUser: NewUser): Promise<CreatedUser> {
  const { password, ...user } = newUser;
  const phc = password === undefined ? undefined : await hashNew(flow, password, user);
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const holder = await findHolderOfEmail(flow.database, user.email.canonical);
    if (holder?.isProven) return { kind: 'taken', holderId: holder.userId };
    const userId = await tryToCreate(flow, actor, { user, phc, holderId: holder?.userId });
    if (userId !== undefined) return { kind: 'created', userId };
  }
  throw new Problem('busy', { retryAfterSeconds: 1, log: 'the holder of the address changed at every attempt' });
}

interface Attempt {
  readonly user: Omit<NewUser, 'password'>;
  readonly phc: string | undefined;
  /** The unverified user who held the address at the read before the transaction. */
  readonly holderId: string | undefined;
}

/** Thrown to roll back the deletion of the unverified user. */
class HolderChanged extends Error {}

/** Returns undefined when the holder of the address changed since it was read. */
async function tryToCreate(flow: AdminUsers, actor: AuditActor, attempt: Attempt): Promise<string | undefined> {
  try {
    return await flow.database.transaction((tx) => create(flow, tx, actor, attempt));
  } catch (error) {
    if (error instanceof HolderChanged) return undefined;
    throw error;
  }
}

async function create(flow: AdminUsers, tx: Queries, actor: AuditActor, attempt: Attempt): Promise<string> {
  const { user, phc, holderId } = attempt;
  const now = flow.clock.now();
  if (holderId !== undefined) {
    await flow.users.lock(tx, holderId);
    if (!(await supersedeRegistration(tx, flow.audit, holderId, now))) throw new HolderChanged();
  }
  const userId = flow.makeId();
  const event = {
    action: 'user.created',
    at: now,
    actor,
    userId,
    facts: { roles: [...user.roles], password: phc !== undefined },
    personal: { email: user.email.canonical },
  } as const;
  if (!(await createVerifiedUser(tx, flow, { ...user, userId, phc, now }, event))) throw new HolderChanged();
  if (user.roles.length > 0) await requireForRole(tx, flow, userId);
  return userId;
}

async function hashNew(
  flow: AdminUsers,
  password: string,
  { email, name }: Omit<NewUser, 'password'>,
): Promise<string> {
  const candidate = { password, field: '/password', about: [email.canonical, name], languages: ['en'] };
  return flow.hashes.compute(await flow.passwordRules.accept(candidate));
}

import { countFailures } from '#domain/attempts/index.ts';
import { emailInput, findHolderOfEmail } from '#domain/identifiers/index.ts';
import { listPasskeys } from '#domain/passkeys/index.ts';
import { countRecoveryCodes } from '#domain/recovery-codes/index.ts';
import { listRoles } from '#domain/roles/index.ts';
import { summarizeSessions } from '#domain/sessions/index.ts';
import { describeTotp } from '#domain/totp/index.ts';
import { findMetadata, type Metadata, type UserProfile } from '#domain/users/index.ts';
import type { AdminUsers } from './admin-users.ts';

export interface AdminUser extends UserProfile {
  readonly roles: readonly string[];
  readonly liveSessions: number;
  /** Null also when the sweep has deleted the session of the last login. */
  readonly lastLoginAt: Date | null;
  /** Failed password attempts since the last successful one. */
  readonly failedLogins: number;
  /** Each by its kind. */
  readonly secondFactors: readonly string[];
  readonly metadata: Metadata;
}

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** The id of the user with that id or address. */
export async function findUser(flow: AdminUsers, idOrEmail: string): Promise<string | undefined> {
  if (uuid.test(idOrEmail)) return (await flow.users.profile(idOrEmail))?.id;
  const email = emailInput.safeParse(idOrEmail);
  if (!email.success) return undefined;
  return (await findHolderOfEmail(flow.database, email.data.canonical))?.userId;
}

/** The details of a user; undefined when there is no such user. */
export async function showUser(flow: AdminUsers, userId: string): Promise<AdminUser | undefined> {
  const profile = await flow.users.profile(userId);
  const metadata = await findMetadata(flow.database, userId);
  if (profile === undefined || metadata === undefined) return undefined;
  const roles = await listRoles(flow.database, userId);
  const { live, lastLoginAt } = await summarizeSessions(flow.database, userId, flow.clock.now());
  const failedLogins = await countFailures(flow.database, userId);
  const secondFactors = await secondFactorsOf(flow, userId);
  return { ...profile, roles, liveSessions: live, lastLoginAt, failedLogins, secondFactors, metadata };
}

async function secondFactorsOf({ database }: AdminUsers, userId: string): Promise<string[]> {
  const [totp, passkeys] = [await describeTotp(database, userId), await listPasskeys(database, userId)];
  return [...(totp === undefined ? [] : ['totp']), ...passkeys.map(() => 'passkey')];
}

/** A second factor as an operator sees it; its secret is not shown. */
export interface ListedFactor {
  readonly kind: 'authenticator_app' | 'passkey' | 'recovery_codes';
  /** The name of a passkey, and how many recovery codes are left. */
  readonly detail: string;
  readonly addedAt: Date;
  readonly lastUsedAt: Date | null;
}

/** The second factors of a user, and what stands for one. */
export async function listFactors({ database }: AdminUsers, userId: string): Promise<ListedFactor[]> {
  const [totp, passkeys, codes] = [
    await describeTotp(database, userId),
    await listPasskeys(database, userId),
    await countRecoveryCodes(database, userId),
  ];
  const app = totp && ({ kind: 'authenticator_app', detail: '', addedAt: totp.confirmedAt } as const);
  const left = codes && ({ kind: 'recovery_codes', detail: `${codes.unused} left`, addedAt: codes.createdAt } as const);
  return [
    ...(app === undefined ? [] : [{ ...app, lastUsedAt: totp?.lastUsedAt ?? null }]),
    ...passkeys.map(({ name, createdAt, lastUsedAt }) => {
      return { kind: 'passkey', detail: name ?? '', addedAt: createdAt, lastUsedAt } as const;
    }),
    ...(left === undefined ? [] : [{ ...left, lastUsedAt: null }]),
  ];
}

/** A page of users, oldest first, after the one with the id `after`; undefined when there is no such user. */
export async function listUsers(
  flow: AdminUsers,
  limit: number,
  after: string | undefined,
): Promise<{ readonly users: readonly UserProfile[]; readonly next: string | undefined } | undefined> {
  const last = after === undefined ? undefined : await profileOf(flow, after);
  if (after !== undefined && last === undefined) return undefined;
  const found = await flow.users.list(limit + 1, last);
  const users = found.slice(0, limit);
  return { users, next: found.length > limit ? users.at(-1)?.id : undefined };
}

async function profileOf(flow: AdminUsers, id: string): Promise<UserProfile | undefined> {
  return uuid.test(id) ? flow.users.profile(id) : undefined;
}

/** The user that a login would be for, and every stored fact that `nextStep` needs. Each login method reads these columns. */
import type { UserStatus } from '#domain/users/index.ts';
import { assert } from '#kernel/assert.ts';
import { type Queries, statement, type Values } from '#platform/database/index.ts';

/** A user who may be about to log in. */
export interface Candidate {
  readonly userId: string;
  readonly subject: string;
  readonly status: UserStatus;
  readonly authEpoch: number;
  readonly locale: string;
  /** The identifier that was typed, or the primary one where none was. Notices of this login go there. */
  readonly identifierId: string;
  /** Whether the user's primary email is verified, whichever identifier was typed. */
  readonly emailVerified: boolean;
  readonly sealedPhc: Buffer | undefined;
  readonly mustChange: boolean;
  /** Whether the user has turned two factors on. */
  readonly mfaEnabled: boolean;
  readonly hasPasskey: boolean;
  readonly hasTotp: boolean;
  /** Whether a recovery code is left. */
  readonly hasRecoveryCode: boolean;
  /** Whether the user has a role in the deployment: the rule of the deployment may require two factors of them. */
  readonly hasRole: boolean;
  readonly wrapped: Buffer;
  /** The known device that sent this login. */
  readonly deviceId: string | undefined;
  readonly hasDevices: boolean;
  /** The end of the grace period of a user whose deletion is pending. */
  readonly deletesAt: Date | undefined;
}

/** The parameters of `candidateSql`, without those of its condition. */
export const candidateParams = { deviceId: 'uuid?', now: 'timestamptz' } as const;

/**
 * SQL: the users of the identifiers `i` that satisfy `where`. Released addresses (`held_until`) cannot log in.
 * A subquery runs for existing users only, so that its time would reveal them (invariant 13): the one for
 * `email_verified` is skipped for a primary identifier.
 */
export function candidateSql(where: string): string {
  return `select u.id, u.subject, u.status, u.auth_epoch, u.locale, u.mfa_enabled, i.id as identifier_id, p.sealed_phc,
      p.must_change, u.deletes_at, k.wrapped, d.id as device_id,
      case when i.is_primary then i.verified_at is not null
        else exists (select from identifiers primary_email where primary_email.user_id = u.id
          and primary_email.kind = 'email' and primary_email.is_primary
          and primary_email.verified_at is not null) end as email_verified,
      exists (select from devices any_device where any_device.user_id = u.id) as has_devices
    from identifiers i
      join users u on u.id = i.user_id
      join user_keys k on k.user_id = u.id
      left join passwords p on p.user_id = u.id
      left join devices d on d.id = :deviceId::uuid and d.user_id = u.id and d.auth_epoch = u.auth_epoch
        and d.expires_at > :now
    where i.kind = 'email' and i.held_until is null and ${where}`;
}

/** SQL: an id that no user has. Without a user the subqueries look it up, so that they do the same work (invariant 13). */
const idOfNobody = `'00000000-0000-7000-8000-000000000000'::uuid`;

/** SQL: the select list over a CTE `known` that `candidateSql` makes. */
export const candidateFields = `known.id as user_id, known.subject, known.status, known.auth_epoch, known.locale,
      known.identifier_id, known.email_verified, known.sealed_phc, known.must_change, known.mfa_enabled, known.wrapped,
      known.device_id, known.has_devices, known.deletes_at,
      exists (select from passkeys w where w.user_id = coalesce(known.id, ${idOfNobody})) as has_passkey,
      exists (select from totp_secrets t
        where t.user_id = coalesce(known.id, ${idOfNobody}) and t.confirmed_at is not null) as has_totp,
      exists (select from recovery_codes r
        where r.user_id = coalesce(known.id, ${idOfNobody}) and r.used_at is null) as has_recovery_code,
      exists (select from role_assignments a
        where a.user_id = coalesce(known.id, ${idOfNobody}) and a.scope_kind = 'deployment') as has_role`;

/** The types of `candidateFields`. */
export const candidateColumns = {
  userId: 'uuid?',
  subject: 'text?',
  status: 'text?',
  authEpoch: 'int4?',
  locale: 'text?',
  identifierId: 'uuid?',
  emailVerified: 'bool?',
  sealedPhc: 'bytea?',
  mustChange: 'bool?',
  mfaEnabled: 'bool?',
  wrapped: 'bytea?',
  deviceId: 'uuid?',
  hasDevices: 'bool?',
  deletesAt: 'timestamptz?',
  hasPasskey: 'bool?',
  hasTotp: 'bool?',
  hasRecoveryCode: 'bool?',
  hasRole: 'bool?',
} as const;

/** Returns undefined when no user has the identifier. */
export function toCandidate(row: Values<typeof candidateColumns>): Candidate | undefined {
  const { userId, subject, status, authEpoch, locale, identifierId, wrapped } = row;
  if (userId === null) return undefined;
  assert(subject !== null && status !== null && authEpoch !== null, 'columns of users are not null');
  assert(locale !== null && identifierId !== null && wrapped !== null, 'every user has a key and an identifier');
  return {
    userId,
    subject,
    status: status as UserStatus,
    authEpoch,
    locale,
    identifierId,
    wrapped,
    emailVerified: row.emailVerified === true,
    sealedPhc: row.sealedPhc ?? undefined,
    mustChange: row.mustChange === true,
    mfaEnabled: row.mfaEnabled === true,
    hasPasskey: row.hasPasskey === true,
    hasTotp: row.hasTotp === true,
    hasRecoveryCode: row.hasRecoveryCode === true,
    hasRole: row.hasRole === true,
    deviceId: row.deviceId ?? undefined,
    hasDevices: row.hasDevices === true,
    deletesAt: row.deletesAt ?? undefined,
  };
}

/** A user whose grace period is over counts as erased; the job that erases runs only once an hour. */
export function isGracePeriodOver({ status, deletesAt }: Candidate, now: Date): boolean {
  return status === 'pending_deletion' && deletesAt !== undefined && deletesAt <= now;
}

const find = statement('logins.find_candidate', {
  lane: 'pool',
  sql: `with known as (${candidateSql('i.user_id = :userId and i.is_primary')}) select ${candidateFields} from known`,
  params: { userId: 'uuid', ...candidateParams },
  columns: candidateColumns,
});

/** Reads a user by id, within a transaction that has locked the user's row. Returns undefined after an erasure. */
export async function findCandidate(
  tx: Queries,
  { userId, deviceId, now }: { readonly userId: string; readonly deviceId?: string | undefined; readonly now: Date },
): Promise<Candidate | undefined> {
  const row = await tx.row(find, { userId, deviceId: deviceId ?? null, now });
  return row && toCandidate(row);
}

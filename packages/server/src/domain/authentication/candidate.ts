/** Whose login this would be: read by the same columns for every way in. */
import type { UserStatus } from '#domain/users/index.ts';
import { assert } from '#kernel/assert.ts';
import { type Queries, statement, type Values } from '#platform/database/index.ts';

/** The user behind an address. */
export interface Candidate {
  readonly userId: string;
  readonly subject: string;
  readonly status: UserStatus;
  readonly authEpoch: number;
  readonly locale: string;
  readonly identifierId: string;
  readonly emailVerified: boolean;
  readonly sealedPhc: Buffer | undefined;
  readonly mustChange: boolean;
  readonly wrapped: Buffer;
  /** The known device that this login comes from. */
  readonly deviceId: string | undefined;
  readonly hasDevices: boolean;
  /** When the grace period of a closing account is over. */
  readonly deletesAt: Date | undefined;
}

/** What `candidateSql` takes beside what its condition does. */
export const candidateParams = { deviceId: 'uuid?', now: 'timestamptz' } as const;

/** SQL: the users behind the addresses `i` that satisfy `where`; addresses that were given up are nobody's way in. */
export function candidateSql(where: string): string {
  return `select u.id, u.subject, u.status, u.auth_epoch, u.locale, i.id as identifier_id, i.verified_at, p.sealed_phc,
      p.must_change, u.deletes_at, k.wrapped, d.id as device_id,
      exists (select from devices any_device where any_device.user_id = u.id) as has_devices
    from identifiers i
      join users u on u.id = i.user_id
      join user_keys k on k.user_id = u.id
      left join passwords p on p.user_id = u.id
      left join devices d on d.id = :deviceId::uuid and d.user_id = u.id and d.auth_epoch = u.auth_epoch
        and d.expires_at > :now
    where i.kind = 'email' and i.held_until is null and ${where}`;
}

/** SQL: the columns of a CTE `known` that is made by `candidateSql`, for a select list. */
export const candidateFields = `known.id as user_id, known.subject, known.status, known.auth_epoch, known.locale,
      known.identifier_id, known.verified_at, known.sealed_phc, known.must_change, known.wrapped, known.device_id,
      known.has_devices, known.deletes_at`;

/** The types of `candidateFields`. */
export const candidateColumns = {
  userId: 'uuid?',
  subject: 'text?',
  status: 'text?',
  authEpoch: 'int4?',
  locale: 'text?',
  identifierId: 'uuid?',
  verifiedAt: 'timestamptz?',
  sealedPhc: 'bytea?',
  mustChange: 'bool?',
  wrapped: 'bytea?',
  deviceId: 'uuid?',
  hasDevices: 'bool?',
  deletesAt: 'timestamptz?',
} as const;

/** Undefined when nobody has the address. */
export function toCandidate(row: Values<typeof candidateColumns>): Candidate | undefined {
  const { userId, subject, status, authEpoch, locale, identifierId, wrapped } = row;
  if (userId === null) return undefined;
  assert(subject !== null && status !== null && authEpoch !== null, 'a user has these');
  assert(locale !== null && identifierId !== null && wrapped !== null, 'a user has these');
  return {
    userId,
    subject,
    status: status as UserStatus,
    authEpoch,
    locale,
    identifierId,
    wrapped,
    emailVerified: row.verifiedAt !== null,
    sealedPhc: row.sealedPhc ?? undefined,
    mustChange: row.mustChange === true,
    deviceId: row.deviceId ?? undefined,
    hasDevices: row.hasDevices === true,
    deletesAt: row.deletesAt ?? undefined,
  };
}

/** An account whose grace is over is as good as erased, though the job that erases it comes by the hour. */
export function isGracePeriodOver({ status, deletesAt }: Candidate, now: Date): boolean {
  return status === 'pending_deletion' && deletesAt !== undefined && deletesAt <= now;
}

const find = statement('logins.find_candidate', {
  lane: 'pool',
  sql: `with known as (${candidateSql('i.user_id = :userId and i.is_primary')}) select ${candidateFields} from known`,
  params: { userId: 'uuid', ...candidateParams },
  columns: candidateColumns,
});

/** The user by their id, in a transaction that has locked them; undefined when they are gone. */
export async function findCandidate(
  tx: Queries,
  of: { readonly userId: string; readonly deviceId: string | undefined; readonly now: Date },
): Promise<Candidate | undefined> {
  const row = await tx.row(find, { ...of, deviceId: of.deviceId ?? null });
  return row && toCandidate(row);
}

import { revocationsFragment } from '#domain/revocations/index.ts';
import type { Shape } from '#platform/database/index.ts';

const announced = revocationsFragment('user', 'raised');

/**
 * The declaration of a statement that changes one user, raises the epoch and inserts the revocation. Every change of
 * `users.auth_epoch` is one (invariant 4); its time is `:endedAt`.
 *
 * @param change `set`: further assignments; `when`: a further condition. Without a row nothing was changed.
 */
export function raisingEpoch<const P extends Shape>(change: {
  readonly set?: string;
  readonly when?: string;
  readonly params: P;
}) {
  const assignments = ['auth_epoch = auth_epoch + 1', 'updated_at = :endedAt', change.set].filter(Boolean).join(', ');
  const condition = ['id = :userId', change.when].filter(Boolean).join(' and ');
  return {
    lane: 'pool',
    sql: `with raised as (
        update users set ${assignments} where ${condition} returning id as user_id, auth_epoch),
      ${announced.sql}
      select user_id, auth_epoch from raised`,
    params: { userId: 'uuid', ...announced.params, ...change.params },
    columns: { userId: 'uuid', authEpoch: 'int4' },
    after: { revokes: { kind: 'user', target: 'userId', epoch: 'authEpoch' } },
  } as const;
}

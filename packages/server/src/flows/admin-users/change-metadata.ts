import type { AuditActor } from '#domain/audit/index.ts';
import { type Metadata, replaceMetadata } from '#domain/users/index.ts';
import type { AdminUsers } from './admin-users.ts';

/** `too_large` changes neither kind. */
export type MetadataChange = { readonly kind: 'changed' | 'too_large' | 'absent' };

/** Replaces each given kind of metadata as a whole. The audit event names the kinds, not their values. */
export async function changeMetadata(
  flow: AdminUsers,
  actor: AuditActor,
  userId: string,
  metadata: Partial<Metadata>,
): Promise<MetadataChange> {
  const now = flow.clock.now();
  const facts = { public: metadata.public !== undefined, private: metadata.private !== undefined };
  return flow.database.transaction(async (tx) => {
    if ((await flow.users.lock(tx, userId)) === undefined) return { kind: 'absent' };
    if (!(await replaceMetadata(tx, userId, metadata, now))) return { kind: 'too_large' };
    await flow.audit.record(tx, { action: 'user.metadata_changed', at: now, actor, userId, facts });
    return { kind: 'changed' };
  });
}

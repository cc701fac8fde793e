/**
 * What operators change about applications. Owns no endpoint; the command line calls it.
 * Every change commits with its audit event.
 */
import type { AuditActor, AuditLog } from '#domain/audit/index.ts';
import { type Clients, setClientOrigins } from '#domain/clients/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#platform/database/index.ts';

/** What operating clients needs. */
export interface AdminClients {
  readonly database: Database;
  readonly clock: Clock;
  readonly clients: Clients;
  readonly audit: AuditLog;
}

/** Lists these origins and no others, in force here at once and on every other node after its next reading. */
export async function changeOrigins(
  flow: AdminClients,
  actor: AuditActor,
  clientId: string,
  origins: readonly string[],
): Promise<void> {
  const at = flow.clock.now();
  await flow.database.transaction(async (tx) => {
    await setClientOrigins(tx, clientId, origins);
    const facts = { clientId, origins: [...origins] };
    await flow.audit.record(tx, { action: 'client.origins_changed', at, actor, facts });
  });
  await flow.clients.refresh();
}

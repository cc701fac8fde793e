/**
 * Administration of clients: the origins of their pages. Called by the command line; owns no routes and no tables.
 *
 * Every change commits with its audit event.
 */
import type { AuditActor, AuditLog } from '#domain/audit/index.ts';
import { type Clients, setClientOrigins } from '#domain/clients/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#platform/database/index.ts';

export interface AdminClients {
  readonly database: Database;
  readonly clock: Clock;
  readonly clients: Clients;
  readonly audit: AuditLog;
}

/** Replaces the origins of a client. Effective in this process at once, on every other node after its next refresh. */
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

import type { AuditActor } from '#domain/audit/index.ts';

/** The acting party of every command. A shell on the machine authorizes commands; it has no user. */
export const operator: AuditActor = { kind: 'operator' };

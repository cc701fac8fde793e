import type { AuditLog } from '#domain/audit/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import type { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import type { RateLimits } from '#platform/rate-limit/index.ts';

/** Dependencies of the job. */
export interface MailRequestDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  readonly limits: Pick<RateLimits, 'takeMail'>;
}

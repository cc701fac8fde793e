import type { AuditLog } from '#domain/audit/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import type { PasswordHashes, PasswordRules } from '#domain/passwords/index.ts';
import type { SecondFactorRule } from '#domain/second-factors/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Database } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';

/** The dependencies of every operation on users. */
export interface AdminUsers {
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly passwordRules: PasswordRules;
  readonly users: Users;
  readonly secondFactorFor: SecondFactorRule;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
}

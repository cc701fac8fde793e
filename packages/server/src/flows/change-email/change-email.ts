import type { AuditLog } from '#domain/audit/index.ts';
import type { RecentProofDeps } from '#domain/authentication/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import type { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import type { PasswordRules } from '#domain/passwords/index.ts';
import type { SecondFactorRule } from '#domain/second-factors/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import type { EmailDomains } from '#protocol/email-domains/index.ts';

export interface ChangeEmail extends RecentProofDeps {
  readonly makeId: MakeId;
  readonly passwordRules: PasswordRules;
  readonly users: Users;
  readonly secondFactorFor: SecondFactorRule;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  readonly catalogues: Catalogues;
  /** The addresses that must confirm: the new one, or both. */
  readonly confirmAt: 'new' | 'both';
  /** The lists of allowed and denied domains, the same as for registration. */
  readonly emailDomains: EmailDomains;
}

import type { AuditLog } from '#domain/audit/index.ts';
import { findHolderOfEmail } from '#domain/identifiers/index.ts';
import { type ActiveInvitation, findActiveInvitation, useInvitation } from '#domain/invitations/index.ts';
import type { PasswordHashes, PasswordRules } from '#domain/passwords/index.ts';
import { createInvitedUser, type RegistrationHook, retryWithHolder } from '#domain/registrations/index.ts';
import type { SecondFactorRule } from '#domain/second-factors/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { OfferedProviders } from '#pages/provider-buttons.ts';
import type { Database } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

export interface AcceptInvitation {
  readonly identityProviders: OfferedProviders;
  readonly mode: 'open' | 'invite' | 'closed';
  /** Undefined when no hook is configured. */
  readonly registrationHook: RegistrationHook | undefined;
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly passwordRules: PasswordRules;
  readonly users: Users;
  readonly secondFactorFor: SecondFactorRule;
  readonly audit: AuditLog;
  readonly catalogues: Catalogues;
  /** Called after each acceptance; feeds a metric. */
  readonly onAccepted: () => void;
}

export interface Acceptance {
  readonly token: string;
  readonly name: string;
  readonly password: string;
  /** When undefined, the locale of the invitation. */
  readonly locale: string | undefined;
}

/** Reads an invitation without using it. While registration is closed, no invitation is active. */
export async function readInvitation(flow: AcceptInvitation, token: string): Promise<ActiveInvitation | undefined> {
  return flow.mode === 'closed' ? undefined : findActiveInvitation(flow.database, token, flow.clock.now());
}

/**
 * Creates the user with the invited address, which the mailed token verifies. Deletes an unverified registration of that
 * address (invariant 18).
 *
 * @throws `invalid_token` also when another user has verified the address meanwhile; the invitation then stays unused.
 * @throws `busy` when the holder of the address changed at every attempt.
 */
export async function acceptInvitation(flow: AcceptInvitation, acceptance: Acceptance, caller: Caller): Promise<void> {
  const { token, name, password } = acceptance;
  const invitation = await readInvitation(flow, token);
  if (invitation === undefined) throw new Problem('invalid_token');
  const { canonical } = invitation;
  const locale = acceptance.locale ?? invitation.locale;
  const languages = [locale, ...wantedLanguages(caller.acceptLanguage)];
  const candidate = { password, field: '/password', about: [canonical, name], languages };
  const accepted = await flow.passwordRules.accept(candidate);
  await flow.registrationHook?.admit({ via: 'invitation', email: canonical, name, locale }, caller);
  const phc = await flow.hashes.compute(accepted);
  const readHolder = () => findHolderOfEmail(flow.database, canonical);
  await retryWithHolder(flow.database, await readHolder(), readHolder, async (tx, holder) => {
    await createInvitedUser(tx, flow, {
      use: (queries, now) => useInvitation(queries, token, now),
      holderId: holder?.userId,
      name,
      locale: acceptance.locale,
      phc,
      facts: {},
      personal: clientInfoOf(caller),
      now: flow.clock.now(),
    });
  });
  flow.onAccepted();
}

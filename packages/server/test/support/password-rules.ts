/** The rules for new passwords where no whole application is about. */
import {
  type AcceptedPassword,
  Adviser,
  BreachedPasswords,
  type PasswordProfile,
  PasswordRules,
  passwordPolicies,
} from '#domain/passwords/index.ts';
import type { Database } from '#platform/database/index.ts';
import { readCatalogues } from '#platform/i18n/index.ts';
import { Outbound } from '#platform/outbound/index.ts';
import type { DomainFixture } from './domain-fixture.ts';

/** A password that a test vouches for. */
export function acceptedPassword(password: string): AcceptedPassword {
  return password as AcceptedPassword;
}

/** Rules that ask nobody outside. */
export function offlineRules(
  { database, clock }: Pick<DomainFixture, 'clock'> & { readonly database: Database },
  profile: PasswordProfile = 'standard',
): PasswordRules {
  const outbound = new Outbound({
    clock,
    production: false,
    isGlobal: () => false,
    isLoopback: () => false,
    parseJson: () => ({ kind: 'invalid' }),
    observe: () => undefined,
  });
  const breached = new BreachedPasswords({
    outbound,
    service: undefined,
    filter: undefined,
    onUnanswered: () => undefined,
  });
  return new PasswordRules({
    policy: passwordPolicies[profile],
    database,
    catalogues: readCatalogues(),
    breached,
    adviser: new Adviser(),
    aboutService: ['Latchkey'],
  });
}

/** Password rules for tests that open no application. */
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

/** Marks a password as accepted without checking it. */
export function acceptedPassword(password: string): AcceptedPassword {
  return password as AcceptedPassword;
}

/** Rules that use no breached-password service. */
export function offlineRules(
  { database, clock }: Pick<DomainFixture, 'clock'> & { readonly database: Database },
  profile: PasswordProfile = 'standard',
): PasswordRules {
  const outbound = new Outbound({
    clock,
    readDestination: () => ({ kind: 'refused', reason: 'address_not_allowed' }),
    parseJson: () => ({ kind: 'invalid' }),
    observe: () => undefined,
  });
  const breached = new BreachedPasswords({
    outbound,
    service: undefined,
    filter: undefined,
    onCheckFailed: () => undefined,
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

/** Creates the rules for new passwords from the configuration. */
import type { Config } from '#config/index.ts';
import {
  Adviser,
  BreachedPasswords,
  type FailedBreachCheck,
  PasswordFilter,
  PasswordFilterUnusable,
  PasswordRules,
  passwordPolicies,
} from '#domain/passwords/index.ts';
import type { Database } from '#platform/database/index.ts';
import type { Dependencies } from '#platform/dependencies/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import type { Outbound } from '#platform/outbound/index.ts';
import type { OpenResources } from './open-resources.ts';
import { OperatorError } from './operator-error.ts';

interface Ground {
  readonly config: Config;
  readonly database: Database;
  readonly dependencies: Dependencies;
  readonly resources: OpenResources;
  readonly catalogues: Catalogues;
  readonly outbound: Outbound;
}

export async function wirePasswords(ground: Ground): Promise<PasswordRules> {
  const { config, dependencies, outbound, resources } = ground;
  const { profile, breachService: service } = config.passwords;
  const filter = await openFilter(config.passwords.filter);
  const onCheckFailed = ({ why, status }: FailedBreachCheck) => {
    dependencies.refused('breached_passwords', status === undefined ? why : `${why} ${status}`);
  };
  const breached = new BreachedPasswords({ outbound, service, filter, onCheckFailed });
  resources.add('the filter of breached passwords', () => breached.close());
  const adviser = new Adviser();
  resources.add('the password adviser', () => adviser.close());
  const aboutService = ['Latchkey', config.brand.name, `@${new URL(config.http.publicUrl).hostname}`];
  const policy = passwordPolicies[profile];
  return new PasswordRules({ ...ground, policy, breached, adviser, aboutService });
}

async function openFilter(path: string | undefined): Promise<PasswordFilter | undefined> {
  try {
    return path === undefined ? undefined : await PasswordFilter.open(path);
  } catch (error) {
    if (error instanceof PasswordFilterUnusable)
      throw new OperatorError(`LATCHKEY_PASSWORD_FILTER: ${error.message}`, 78);
    throw error;
  }
}

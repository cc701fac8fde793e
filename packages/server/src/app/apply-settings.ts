/** Applies the parts of the settings file that are rows of the database. */
import { applyProviders } from '#flows/admin-identity-providers/index.ts';
import { OperatorError } from './operator-error.ts';
import type { Services } from './wiring.ts';

/**
 * Adds, changes and removes the identity providers that the file manages; without the section `providers` it manages none,
 * and nothing happens.
 *
 * @throws OperatorError with a sentence for each provider that cannot be applied.
 */
export async function applyProviderSettings(services: Services): Promise<void> {
  const { mode, providers } = services.config;
  if (providers === undefined) return;
  const outcome = await applyProviders({ ...services, production: mode === 'production' }, providers);
  if (outcome.kind === 'invalid') throw new OperatorError(outcome.mistakes.join('\n'), 78);
}

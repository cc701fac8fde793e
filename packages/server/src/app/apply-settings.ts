/** Applies the parts of the settings file that are rows of the database. */
import { isDeepStrictEqual } from 'node:util';
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
  const { providers } = services.config;
  if (providers === undefined) return;
  await apply(services, providers);
  services.secretUsers.add(
    'providers',
    (now) => now.providers,
    async (now, before) => {
      // The rest of the section takes effect at the next start, together with the rest of the file.
      const entries = before.map((entry) => ({ ...entry, secret: now.find(({ id }) => id === entry.id)?.secret }));
      if (!isDeepStrictEqual(entries, now)) return false;
      await apply(services, entries);
      return true;
    },
  );
}

async function apply(services: Services, providers: NonNullable<Services['config']['providers']>): Promise<void> {
  const production = services.config.mode === 'production';
  const outcome = await applyProviders({ ...services, production }, providers);
  if (outcome.kind === 'invalid') throw new OperatorError(outcome.mistakes.join('\n'), 78);
}

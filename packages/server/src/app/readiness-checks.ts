/** The checks of `/readyz`: what a request of this process depends on. */
import { type Check, Readiness } from '#flows/probes/index.ts';
import { schemaState } from '#platform/database/index.ts';
import type { DependencyName } from '#platform/dependencies/index.ts';
import type { Services } from './wiring.ts';

/** With an older feed each session check queries the database. */
const maxFeedAgeMs = 5000;

/**
 * Creates the readiness of this process; changes of its checks are logged.
 *
 * @param unready returns why the process takes no requests: it starts or stops.
 */
export function openReadiness(services: Services, unready: () => string | undefined): Readiness {
  const { clock, logger } = services;
  const onChange = (name: string, detail: string): void => {
    const fields = { component: name, detail };
    if (detail === 'ok') logger.info('a readiness check passes again', fields);
    else logger.warn('a readiness check fails', fields);
  };
  return new Readiness({ clock, onChange, checks: [...required(services, unready), ...optional(services)] });
}

function required(services: Services, unready: () => string | undefined): readonly Check[] {
  const { revocations, signingKeys } = services;
  return [
    { name: 'process', run: unready },
    { name: 'database', shared: true, run: () => takesWrites(services) },
    {
      name: 'revocations',
      run: () => (revocations.ageMs() > maxFeedAgeMs ? 'the feed has not been read for 5 s' : undefined),
    },
    { name: 'keys', run: () => (signingKeys.publicKeys().length === 0 ? 'no signing key is published' : undefined) },
    { name: 'schema', shared: true, run: () => knowsSchema(services) },
  ];
}

/**
 * Requests work without these: mails are retried, limits are counted in the process, and the database's time decides. If
 * they made nodes unready, the failure of one service would take all nodes out of service.
 */
function optional({ redis, config, dependencies, clockSkew, identityProviders }: Services): readonly Check[] {
  const lastReasonOf = (name: DependencyName): Check => ({
    name,
    optional: true,
    run: () => dependencies.reason(name),
  });
  return [
    ...(redis === undefined
      ? []
      : [{ name: 'redis', optional: true, shared: true, run: () => redis.check() } as const]),
    ...(clockSkew === undefined ? [] : [{ name: 'clock', optional: true, run: () => clockSkew.describe() } as const]),
    ...(config.database.kind === 'embedded' || config.database.replicaServer === undefined
      ? []
      : [lastReasonOf('postgresql_replica')]),
    ...(config.mail.smtp === undefined ? [] : [lastReasonOf('smtp')]),
    ...(config.registrationHook === undefined ? [] : [lastReasonOf('registration_hook')]),
    ...(config.passwords.breachService === undefined ? [] : [lastReasonOf('breached_passwords')]),
    ...(identityProviders.all().length === 0 ? [] : [lastReasonOf('provider')]),
  ];
}

/** A write, because a server that is read-only or full still reads. */
async function takesWrites({ database, revocations, dependencies }: Services): Promise<string | undefined> {
  // First, because a lane without a connection waits longer than a probe may take.
  const refusal = await database.findRefusal();
  if (refusal !== undefined) return refusal;
  await revocations.probeWrite();
  dependencies.works('postgresql');
  return undefined;
}

async function knowsSchema({ database }: Services): Promise<string | undefined> {
  const state = await schemaState(database);
  return state === 'current' || state === 'ahead' ? undefined : `the schema is ${state}`;
}

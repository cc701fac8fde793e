/** The checks of `/readyz`: what a request of this process depends on. */
import type { Check } from '#flows/probes/index.ts';
import { type Database, schemaState, statement } from '#platform/database/index.ts';
import type { RedisConnection } from '#platform/redis/index.ts';
import type { Services } from './wiring.ts';

const selectOne = statement('probes.select_one', {
  lane: 'read',
  sql: 'select 1 as one',
  params: {},
  columns: { one: 'int4' },
});

/** With an older feed each session check queries the database. */
const maxFeedAgeMs = 5000;

/**
 * An unavailable mail server does not make the process unready: mails are retried, and logins work.
 *
 * @param unready returns why the process takes no requests: it starts or stops.
 */
export function readinessChecks(services: Services, unready: () => string | undefined): readonly Check[] {
  const { database, revocations, signingKeys, redis, clockSkew } = services;
  return [
    { name: 'process', run: unready },
    { name: 'database', run: () => queries(database) },
    {
      name: 'revocations',
      run: () => (revocations.ageMs() > maxFeedAgeMs ? 'the feed has not been read for 5 s' : undefined),
    },
    { name: 'keys', run: () => (signingKeys.publicKeys().length === 0 ? 'no signing key is published' : undefined) },
    // Limits work without Redis; if it made nodes unready, its failure would take all of them out of service.
    ...(redis === undefined ? [] : [{ name: 'redis', optional: true, run: () => pings(redis) } as const]),
    { name: 'schema', run: () => knowsSchema(database) },
    // Requests use the database's time, so they do not fail.
    ...(clockSkew === undefined ? [] : [{ name: 'clock', optional: true, run: () => clockSkew.describe() } as const]),
  ];
}

async function queries(database: Database): Promise<undefined> {
  await database.row(selectOne, {});
}

async function pings(redis: RedisConnection): Promise<undefined> {
  await redis.ping();
}

async function knowsSchema(database: Database): Promise<string | undefined> {
  const state = await schemaState(database);
  return state === 'current' || state === 'ahead' ? undefined : `the schema is ${state}`;
}

/** What a request of this process needs. */
import type { Check } from '#flows/probes/index.ts';
import { type Database, schemaState, statement } from '#platform/database/index.ts';
import type { RedisConnection } from '#platform/redis/index.ts';
import type { Services } from './wiring.ts';

const ask = statement('probes.ask', { lane: 'read', sql: 'select 1 as one', params: {}, columns: { one: 'int4' } });

/** Revocations older than this have not been read: sessions are then checked against the database one by one. */
const maxFeedAgeMs = 5000;

/** The checks of `/readyz`. A mail server that is away costs no readiness: mails wait, logins do not. */
export function readinessChecks(services: Services, isStopping: () => boolean): readonly Check[] {
  const { database, revocations, signingKeys, redis } = services;
  return [
    { name: 'process', run: () => (isStopping() ? 'stopping' : undefined) },
    { name: 'database', run: () => answers(database) },
    {
      name: 'revocations',
      run: () => (revocations.ageMs() > maxFeedAgeMs ? 'the feed has not been read for 5 s' : undefined),
    },
    { name: 'keys', run: () => (signingKeys.publicKeys().length === 0 ? 'no signing key is published' : undefined) },
    // Limits hold without it; a node that goes out of service because its Redis did would take all others along.
    ...(redis === undefined ? [] : [{ name: 'redis', optional: true, run: () => pings(redis) } as const]),
    { name: 'schema', run: () => knowsSchema(database) },
  ];
}

async function answers(database: Database): Promise<undefined> {
  await database.row(ask, {});
}

async function pings(redis: RedisConnection): Promise<undefined> {
  await redis.ping();
}

async function knowsSchema(database: Database): Promise<string | undefined> {
  const state = await schemaState(database);
  return state === 'current' || state === 'ahead' ? undefined : `the schema is ${state}`;
}

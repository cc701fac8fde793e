/** The connection that migrations run on: a direct one under an advisory lock, or the embedded database's. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import type { EmbeddedDatabase, PostgresServer } from '../options.ts';
import { cannotConnect } from '../postgres/connecting.ts';
import { Destination } from '../postgres/destination.ts';

/** The target: a direct connection as the owner of the tables, or the embedded database. */
export type MigrationTarget = PostgresServer | EmbeddedDatabase;

/** The key of the advisory lock: the bytes of "latch". */
const advisoryLock = 0x6c_61_74_63_68;
const waitForOthersMs = 60_000;
const pollEveryMs = 200;

const settings = {
  statementTimeoutMs: 0,
  // For statements outside a transaction: they block no one while they wait.
  lockTimeoutMs: waitForOthersMs,
  idleInTransactionTimeoutMs: 0,
  synchronousCommit: true,
  access: 'write',
  lookupsOnly: false,
} as const;

/** Runs `work` while no other migration runs on any node. */
export function whileNobodyElseMigrates<T>(target: MigrationTarget, work: (client: ClientBase) => Promise<T>) {
  return onConnection(target, async (client) => {
    // The embedded database has one connection, which is lock enough.
    if (!isEmbedded(target)) await takeLock(client);
    return work(client);
  });
}

/** Runs `work` without the lock, for reading. */
export async function onConnection<T>(target: MigrationTarget, work: (client: ClientBase) => Promise<T>): Promise<T> {
  if (isEmbedded(target)) return target.exclusively(work);
  const destination = new Destination({ server: target, applicationName: 'latchkey migrate' });
  const client = await destination.connect(settings, { pipeline: false, probe: true }).catch((error: unknown) => {
    throw cannotConnect(error);
  });
  try {
    return await work(client);
  } finally {
    // The end of the session releases the lock.
    await client.end();
  }
}

function isEmbedded(target: MigrationTarget): target is EmbeddedDatabase {
  return 'kind' in target;
}

/**
 * Polls, because a connection that waits for a lock has a snapshot, and `create index concurrently` on the connection that
 * holds the lock would wait for the end of that snapshot: a deadlock.
 */
async function takeLock(client: ClientBase): Promise<void> {
  for (let waitedMs = 0; waitedMs < waitForOthersMs; waitedMs += pollEveryMs) {
    const { rows } = await client.query<{ taken: boolean }>(`select pg_try_advisory_lock(${advisoryLock}) as taken`);
    if (rows[0]?.taken === true) return;
    await pause(pollEveryMs);
  }
  throw new Error(`Another migration has been running for ${waitForOthersMs / 1000} s; try again when it has ended.`);
}

/** Runs `work` in a transaction that waits at most `lockTimeoutMs` for each lock; `rollback` leaves no trace of it. */
export async function inTransaction<T>(
  client: ClientBase,
  lockTimeoutMs: number,
  work: () => Promise<T>,
  end: 'commit' | 'rollback' = 'commit',
): Promise<T> {
  await client.query('begin');
  try {
    await client.query(`set local lock_timeout = ${lockTimeoutMs}`);
    const result = await work();
    await client.query(end);
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

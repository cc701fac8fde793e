/** The connection that migrations run on: a direct one under an advisory lock, or the embedded database's. */
import type { Client, ClientBase } from 'pg';
import { isLockTimeout } from '../errors.ts';
import type { EmbeddedDatabase, PostgresServer } from '../options.ts';
import { cannotConnect, connectClient } from '../postgres/connecting.ts';
import { settlePreference } from '../postgres/tls.ts';

/** The target: a direct connection as the owner of the tables, or the embedded database. */
export type MigrationTarget = PostgresServer | EmbeddedDatabase;

/** The key of the advisory lock: the bytes of "latch". */
const advisoryLock = 0x6c_61_74_63_68;
const waitForOthersMs = 60_000;
const connectTimeoutMs = 5000;

const settings = {
  statementTimeoutMs: 0,
  lockTimeoutMs: waitForOthersMs,
  idleInTransactionTimeoutMs: 0,
  synchronousCommit: true,
};

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
  const client = await open(target).catch((error: unknown) => {
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

async function open(target: PostgresServer): Promise<Client> {
  const reach = { server: await settlePreference(target, connectTimeoutMs), applicationName: 'latchkey migrate' };
  return connectClient(reach, settings, { pipeline: false, probe: true });
}

async function takeLock(client: ClientBase): Promise<void> {
  try {
    await client.query(`select pg_advisory_lock(${advisoryLock})`);
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    throw new Error(
      `Another migration has been running for ${waitForOthersMs / 1000} s; try again when it has ended.`,
      {
        cause: error,
      },
    );
  }
}

/** Runs `work` in a transaction that waits at most `lockTimeoutMs` for each lock. */
export async function inTransaction(client: ClientBase, lockTimeoutMs: number, work: () => Promise<void>) {
  await client.query('begin');
  try {
    await client.query(`set local lock_timeout = ${lockTimeoutMs}`);
    await work();
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

/** Runs one migration: in a transaction, or as statements that build indexes while the tables are in use. */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { isLockTimeout } from '../errors.ts';
import { inTransaction } from './connection.ts';
import { concurrentSteps, type IndexStep, labelOf, type Migration } from './files.ts';

/** How a migration waits for locks. */
export interface LockWait {
  /** How long one try waits; all statements queue behind it meanwhile. */
  readonly timeoutMs: number;
  /** The rest before another try; random, so that it does not keep meeting the same periodic transaction. */
  readonly rest: () => Promise<void>;
}

const tries = 25;
const minRestMs = 100;
const maxRestMs = 500;

export const defaultLockWait: LockWait = { timeoutMs: 100, rest: () => pause(randomInt(minRestMs, maxRestMs)) };

/** Runs one half of a migration, and `record` with it or after it. */
export async function runHalf(
  client: ClientBase,
  { migration, half, wait }: { readonly migration: Migration; readonly half: 'up' | 'down'; readonly wait: LockWait },
  record: () => Promise<unknown>,
): Promise<void> {
  const label = labelOf(migration);
  const steps = concurrentSteps(label, migration[half]);
  if (steps !== undefined) return runConcurrently(client, label, steps, record);
  const failed = (reason: string) => `Migration ${label} failed and changed nothing: ${reason}`;
  await explained(failed, () =>
    retried(wait, () =>
      inTransaction(client, wait.timeoutMs, async () => {
        await client.query(migration[half]);
        await record();
      }),
    ),
  );
}

/** Runs `work`, which changes nothing when a lock is not granted, up to 25 times. */
export async function retried<T>(wait: LockWait, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isLockTimeout(error) || attempt === tries) throw error;
      await wait.rest();
    }
  }
}

/** A crash leaves the indexes that are finished and at most one invalid one, which the next run replaces. */
async function runConcurrently(
  client: ClientBase,
  label: string,
  steps: readonly IndexStep[],
  record: () => Promise<unknown>,
): Promise<void> {
  const failed = (reason: string) => `Migration ${label} failed and can run again: ${reason}`;
  await explained(failed, async () => {
    for (const { index, sql } of steps) {
      if (await isInvalid(client, index)) await client.query(`drop index concurrently ${index}`);
      await client.query(sql);
    }
    await record();
  });
}

async function isInvalid(client: ClientBase, index: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>({
    text: 'select exists (select from pg_index where indexrelid = to_regclass($1) and not indisvalid) as found',
    values: [index],
  });
  return rows[0]?.found === true;
}

async function explained(sentence: (reason: string) => string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new Error(sentence(error instanceof Error ? error.message : String(error)), { cause: error });
  }
}

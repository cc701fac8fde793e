/**
 * Checkpoints of the embedded cluster. PostgreSQL requests them from its checkpointer process, which PGlite does not
 * have: without this file `pg_wal` grows without a limit (160 MB after 160 MB of inserts, despite `max_wal_size=64MB`),
 * and the recovery after a crash takes ever longer. A checkpoint takes about 20 ms.
 */
import { readdir } from 'node:fs/promises';
import type { Client } from 'pg';

/** Segments of 16 MB; a checkpoint keeps up to four for reuse. */
const maxSegments = 6;
const everyMs = 10_000;

export interface LogKeeper {
  /** Stops the timer and waits for a running checkpoint. */
  stop(): Promise<void>;
}

/** Checks every ten seconds whether a checkpoint is due. A failure is emitted as the client's `error` event. */
export function keepLogShort(client: Client, logDirectory: string): LogKeeper {
  let running: Promise<void> = Promise.resolve();
  let idle = true;
  const look = async (): Promise<void> => {
    idle = false;
    try {
      await checkpointWhenLong(client, logDirectory);
    } catch (error) {
      client.emit('error', error);
    }
    idle = true;
  };
  const timer = setInterval(() => {
    if (idle) running = look();
  }, everyMs);
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
      return running;
    },
  };
}

/** Runs a checkpoint if the log has more segments than it should. */
export async function checkpointWhenLong(client: Client, logDirectory: string): Promise<void> {
  const names = await readdir(logDirectory);
  const segments = names.filter((name) => /^[0-9A-F]{24}$/.test(name));
  if (segments.length > maxSegments) await checkpoint(client);
}

export async function checkpoint(client: Client): Promise<void> {
  try {
    await client.query('CHECKPOINT');
  } catch (error) {
    // The connection is in an aborted transaction that waits for its ROLLBACK; the next check will do. PGlite's errors
    // have a class of their own, not pg's `DatabaseError`.
    if (error instanceof Error && 'code' in error && error.code === '25P02') return;
    throw error;
  }
}

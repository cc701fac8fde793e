/**
 * Checkpoints of the embedded cluster. PostgreSQL asks its checkpointer process for one when the log has grown; PGlite has
 * no such process and never asks, so that without this file `pg_wal` grows for ever (160 MB after 160 MB of inserts,
 * under `max_wal_size=64MB`), and with it the time that recovery takes after a crash. A checkpoint takes about 20 ms.
 */
import { readdir } from 'node:fs/promises';
import type { Client } from 'pg';

/** Segments of 16 MB; a checkpoint leaves up to four for reuse. */
const maxSegments = 6;
const everyMs = 10_000;

/** Watches the log until it is stopped. */
export interface LogKeeper {
  /** Ends the watch, after a checkpoint that is under way. */
  stop(): Promise<void>;
}

/** Looks every ten seconds whether a checkpoint is due. A failure is emitted as the client's `error` event. */
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

/** Makes a checkpoint if the log has more segments than it should. */
export async function checkpointWhenLong(client: Client, logDirectory: string): Promise<void> {
  const names = await readdir(logDirectory);
  const segments = names.filter((name) => /^[0-9A-F]{24}$/.test(name));
  if (segments.length > maxSegments) await checkpoint(client);
}

/** Writes all changes to the cluster's files. */
export async function checkpoint(client: Client): Promise<void> {
  try {
    await client.query('CHECKPOINT');
  } catch (error) {
    // The connection stands inside a transaction that has failed and waits for its ROLLBACK: the next look will do.
    // PGlite's errors are of its own class, not of pg's `DatabaseError`.
    if (error instanceof Error && 'code' in error && error.code === '25P02') return;
    throw error;
  }
}

/** The same tests on both databases: a copy of the migrated template on PostgreSQL, and a fresh embedded one. */
import { afterAll, beforeAll, describe } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import {
  type Database,
  migrateUp,
  type Observers,
  openEmbedded,
  openPostgres,
  type StatementEvent,
} from '#platform/database/index.ts';
import { cloneDatabase } from './postgres.ts';

type Listener = (event: StatementEvent) => void;

const listeners = new WeakMap<Database, Set<Listener>>();

/**
 * Declares `tests` twice, on a migrated database of their own each time.
 * `database()` answers it from within a test; it is shared by the tests of this block, and closed after them.
 */
export function describeOnBothDatabases(
  title: string,
  tests: (database: () => Database, kind: Database['kind']) => void,
): void {
  for (const [kind, open] of [
    ['postgres', openMigratedPostgres],
    ['embedded', openMigratedEmbedded],
  ] as const) {
    describe(`${title} (${kind})`, () => {
      let database: Database | undefined;
      beforeAll(async () => {
        database = await open();
      });
      afterAll(async () => {
        await database?.close();
      });
      tests(() => {
        if (database === undefined) throw new Error('the database is open only while tests run');
        return database;
      }, kind);
    });
  }
}

/** A migrated database of the caller's own on the shared PostgreSQL server; close it. */
async function openMigratedPostgres(): Promise<Database> {
  const url = await cloneDatabase();
  return watched((observers) => openPostgres({ ...observers, url, applicationName: 'latchkey test' }));
}

/** A migrated embedded database in memory (about 190 MB); close it. */
async function openMigratedEmbedded(): Promise<Database> {
  const database = await watched((observers) => openEmbedded({ ...observers, place: { inMemory: true } }));
  await migrateUp(database);
  return database;
}

/** The names of the round trips that `work` makes on a database that was opened here, in the order of their answers. */
export async function countRoundTrips(database: Database, work: () => Promise<unknown>): Promise<string[]> {
  const heard = listeners.get(database);
  if (heard === undefined) throw new Error('open the database with this file to count its round trips');
  const names: string[] = [];
  const listener: Listener = (event) => names.push(event.name);
  heard.add(listener);
  try {
    await work();
  } finally {
    heard.delete(listener);
  }
  return names;
}

async function watched<D extends Database>(open: (observers: Observers) => Promise<D>): Promise<D> {
  const heard = new Set<Listener>();
  const database = await open({
    clock: systemClock,
    onStatement: (event) => {
      for (const listener of heard) listener(event);
    },
  });
  listeners.set(database, heard);
  return database;
}

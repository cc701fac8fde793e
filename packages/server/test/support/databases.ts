/** Runs the same tests on a copy of the migrated PostgreSQL template and on a fresh embedded database. */
import { beforeAll, describe, inject } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import {
  type CommittedEffects,
  type CommittedRevocation,
  type Database,
  type Observers,
  openEmbedded,
  openPostgres,
  type StatementEvent,
} from '#platform/database/index.ts';
import { copyEmbedded, remove } from './embedded-template.ts';
import { serverAt } from './parsed.ts';
import { cloneDatabase } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Set by a configuration without PostgreSQL. */
    databasesOfTests?: readonly Database['kind'][];
  }
}

/**
 * The databases that the tests of flows run on. What a database decides is tested on both: statements, transactions, locks, starts,
 * crashes. `npm run prove embedded` sets the variable and repeats on the embedded database what other tests of flows cover.
 */
export const databasesOfFlows: readonly Database['kind'][] =
  process.env.FLOWS_ON_EMBEDDED === '1' ? ['embedded'] : ['postgres'];

type Listener = (event: StatementEvent) => void;

const listeners = new WeakMap<Database, Set<Listener>>();

type EffectListener = (effects: CommittedEffects) => void;

const effectListeners = new WeakMap<Database, Set<EffectListener>>();

/**
 * Declares `tests` twice, each on a migrated database of its own.
 * `database()` returns it within a test; the tests of this block share it, and it is closed after them.
 */
export function describeOnBothDatabases(
  title: string,
  tests: (database: () => Database, kind: Database['kind']) => void,
): void {
  for (const kind of inject('databasesOfTests') ?? (['postgres', 'embedded'] as const)) {
    describe(`${title} (${kind})`, () => {
      let database: Database | undefined;
      beforeAll(async () => {
        const dataDirectory = kind === 'postgres' ? undefined : await copyEmbedded();
        const opened = await (dataDirectory === undefined ? openMigratedPostgres() : openCopy(dataDirectory));
        database = opened;
        return async () => {
          await opened.close();
          if (dataDirectory !== undefined) await remove(dataDirectory);
        };
      });
      tests(() => {
        if (database === undefined) throw new Error('the database is open only while tests run');
        return database;
      }, kind);
    });
  }
}

/** Opens a migrated database on the shared PostgreSQL server; the caller closes it. */
async function openMigratedPostgres(): Promise<Database> {
  const url = await cloneDatabase();
  return watched((observers) =>
    openPostgres({ ...observers, server: serverAt(url), applicationName: 'latchkey test' }),
  );
}

/** Opens an embedded database; the caller closes it. */
function openCopy(dataDirectory: string): Promise<Database> {
  return watched((observers) => openEmbedded({ ...observers, dataDirectory }));
}

/** The names of the round trips that `work` makes on a database opened by this module, in order of completion. */
export async function countRoundTrips(database: Database, work: () => Promise<unknown>): Promise<string[]> {
  const listening = listeners.get(database);
  if (listening === undefined) throw new Error('open the database with this module to count its round trips');
  const names: string[] = [];
  const listener: Listener = (event) => names.push(event.name);
  listening.add(listener);
  try {
    await work();
  } finally {
    listening.delete(listener);
  }
  return names;
}

/** Calls `listener` after each commit with effects, as the composition root does; returns a function that stops it. */
export function onCommitted(database: Database, listener: EffectListener): () => void {
  const receivers = effectListeners.get(database);
  if (receivers === undefined) throw new Error('open the database with this file to receive its effects');
  receivers.add(listener);
  return () => void receivers.delete(listener);
}

/** Connects a node's revocations to the commits of its database. */
export function publishTo(database: Database, revocations: { publish(one: CommittedRevocation): void }): () => void {
  return onCommitted(database, ({ revoked }) => {
    for (const revocation of revoked) revocations.publish(revocation);
  });
}

/** The effects that `work` commits on a database that was opened here, one entry for each commit. */
export async function effectsOf(database: Database, work: () => Promise<unknown>): Promise<CommittedEffects[]> {
  const committed: CommittedEffects[] = [];
  const stop = onCommitted(database, (effects) => committed.push(effects));
  try {
    await work();
  } finally {
    stop();
  }
  return committed;
}

async function watched<D extends Database>(open: (observers: Observers) => Promise<D>): Promise<D> {
  const listening = new Set<Listener>();
  const receivers = new Set<EffectListener>();
  const database = await open({
    clock: systemClock,
    onStatement: (event) => {
      for (const listener of listening) listener(event);
    },
    onCommitted: (effects) => {
      for (const listener of receivers) listener(effects);
    },
  });
  effectListeners.set(database, receivers);
  listeners.set(database, listening);
  return database;
}

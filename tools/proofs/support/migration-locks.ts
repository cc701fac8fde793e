/**
 * The locks of migrations, from the log of PostgreSQL: how long each of their transactions held locks, how long it waited for
 * one, and how long the statements of the nodes waited meanwhile.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { labelOf, ownMigrations } from '../../../packages/server/src/platform/database/migrations/files.ts';
import type { PostgresCluster } from '../../../packages/server/test/support/postgres-cluster.ts';

/** Settings of the server. A wait for a lock is logged once it is longer than the deadlock timeout. */
export const lockLogging = {
  log_line_prefix: '%n|%p|%a|',
  log_lock_waits: 'on',
  deadlock_timeout: '5ms',
} as const;

/** Makes the connections to a database log each statement. */
export function withStatementLog(databaseUrl: string): string {
  return `${databaseUrl}?options=${encodeURIComponent('-c log_min_duration_statement=0')}`;
}

/** A transaction of a migration; locks are held from its first statement to its end at most. */
export interface MigrationTransaction {
  /** Such as `0002_second_factors up`. */
  readonly label: string;
  /** Unix time. */
  readonly beganMs: number;
  readonly heldMs: number;
  /** Of the longest wait for a lock. */
  readonly waitedMs: number;
  readonly end: 'commit' | 'rollback';
}

/** A wait of any other session for a lock on a table. */
export interface Wait {
  readonly endMs: number;
  readonly waitedMs: number;
}

export interface MigrationLocks {
  readonly transactions: readonly MigrationTransaction[];
  readonly waits: readonly Wait[];
  /** Statements of the nodes that gave up waiting, and are sent again. */
  readonly timeouts: number;
}

const migrator = 'latchkey migrate';
const line = /^(?<seconds>\d+\.\d+)\|(?<pid>\d+)\|(?<application>[^|]*)\|(?<level>\w+):\s+(?<message>.*)$/;
const acquired = /^process \d+ acquired \w+ on relation \d+ of database \d+ after (?<ms>[\d.]+) ms/;
const duration = /^duration: [\d.]+ ms {2}(?:statement|execute [^:]*): (?<statement>[\s\S]*)$/;

/** The names of this release's migrations by their SQL. */
const labels = new Map(
  ownMigrations().flatMap((migration) => [
    [migration.up.trim(), `${labelOf(migration)} up`],
    [migration.down.trim(), `${labelOf(migration)} down`],
  ]),
);

interface Entry {
  readonly atMs: number;
  readonly pid: string;
  readonly isMigrator: boolean;
  readonly level: string;
  /** With the lines that continue it. */
  message: string;
}

/** Reads the log of a cluster with the settings above. */
export function readMigrationLocks(cluster: PostgresCluster): MigrationLocks {
  const entries = readEntries(readFileSync(join(cluster.socketDirectory, 'log'), 'utf8'));
  const waits = entries.flatMap(({ atMs, isMigrator, message }) => {
    const waited = isMigrator ? undefined : acquired.exec(message)?.groups?.ms;
    return waited === undefined ? [] : [{ endMs: atMs, waitedMs: Number(waited) }];
  });
  const pids = new Set(entries.filter(({ isMigrator }) => isMigrator).map(({ pid }) => pid));
  const transactions = [...pids].flatMap((pid) =>
    transactionsOf(entries.filter((entry) => entry.isMigrator && entry.pid === pid)),
  );
  const isTimeout = ({ isMigrator, message }: Entry) => !isMigrator && message.includes('due to lock timeout');
  return { transactions, waits, timeouts: entries.filter(isTimeout).length };
}

/** A wait of a node for a migration may end after the migration. */
const endsLaterMs = 100;

/** The longest times of each migration, for a table. */
export function lockRows({ transactions, waits }: MigrationLocks): (string | number)[][] {
  return [...Map.groupBy(transactions, ({ label }) => label)].map(([label, tries]) => {
    const longest = (pick: (each: MigrationTransaction) => number) => Math.round(Math.max(0, ...tries.map(pick)));
    const nodes = ({ beganMs, heldMs }: MigrationTransaction) =>
      waits
        .filter(({ endMs }) => endMs >= beganMs && endMs <= beganMs + heldMs + endsLaterMs)
        .reduce((most, { waitedMs }) => Math.max(most, waitedMs), 0);
    return [label, tries.length, longest(({ heldMs }) => heldMs), longest(({ waitedMs }) => waitedMs), longest(nodes)];
  });
}

function readEntries(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const written of text.split('\n')) {
    const { seconds, pid = '', application, level = '', message } = line.exec(written)?.groups ?? {};
    if (message !== undefined)
      entries.push({ atMs: Number(seconds) * 1000, pid, isMigrator: application === migrator, level, message });
    // A statement of several lines: the following ones begin with a tab.
    else if (written.startsWith('\t')) continueEntry(entries.at(-1), written.slice(1));
  }
  return entries;
}

function continueEntry(entry: Entry | undefined, text: string): void {
  if (entry !== undefined) entry.message += `\n${text}`;
}

function transactionsOf(entries: readonly Entry[]): MigrationTransaction[] {
  const ended: MigrationTransaction[] = [];
  let current: { readonly beganMs: number; label: string; waitedMs: number } | undefined;
  for (const entry of entries) {
    const statement = statementOf(entry);
    if (statement?.startsWith('set local lock_timeout') === true)
      current = { beganMs: entry.atMs, label: 'grants', waitedMs: 0 };
    if (current === undefined) continue;
    current.label = labels.get(statement ?? '') ?? current.label;
    current.waitedMs = Math.max(current.waitedMs, Number(acquired.exec(entry.message)?.groups?.ms ?? 0));
    if (statement !== 'commit' && statement !== 'rollback') continue;
    ended.push({ ...current, heldMs: entry.atMs - current.beganMs, end: statement });
    current = undefined;
  }
  return ended;
}

/** The statement of an entry: one that ran, or one that failed. */
function statementOf({ level, message }: Entry): string | undefined {
  return level === 'STATEMENT' ? message.trim() : duration.exec(message)?.groups?.statement?.trim();
}

/** `latchkey migrate`: the schema, up, down, as it stands and as it would change. */
import type { Config } from '#config/index.ts';
import { systemClock } from '#kernel/clock.ts';
import {
  type MigrationTarget,
  migrateDown,
  migrateUp,
  migrationPlan,
  migrationStatus,
} from '#platform/database/index.ts';
import { createLogger, createMetrics } from '#platform/telemetry/index.ts';
import { grants, migrationTarget, openDatabase } from '../open-database.ts';
import { version } from '../version.ts';
import { type Command, type CommandInput, type CommandResult, UsageError } from './command.ts';

type Work = (target: MigrationTarget, config: Config, input: CommandInput) => Promise<Omit<CommandResult, 'exitCode'>>;

const to = { type: 'string', value: 'NUMBER', description: 'Up to, or down to, this migration' } as const;

/** The commands. They open the database only to migrate it, and change no schema on the way. */
export const migrateCommands: readonly Command[] = [
  migrate('up', 'Apply the migrations that are missing', { to }, async (target, config, input) => {
    const limit = readNumber(input.options.to);
    const applied = await migrateUp(target, { ...(limit === undefined ? {} : { to: limit }), ...grants(config) });
    return list('Applied', applied);
  }),
  migrate('down', 'Take migrations back', { to: { ...to, required: true } }, async (target, _, input) => {
    const limit = readNumber(input.options.to) ?? 0;
    return list('Took back', await migrateDown(target, { to: limit }));
  }),
  migrate('status', 'Show every migration and when it was applied', {}, async (target) => {
    const all = await migrationStatus(target);
    const lines = all.map(({ number, name, appliedAt, known }) => {
      const state = appliedAt === undefined ? 'pending' : `applied ${appliedAt.toISOString()}`;
      return `${label(number, name)}  ${state}${known ? '' : '  (of a later release)'}`;
    });
    const data = all.map((each) => ({ ...each, appliedAt: each.appliedAt?.toISOString() ?? null }));
    return { text: lines.join('\n'), data };
  }),
  migrate('plan', 'Show the SQL that "up" would run', {}, async (target) => {
    const pending = await migrationPlan(target);
    const text = pending.map(({ number, name, up }) => `-- ${label(number, name)}\n${up}`).join('\n');
    const data = pending.map(({ number, name, up }) => ({ number, name, sql: up }));
    return { text: text === '' ? 'Nothing is pending.' : text, data };
  }),
];

function migrate(verb: string, summary: string, options: Command['options'], work: Work): Command {
  return {
    needs: 'config',
    name: `migrate ${verb}`,
    summary,
    arguments: [],
    options,
    run: async (input, config) => ({
      exitCode: 0,
      ...(await onTarget(config, (target) => work(target, config, input))),
    }),
  };
}

async function onTarget<T>(config: Config, work: (target: MigrationTarget) => Promise<T>): Promise<T> {
  if (config.database.kind === 'postgres') return work(config.database.adminUrl);
  const logger = createLogger({ level: 'silent', service: 'latchkey', version });
  const opened = await openDatabase(config, {
    clock: systemClock,
    logger,
    metrics: createMetrics({ processMetrics: false }),
  });
  try {
    return await work(migrationTarget(config, opened.database));
  } finally {
    await opened.close();
  }
}

function list(done: string, migrations: readonly { readonly number: number; readonly name: string }[]) {
  const lines = migrations.map(({ number, name }) => `${done} ${label(number, name)}.`);
  const data = migrations.map(({ number, name }) => ({ number, name }));
  return { text: lines.length === 0 ? 'Nothing to do.' : lines.join('\n'), data };
}

function label(number: number, name: string): string {
  return `${String(number).padStart(4, '0')}_${name}`;
}

function readNumber(text: string | boolean | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (typeof text !== 'string' || !/^\d{1,4}$/.test(text))
    throw new UsageError('--to takes the number of a migration.');
  return Number(text);
}

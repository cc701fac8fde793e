/** `latchkey migrate`: applies, reverts and shows migrations of the schema. */
import type { Config } from '#config/index.ts';
import {
  type MigrationTarget,
  migrateDown,
  migrateUp,
  migrationPlan,
  migrationStatus,
} from '#platform/database/index.ts';
import { grants, migrationTarget, openDatabase } from '../open-database.ts';
import { OperatorError } from '../operator-error.ts';
import type { Services } from '../wiring.ts';
import { type CommandInput, type CommandResult, type DatabaseCommand, numberOf } from './command.ts';
import { silentWatchers } from './silent.ts';

type Work = (target: MigrationTarget, config: Config, input: CommandInput) => Promise<Omit<CommandResult, 'exitCode'>>;

const upTo = { type: 'string', value: 'NUMBER', description: 'Apply no migration after this one' } as const;
const downTo = { ...upTo, description: 'Keep the migrations up to this one', required: true } as const;

const lastNumber = 9999;

/** They open the database without migrating it, unlike other commands. */
export const migrateCommands: readonly DatabaseCommand[] = [
  migrate('up', 'Apply pending migrations', { to: upTo }, async (target, config, input) => {
    const limit = numberOf(input, 'to', 1, lastNumber);
    const applied = await migrateUp(target, { ...(limit === undefined ? {} : { to: limit }), ...grants(config) });
    return list('Applied', applied);
  }),
  migrate('down', 'Revert migrations', { to: downTo }, async (target, _, input) => {
    const limit = numberOf(input, 'to', 0, lastNumber) ?? lastNumber;
    return list('Reverted', await migrateDown(target, { to: limit }));
  }),
  migrate('status', 'Show each migration and when it was applied', {}, async (target) => {
    const all = await migrationStatus(target);
    const lines = all.map(({ number, name, appliedAt, known }) => {
      const state = appliedAt === undefined ? 'pending' : `applied ${appliedAt.toISOString()}`;
      return `${label(number, name)}  ${state}${known ? '' : '  (of a later release)'}`;
    });
    const data = all.map((each) => ({ ...each, appliedAt: each.appliedAt?.toISOString() ?? null }));
    return { text: lines.join('\n'), data };
  }),
  migrate('plan', 'Show the SQL that "migrate up" would run', {}, async (target) => {
    const pending = await migrationPlan(target);
    const text = pending.map(({ number, name, up }) => `-- ${label(number, name)}\n${up}`).join('\n');
    const data = pending.map(({ number, name, up }) => ({ number, name, sql: up }));
    return { text: text === '' ? 'No migrations are pending.' : text, data };
  }),
];

function migrate(verb: string, summary: string, options: DatabaseCommand['options'], work: Work): DatabaseCommand {
  return {
    needs: 'database',
    name: `migrate ${verb}`,
    summary,
    arguments: [],
    options,
    run: async (input, config, services) => {
      if (services !== undefined && verb === 'down') throw new OperatorError(serving, 1);
      const result = await onTarget(config, services, (target) => work(target, config, input));
      return { exitCode: 0, ...result };
    },
  };
}

const serving = 'A server is running on this schema. Stop it first, then revert migrations.';

async function onTarget<T>(
  config: Config,
  services: Services | undefined,
  work: (target: MigrationTarget) => Promise<T>,
): Promise<T> {
  if (services !== undefined) return work(migrationTarget(config, services.database));
  if (config.database.kind === 'postgres') return work(config.database.adminServer);
  const watchers = silentWatchers();
  try {
    const { database } = await openDatabase(config, watchers);
    return await work(migrationTarget(config, database));
  } finally {
    await watchers.resources.close();
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

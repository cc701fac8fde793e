/** `latchkey migrate`: applies, reverts and shows migrations of the schema. */
import type { Config } from '#config/index.ts';
import {
  describeLoss,
  type MigrationTarget,
  migrateDown,
  migrateUp,
  migrationPlan,
  migrationStatus,
  WouldDeleteData,
} from '#platform/database/index.ts';
import { grants, migrationTarget, openDatabase, type Presence } from '../open-database.ts';
import { openKek } from '../open-kek.ts';
import { OperatorError } from '../operator-error.ts';
import type { Services } from '../wiring.ts';
import { type CommandInput, type CommandResult, type DatabaseCommand, numberOf } from './command.ts';
import { silentWatchers } from './silent.ts';

type Work = (target: MigrationTarget, config: Config, input: CommandInput) => Promise<Omit<CommandResult, 'exitCode'>>;

const upTo = { type: 'string', value: 'NUMBER', description: 'Apply no migration after this one' } as const;
const downTo = { ...upTo, description: 'Keep the migrations up to this one', required: true } as const;

const deleteData = {
  type: 'boolean',
  description: 'Also when that deletes rows; without it they are only listed',
} as const;

const lastNumber = 9999;

async function up(target: MigrationTarget, config: Config, input: CommandInput) {
  const limit = numberOf(input, 'to', 1, lastNumber);
  const applied = await migrateUp(target, { ...(limit === undefined ? {} : { to: limit }), ...grants(config) });
  if (config.keys.kek === undefined && limit === undefined) await createKek(target, config);
  return list('Applied', applied);
}

/** In development the key-encryption key is created together with the database, so that other commands find it. */
async function createKek(target: MigrationTarget, config: Config): Promise<void> {
  if ('kind' in target) return void (await openKek(config, target));
  const watchers = silentWatchers();
  try {
    const { database } = await openDatabase(config, watchers, 'existing');
    await openKek(config, database);
  } finally {
    await watchers.resources.close();
  }
}

async function down(target: MigrationTarget, _: Config, input: CommandInput) {
  const limit = numberOf(input, 'to', 0, lastNumber) ?? lastNumber;
  try {
    const options = { to: limit, deleteData: input.options['delete-data'] === true };
    const { migrations, deleted } = await migrateDown(target, options);
    const { text, data } = list('Reverted', migrations);
    const lines = deleted.map((loss) => `Deleted ${describeLoss(loss)}.`);
    const losses = deleted.map(({ table, column = null, rows }) => ({ table, column, rows }));
    return { text: [text, ...lines].join('\n'), data: { reverted: data, deleted: losses } };
  } catch (error) {
    if (!(error instanceof WouldDeleteData)) throw error;
    throw new OperatorError(`${error.message} Nothing was changed. Add --delete-data to delete it.`, 1);
  }
}

/** They open the database without migrating it, unlike other commands. */
export const migrateCommands: readonly DatabaseCommand[] = [
  migrate('up', 'Create the database if it is missing, and apply pending migrations', { to: upTo }, up),
  migrate('down', 'Revert migrations', { to: downTo, 'delete-data': deleteData }, down),
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
      const presence = verb === 'up' ? 'create' : 'existing';
      const result = await onTarget(config, services, presence, (target) => work(target, config, input));
      return { exitCode: 0, ...result };
    },
  };
}

const serving = 'A server is running on this schema. Stop it first, then revert migrations.';

async function onTarget<T>(
  config: Config,
  services: Services | undefined,
  presence: Presence,
  work: (target: MigrationTarget) => Promise<T>,
): Promise<T> {
  if (services !== undefined) return work(migrationTarget(config, services.database));
  if (config.database.kind === 'postgres') return work(config.database.adminServer);
  const watchers = silentWatchers();
  try {
    const { database } = await openDatabase(config, watchers, presence);
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

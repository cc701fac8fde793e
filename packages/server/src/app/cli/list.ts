/** All commands, in the order of the help. */
import type { Roles } from '../running.ts';
import { adminCommands } from './admin.ts';
import { clientCommands } from './client.ts';
import { type Command, type OptionValue, type ProcessCommand, type ProcessContext, UsageError } from './command.ts';
import { configCommands } from './config.ts';
import { doctorCommand } from './doctor.ts';
import { inviteCommands } from './invite.ts';
import { keysCommands } from './keys.ts';
import { migrateCommands } from './migrate.ts';
import { passwordsCommands } from './passwords.ts';
import { providerCommands } from './provider.ts';
import { userCommands } from './user.ts';

const serveCommand: ProcessCommand = {
  needs: 'process',
  name: 'serve',
  summary: 'Run the server: API, pages and jobs',
  arguments: [],
  options: {
    'no-jobs': { type: 'boolean', description: 'Do not run jobs, because other processes do' },
    processes: {
      type: 'string',
      value: 'NUMBER',
      description: 'Number of processes, one per CPU core (PostgreSQL only)',
    },
  },
  run: async (input, context) => {
    const roles = { http: true, jobs: input.options['no-jobs'] !== true };
    const count = readProcesses(input.options.processes);
    if (count === 1) return start(roles, context);
    const { supervise } = await import('../processes/supervise.ts');
    return supervise(count, roles, context);
  },
};

const workCommand: ProcessCommand = {
  needs: 'process',
  name: 'work',
  summary: 'Run jobs only',
  arguments: [],
  options: {},
  run: (_, context) => start({ http: false, jobs: true }, context),
};

function readProcesses(value: OptionValue): number {
  if (value === undefined) return 1;
  if (typeof value !== 'string' || !/^([1-9]|[1-5][0-9]|6[0-4])$/.test(value)) {
    throw new UsageError('--processes must be a number from 1 to 64.');
  }
  return Number(value);
}

// Imported on demand, so that other commands do not load the whole server.
async function start(roles: Roles, context: ProcessContext): Promise<number> {
  const { serve } = await import('../serve.ts');
  return serve(context, roles);
}

export const commands: readonly Command[] = [
  serveCommand,
  workCommand,
  ...migrateCommands,
  ...configCommands,
  ...adminCommands,
  ...userCommands,
  ...inviteCommands,
  ...clientCommands,
  ...providerCommands,
  ...keysCommands,
  ...passwordsCommands,
  doctorCommand,
];

/** All commands, in the order of the help. */
import type { Config } from '#config/index.ts';
import type { Roles } from '../running.ts';
import { clientCommands } from './client.ts';
import {
  type Command,
  type CommandIo,
  type OptionValue,
  type ProcessCommand,
  type RunCommand,
  UsageError,
} from './command.ts';
import { configCommands } from './config.ts';
import { doctorCommand } from './doctor.ts';
import { inviteCommands } from './invite.ts';
import { keysCommands } from './keys.ts';
import { migrateCommands } from './migrate.ts';
import { passwordsCommands } from './passwords.ts';
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
  run: async (input, config, io, runCommand) => {
    const roles = { http: true, jobs: input.options['no-jobs'] !== true };
    const count = readProcesses(input.options.processes);
    const { isParent, superviseProcesses } = await import('../processes.ts');
    return count > 1 && isParent() ? superviseProcesses(count, config) : start(roles, config, io, runCommand);
  },
};

const workCommand: ProcessCommand = {
  needs: 'process',
  name: 'work',
  summary: 'Run jobs only',
  arguments: [],
  options: {},
  run: (_, config, io, runCommand) => start({ http: false, jobs: true }, config, io, runCommand),
};

function readProcesses(value: OptionValue): number {
  if (value === undefined) return 1;
  if (typeof value !== 'string' || !/^([1-9]|[1-5][0-9]|6[0-4])$/.test(value)) {
    throw new UsageError('--processes must be a number from 1 to 64.');
  }
  return Number(value);
}

// Imported on demand, so that other commands do not load the whole server.
async function start(roles: Roles, config: Config, io: CommandIo, runCommand: RunCommand): Promise<number> {
  const { serve } = await import('../serve.ts');
  return serve(config, roles, io, runCommand);
}

export const commands: readonly Command[] = [
  serveCommand,
  workCommand,
  ...migrateCommands,
  ...configCommands,
  ...userCommands,
  ...inviteCommands,
  ...clientCommands,
  ...keysCommands,
  ...passwordsCommands,
  doctorCommand,
];

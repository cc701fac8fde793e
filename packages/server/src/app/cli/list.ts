/** Every command there is, in the order of the help. */
import type { Config } from '#config/index.ts';
import type { Roles } from '../running.ts';
import { clientCommands } from './client.ts';
import { type Command, type CommandIo, type OptionValue, type ProcessCommand, UsageError } from './command.ts';
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
  summary: 'Serve the API, the pages and the jobs until told to stop',
  arguments: [],
  options: {
    'no-jobs': { type: 'boolean', description: 'Leave the jobs to other processes' },
    processes: {
      type: 'string',
      value: 'NUMBER',
      description: 'Use this many cores, with a process each (PostgreSQL only)',
    },
  },
  run: async (input, config, io) => {
    const roles = { http: true, jobs: input.options['no-jobs'] !== true };
    const count = readProcesses(input.options.processes);
    const { isParent, superviseProcesses } = await import('../processes.ts');
    return count > 1 && isParent() ? superviseProcesses(count, config) : start(roles, config, io);
  },
};

const workCommand: ProcessCommand = {
  needs: 'process',
  name: 'work',
  summary: 'Work on jobs only, until told to stop',
  arguments: [],
  options: {},
  run: (_, config, io) => start({ http: false, jobs: true }, config, io),
};

function readProcesses(given: OptionValue): number {
  if (given === undefined) return 1;
  if (typeof given !== 'string' || !/^([1-9]|[1-5][0-9]|6[0-4])$/.test(given)) {
    throw new UsageError('--processes takes a number from 1 to 64.');
  }
  return Number(given);
}

// Loaded when it is needed: a command that asks one question should not load the whole server.
async function start(roles: Roles, config: Config, io: CommandIo): Promise<number> {
  const { serve } = await import('../serve.ts');
  return serve(config, roles, io);
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

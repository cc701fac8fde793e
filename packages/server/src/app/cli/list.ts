/** Every command there is, in the order of the help. */
import type { Config } from '#config/index.ts';
import type { Roles } from '../running.ts';
import type { Command, CommandIo, ProcessCommand } from './command.ts';
import { configCommands } from './config.ts';
import { doctorCommand } from './doctor.ts';
import { keysCommands } from './keys.ts';
import { migrateCommands } from './migrate.ts';
import { userCommands } from './user.ts';

const serveCommand: ProcessCommand = {
  needs: 'process',
  name: 'serve',
  summary: 'Serve the API, the pages and the jobs until told to stop',
  arguments: [],
  options: { 'no-jobs': { type: 'boolean', description: 'Leave the jobs to other processes' } },
  run: (input, config, io) => start({ http: true, jobs: input.options['no-jobs'] !== true }, config, io),
};

const workCommand: ProcessCommand = {
  needs: 'process',
  name: 'work',
  summary: 'Work on jobs only, until told to stop',
  arguments: [],
  options: {},
  run: (_, config, io) => start({ http: false, jobs: true }, config, io),
};

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
  ...keysCommands,
  doctorCommand,
];

/** Runs the commands that other processes send to the holder of the embedded database. */
import { listenForCommands } from '#platform/control-socket/index.ts';
import type { RunCommand } from './cli/command.ts';
import type { Services } from './wiring.ts';

/** Listens on the control socket of an embedded database; on PostgreSQL commands connect to the database themselves. */
export async function listenForControl(services: Services, runCommand: RunCommand): Promise<void> {
  const { opened, config, logger, resources } = services;
  if (opened.kind === 'postgres') return;
  const socket = await listenForCommands({
    directory: opened.directory,
    run: (argv, io) => runCommand({ argv, io, services, loadConfig: async () => config }),
    onFailure: (error) => logger.error('a command failed', { error }),
  });
  resources.add('the control socket', () => socket.close());
}

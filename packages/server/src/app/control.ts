/** Runs the commands that other processes send to the holder of the embedded database. */
import { listenForCommands } from '#platform/control-socket/index.ts';
import type { RunCommand } from './cli/command.ts';
import type { Running } from './running.ts';

/** Listens on the control socket of an embedded database; on PostgreSQL commands connect to the database themselves. */
export async function listenForControl(
  { services }: Running,
  runCommand: RunCommand,
): Promise<{ close(): Promise<void> }> {
  const { opened, config, logger } = services;
  if (opened.kind === 'postgres') return { close: async () => undefined };
  return listenForCommands({
    directory: opened.directory,
    run: (argv, io) => runCommand({ argv, io, services, loadConfig: () => config }),
    onFailure: (error) => logger.error('a command failed', { error }),
  });
}

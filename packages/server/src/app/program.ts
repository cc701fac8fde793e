/** Runs the command line of this process. It loads the configuration only for commands that need it. */
import { type Config, loadConfig, processSources, type ReadSecrets } from '#config/index.ts';
import { runCommand } from './cli/run-command.ts';
import { terminalIo } from './cli/terminal.ts';
import { OperatorError } from './operator-error.ts';
import type { ProcessEnd } from './process-end.ts';

/** Returns the exit code. */
export function runProgram(argv: readonly string[], end: ProcessEnd): Promise<number> {
  return runCommand({ argv, io: terminalIo(), loadConfig: load, end });
}

/** Throws an error with all mistakes. A service manager starts again after 1, and not after 78. */
export async function load(): Promise<Config> {
  const loaded = await loadConfig({ ...processSources(), stores });
  if (loaded.kind === 'ok') return loaded.config;
  throw new OperatorError(loaded.mistakes.join('\n'), loaded.isTransient ? 1 : 78);
}

/** Loads the readers only where a setting refers to a store, because they delay the start. */
const stores: ReadSecrets = async (references, access) => {
  const { readSecrets } = await import('#platform/secret-stores/index.ts');
  return readSecrets(references, access);
};

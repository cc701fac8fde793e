/** Runs the command line of this process. It loads the configuration only for commands that need it. */
import { type Config, loadConfig, processSources } from '#config/index.ts';
import { runCommand } from './cli/run-command.ts';
import { terminalIo } from './cli/terminal.ts';
import { OperatorError } from './operator-error.ts';
import type { ProcessEnd } from './process-end.ts';

/** Returns the exit code. */
export function runProgram(argv: readonly string[], end: ProcessEnd): Promise<number> {
  return runCommand({ argv, io: terminalIo(), loadConfig: load, end });
}

/** Throws an error with all mistakes. */
export function load(): Config {
  const loaded = loadConfig(processSources());
  if (loaded.kind === 'ok') return loaded.config;
  throw new OperatorError(loaded.mistakes.join('\n'), 78);
}

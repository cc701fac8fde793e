/** The program `latchkey <command>`. It loads the configuration only for commands that need it. */
import { type Config, loadConfig, processSources } from '#config/index.ts';
import { runCommand } from './cli/run-command.ts';
import { terminalIo } from './cli/terminal.ts';
import { OperatorError } from './operator-error.ts';

process.exitCode = await runCommand({ argv: process.argv.slice(2), io: terminalIo(), loadConfig: load });

function load(): Config {
  const loaded = loadConfig(processSources());
  if (loaded.kind === 'ok') return loaded.config;
  throw new OperatorError(loaded.mistakes.join('\n'), 78);
}

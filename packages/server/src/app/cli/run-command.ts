/** Running a command where it has to run, and saying what came of it in one way. */
import type { Config } from '#config/index.ts';
import { Problem, problems } from '#kernel/problem.ts';
import { sendCommand } from '#platform/control-socket/index.ts';
import { DataDirectoryError, lockState } from '#platform/data-directory/index.ts';
import { ListenFailed } from '#platform/http/index.ts';
import { KeysUnusable } from '#platform/keys/index.ts';
import { OperatorError } from '../operator-error.ts';
import { version } from '../version.ts';
import { type Services, wire } from '../wiring.ts';
import { type Command, type CommandInput, type CommandIo, type CommandResult, UsageError } from './command.ts';
import { helpText } from './help.ts';
import { commands } from './list.ts';
import { parseCommand } from './parse.ts';
import { silentWatchers } from './silent.ts';

/** How a command gets its configuration, and the services of the process it runs in, if that has some. */
export interface CommandContext {
  readonly argv: readonly string[];
  readonly io: CommandIo;
  readonly loadConfig: () => Config;
  readonly services?: Services;
}

/** Runs what was typed; answers the exit code. Whatever goes wrong is one sentence on standard error. */
export async function runCommand(place: CommandContext): Promise<number> {
  const { argv, io } = place;
  try {
    const typed = parseCommand(commands, argv);
    if (typed.kind === 'help') {
      io.out(helpText(commands, typed.command, typed.prefix));
      return 0;
    }
    if (typed.kind === 'version') {
      io.out(`${version}\n`);
      return 0;
    }
    return await execute(typed.command, typed.input, typed.json, place);
  } catch (error) {
    const { sentence, exitCode } = explain(error);
    io.err(`${sentence}\n`);
    if (argv.includes('--json')) io.out(`${JSON.stringify({ error: sentence })}\n`);
    return exitCode;
  }
}

async function execute(command: Command, input: CommandInput, json: boolean, place: CommandContext): Promise<number> {
  const { io } = place;
  if (command.needs === 'services') return onServices(command, input, json, place);
  if (command.needs === 'database') return onDatabase(command, input, json, place);
  const config = place.services?.config ?? place.loadConfig();
  if (command.needs === 'process') {
    if (place.services !== undefined)
      throw new UsageError(`"latchkey ${command.name}" cannot run inside another process.`);
    return command.run(input, config, io);
  }
  return say(await command.run(input, config, io), json, io);
}

type OnServices = Extract<Command, { readonly needs: 'services' }>;

async function onServices(
  command: OnServices,
  input: CommandInput,
  json: boolean,
  place: CommandContext,
): Promise<number> {
  const { io, services } = place;
  if (services !== undefined) return say(await command.run(input, services, io), json, io);
  const config = place.loadConfig();
  const remote = config.database.kind === 'embedded' ? await inServingProcess(config, place) : undefined;
  if (remote !== undefined) return remote;
  const own = await wire(config, { logger: silentWatchers().logger });
  try {
    return say(await command.run(input, own, io), json, io);
  } finally {
    await own.close();
  }
}

type OnDatabase = Extract<Command, { readonly needs: 'database' }>;

async function onDatabase(
  command: OnDatabase,
  input: CommandInput,
  json: boolean,
  place: CommandContext,
): Promise<number> {
  const { io, services } = place;
  if (services !== undefined) return say(await command.run(input, services.config, services), json, io);
  const config = place.loadConfig();
  const remote = config.database.kind === 'embedded' ? await inServingProcess(config, place) : undefined;
  return remote ?? say(await command.run(input, config, undefined), json, io);
}

/** The embedded database is one process's: if it is held, that process runs the command. */
async function inServingProcess(config: Config, { argv, io }: CommandContext): Promise<number | undefined> {
  const state = await lockState(config.dataDirectory);
  if (state.kind === 'free') return undefined;
  const outcome = await sendCommand(config.dataDirectory, argv, io);
  if (outcome.kind === 'exit') return outcome.code;
  if (outcome.kind === 'lost') {
    throw new OperatorError(
      'The serving process ended during the command; it may or may not have been carried out.',
      1,
    );
  }
  const holder = state.pid === undefined ? 'another process' : `process ${state.pid}`;
  throw new OperatorError(`The data directory is held by ${holder}, which takes no commands now; try again.`, 1);
}

function say(result: CommandResult, json: boolean, io: CommandIo): number {
  io.out(json ? `${JSON.stringify(result.data, null, 2)}\n` : ensureNewline(result.text));
  return result.exitCode;
}

function ensureNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

/** One sentence and the exit code. What nobody foresaw says its message; its stack is in the log at `debug`. */
function explain(error: unknown): { readonly sentence: string; readonly exitCode: number } {
  if (error instanceof UsageError) return { sentence: error.message, exitCode: 2 };
  if (error instanceof OperatorError) return { sentence: error.message, exitCode: error.exitCode };
  if (error instanceof DataDirectoryError) return { sentence: error.message, exitCode: error.exitCode };
  if (error instanceof KeysUnusable) return { sentence: error.message, exitCode: 78 };
  if (error instanceof ListenFailed) return { sentence: error.message, exitCode: 1 };
  if (error instanceof Problem) return { sentence: error.log ?? problems[error.code].detail, exitCode: 1 };
  return { sentence: error instanceof Error ? error.message : String(error), exitCode: 1 };
}

/** Runs a command in the process that has to run it, and prints its result or error. */
import type { Config } from '#config/index.ts';
import { Problem, problems } from '#kernel/problem.ts';
import { sendCommand } from '#platform/control-socket/index.ts';
import { DataDirectoryError, lockState } from '#platform/data-directory/index.ts';
import { ForeignSchema, UnfitServer } from '#platform/database/index.ts';
import { KeysUnusable } from '#platform/keys/index.ts';
import { OperatorError } from '../operator-error.ts';
import { version } from '../version.ts';
import { wire } from '../wiring.ts';
import {
  type Command,
  type CommandContext,
  type CommandInput,
  type CommandIo,
  type CommandResult,
  UsageError,
} from './command.ts';
import { helpText } from './help.ts';
import { commands } from './list.ts';
import { parseCommand } from './parse.ts';
import { printable, printableJson } from './printable.ts';
import { silentWatchers } from './silent.ts';

/** Parses and runs a command line; returns the exit code. Never rejects: errors become a message on standard error. */
export async function runCommand(context: CommandContext): Promise<number> {
  const { argv, io } = context;
  try {
    const parsed = parseCommand(commands, argv);
    if (parsed.kind === 'help') {
      io.out(helpText(commands, parsed.command, parsed.prefix));
      return 0;
    }
    if (parsed.kind === 'version') {
      io.out(`${version}\n`);
      return 0;
    }
    return await execute(parsed.command, parsed.input, parsed.json, context);
  } catch (error) {
    const { sentence, exitCode } = explain(error);
    io.err(ensureNewline(printable(sentence)));
    if (argv.includes('--json')) io.out(`${printableJson({ error: sentence })}\n`);
    return exitCode;
  }
}

async function execute(command: Command, input: CommandInput, json: boolean, context: CommandContext): Promise<number> {
  const { io } = context;
  if (command.needs === 'services') return onServices(command, input, json, context);
  if (command.needs === 'database') return onDatabase(command, input, json, context);
  const config = context.services?.config ?? (await context.loadConfig());
  if (command.needs === 'process') {
    const { end, loadConfig } = context;
    if (end === undefined) throw new UsageError(`"latchkey ${command.name}" cannot run inside another process.`);
    return command.run(input, { config, loadConfig, io, end, runCommand });
  }
  return say(await command.run(input, config, io), json, io);
}

type OnServices = Extract<Command, { readonly needs: 'services' }>;

async function onServices(
  command: OnServices,
  input: CommandInput,
  json: boolean,
  context: CommandContext,
): Promise<number> {
  const { io, services } = context;
  if (services !== undefined) return say(await command.run(input, services, io), json, io);
  const config = await context.loadConfig();
  const remote = config.database.kind === 'embedded' ? await inServingProcess(config, context) : undefined;
  if (remote !== undefined) return remote;
  const own = await wire(config, { logger: silentWatchers().logger, existing: true });
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
  context: CommandContext,
): Promise<number> {
  const { io, services } = context;
  if (services !== undefined) return say(await command.run(input, services.config, services), json, io);
  const config = await context.loadConfig();
  const remote = config.database.kind === 'embedded' ? await inServingProcess(config, context) : undefined;
  return remote ?? say(await command.run(input, config, undefined), json, io);
}

/** Only one process can open the embedded database. If one has it open, that process runs the command. */
async function inServingProcess(config: Config, { argv, io }: CommandContext): Promise<number | undefined> {
  const state = await lockState(config.dataDirectory);
  if (state.kind === 'free') return undefined;
  const outcome = await sendCommand(config.dataDirectory, argv, io);
  if (outcome.kind === 'exit') return outcome.code;
  if (outcome.kind === 'lost') {
    throw new OperatorError('The server stopped during the command, which may or may not have taken effect.', 1);
  }
  const holder = state.pid === undefined ? 'another process' : `process ${state.pid}`;
  throw new OperatorError(
    `The data directory is in use by ${holder}, which does not accept commands now. Try again.`,
    1,
  );
}

function say(result: CommandResult, json: boolean, io: CommandIo): number {
  io.out(json ? `${printableJson(result.data, 2)}\n` : ensureNewline(printable(result.text)));
  return result.exitCode;
}

function ensureNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

/** The command line is wrong; or something that no repetition mends. Other errors exit with 1. */
const exitCodes = [
  [UsageError, 2],
  [ForeignSchema, 78],
  [UnfitServer, 78],
  [KeysUnusable, 78],
] as const;

/** The message and exit code of an error. An unexpected error prints its message without the stack. */
export function explain(error: unknown): { readonly sentence: string; readonly exitCode: number } {
  if (error instanceof OperatorError || error instanceof DataDirectoryError)
    return { sentence: error.message, exitCode: error.exitCode };
  if (error instanceof Problem) return { sentence: error.log ?? problems[error.code].detail, exitCode: 1 };
  if (!(error instanceof Error)) return { sentence: String(error), exitCode: 1 };
  const exitCode = exitCodes.find(([kind]) => error instanceof kind)?.[1] ?? 1;
  return { sentence: error.message, exitCode };
}

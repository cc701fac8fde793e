/** A command as data: name, arguments, options, requirements and the function to run. The help is generated from it. */
import type { Config } from '#config/index.ts';
import type { JsonValue } from '#kernel/json.ts';
import type { CommandIo } from '#platform/control-socket/index.ts';
import type { ProcessEnd } from '../process-end.ts';
import type { Services } from '../wiring.ts';

export type { CommandIo } from '#platform/control-socket/index.ts';

/** An option `--name`. */
export interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly description: string;
  /** The placeholder in the help: `--email ADDRESS`. */
  readonly value?: string;
  readonly required?: true;
  /** Whether the option may be repeated. */
  readonly repeated?: true;
}

/** The value of an option; undefined when it is absent. */
export type OptionValue = string | boolean | readonly string[] | undefined;

/** The parsed command line. */
export interface CommandInput {
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly arguments: readonly string[];
}

/** The result of a command: `text` is printed by default, `data` with `--json`. */
export interface CommandResult {
  readonly exitCode: 0 | 1;
  readonly text: string;
  readonly data: JsonValue;
}

interface Common {
  /** The words after `latchkey`, such as `user create`. */
  readonly name: string;
  readonly summary: string;
  /** Names of the arguments; one in brackets is optional. */
  readonly arguments: readonly string[];
  readonly options: Readonly<Record<string, CommandOption>>;
}

/**
 * Runs in the serving process when that has the embedded database open, otherwise in its own process with services of its
 * own. It must not depend on which.
 */
export interface ServiceCommand extends Common {
  readonly needs: 'services';
  run(input: CommandInput, services: Services, io: CommandIo): Promise<CommandResult>;
}

/** Always runs in its own process. */
export interface LocalCommand extends Common {
  readonly needs: 'config';
  run(input: CommandInput, config: Config, io: CommandIo): Promise<CommandResult>;
}

/**
 * Works on a database in any state of schema and keys. It runs in the serving process with its services when that has the
 * embedded database open, otherwise in its own process with the configuration only.
 */
export interface DatabaseCommand extends Common {
  readonly needs: 'database';
  run(input: CommandInput, config: Config, services: Services | undefined): Promise<CommandResult>;
}

/** `services` is set in a serving process, which received the command through its control socket. */
export interface CommandContext {
  readonly argv: readonly string[];
  readonly io: CommandIo;
  readonly loadConfig: () => Promise<Config>;
  readonly services?: Services;
  /** The end of this process; absent in a command that a serving process runs for another. */
  readonly end?: ProcessEnd;
}

/** Runs a command and returns its exit code; given to processes that receive commands on the control socket. */
export type RunCommand = (context: CommandContext) => Promise<number>;

/** The surroundings of a command that runs until a signal. */
export interface ProcessContext {
  readonly config: Config;
  /** Reads the settings again. */
  readonly loadConfig: () => Promise<Config>;
  readonly io: CommandIo;
  readonly end: ProcessEnd;
  readonly runCommand: RunCommand;
}

/** Runs until a signal, and prints its own output. */
export interface ProcessCommand extends Common {
  readonly needs: 'process';
  run(input: CommandInput, context: ProcessContext): Promise<number>;
}

export type Command = ServiceCommand | DatabaseCommand | LocalCommand | ProcessCommand;

/** The command line is wrong. The exit code is 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The value of a string option. */
export function textOf(input: CommandInput, name: string): string | undefined {
  const value = input.options[name];
  return typeof value === 'string' ? value : undefined;
}

/** All values of a repeatable option. */
export function textsOf(input: CommandInput, name: string): readonly string[] {
  const value = input.options[name];
  return typeof value === 'object' ? value : [];
}

/** Whether a boolean option is present. */
export function isGiven(input: CommandInput, name: string): boolean {
  return input.options[name] === true;
}

/** The numeric value of an option. @throws UsageError when it is not between `min` and `max`. */
export function numberOf(input: CommandInput, name: string, min: number, max: number): number | undefined {
  const text = textOf(input, name);
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`--${name} must be a number from ${min} to ${max}.`);
}

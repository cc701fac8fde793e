/** A command is data: its name, what it takes, what it needs, and what it does. The help is made from it. */
import type { Config } from '#config/index.ts';
import type { JsonValue } from '#kernel/json.ts';
import type { CommandIo } from '#platform/control-socket/index.ts';
import type { Services } from '../wiring.ts';

export type { CommandIo } from '#platform/control-socket/index.ts';

/** An option `--name`. */
export interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly description: string;
  /** What the value is called in the help: `--email ADDRESS`. */
  readonly value?: string;
  readonly required?: true;
  /** May be given more than once. */
  readonly repeated?: true;
}

/** What an option was given; undefined when it was not. */
export type OptionValue = string | boolean | readonly string[] | undefined;

/** What was typed, parsed. */
export interface CommandInput {
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly arguments: readonly string[];
}

/** What a command answers: `text` for people, `data` with `--json`. */
export interface CommandResult {
  readonly exitCode: 0 | 1;
  readonly text: string;
  readonly data: JsonValue;
}

interface Common {
  /** Words after `latchkey`, such as `user create`. */
  readonly name: string;
  readonly summary: string;
  /** Names of its arguments; `[name]` may be left out. */
  readonly arguments: readonly string[];
  readonly options: Readonly<Record<string, CommandOption>>;
}

/**
 * Runs on the services: in the serving process when the embedded database is held by one, else on services of its own.
 * It must not care which.
 */
export interface ServiceCommand extends Common {
  readonly needs: 'services';
  run(input: CommandInput, services: Services, io: CommandIo): Promise<CommandResult>;
}

/** Runs in the process that was started, whoever else is running. */
export interface LocalCommand extends Common {
  readonly needs: 'config';
  run(input: CommandInput, config: Config, io: CommandIo): Promise<CommandResult>;
}

/**
 * Looks after the database itself, whatever state it and the keys are in: on the services of the serving process when the
 * embedded database is held by one, else with nothing but the configuration.
 */
export interface DatabaseCommand extends Common {
  readonly needs: 'database';
  run(input: CommandInput, config: Config, services: Services | undefined): Promise<CommandResult>;
}

/** Runs until it is told to stop, and speaks for itself. */
export interface ProcessCommand extends Common {
  readonly needs: 'process';
  run(input: CommandInput, config: Config, io: CommandIo): Promise<number>;
}

export type Command = ServiceCommand | DatabaseCommand | LocalCommand | ProcessCommand;

/** The user typed something that the command does not take: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The text of an option that takes one. */
export function textOf(input: CommandInput, name: string): string | undefined {
  const value = input.options[name];
  return typeof value === 'string' ? value : undefined;
}

/** Every text of an option that may be given more than once. */
export function textsOf(input: CommandInput, name: string): readonly string[] {
  const value = input.options[name];
  return typeof value === 'object' ? value : [];
}

/** Whether an option without a value was given. */
export function isGiven(input: CommandInput, name: string): boolean {
  return input.options[name] === true;
}

/** The number of an option. @throws UsageError when it is none between `min` and `max`. */
export function numberOf(input: CommandInput, name: string, min: number, max: number): number | undefined {
  const text = textOf(input, name);
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`--${name} takes a number from ${min} to ${max}.`);
}

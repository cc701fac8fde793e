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
}

/** What was typed, parsed. */
export interface CommandInput {
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
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

/** Runs until it is told to stop, and speaks for itself. */
export interface ProcessCommand extends Common {
  readonly needs: 'process';
  run(input: CommandInput, config: Config, io: CommandIo): Promise<number>;
}

export type Command = ServiceCommand | LocalCommand | ProcessCommand;

/** The user typed something that the command does not take: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

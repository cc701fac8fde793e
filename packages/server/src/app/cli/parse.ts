/** From what was typed to a command and its input. */
import { parseArgs } from 'node:util';
import { type Command, type CommandInput, UsageError } from './command.ts';

/** What was typed. */
export type Typed =
  | { readonly kind: 'run'; readonly command: Command; readonly input: CommandInput; readonly json: boolean }
  | { readonly kind: 'help'; readonly command: Command | undefined; readonly prefix: string };

/** Finds the command with the most words and parses the rest. @throws UsageError */
export function parseCommand(commands: readonly Command[], argv: readonly string[]): Typed {
  const words = argv.slice(0, 2).filter((word) => !word.startsWith('-'));
  const names = [words.join(' '), words[0] ?? ''];
  const command = names.map((name) => commands.find((candidate) => candidate.name === name)).find(Boolean);
  const asksForHelp = argv.some((word) => word === '--help' || word === '-h');
  if (asksForHelp || argv.length === 0) return { kind: 'help', command, prefix: words[0] ?? '' };
  if (command === undefined) throw unknownCommand(commands, words);
  const rest = argv.slice(command.name.split(' ').length);
  const { json, ...input } = parseInput(command, rest);
  return { kind: 'run', command, input, json };
}

function unknownCommand(commands: readonly Command[], words: readonly string[]): UsageError {
  const group = commands.filter(({ name }) => name.startsWith(`${words[0]} `)).map(({ name }) => name);
  if (group.length > 0) return new UsageError(`Say which: ${group.join(', ')}.`);
  return new UsageError(`There is no command "${words.join(' ')}". See "latchkey --help".`);
}

function parseInput(command: Command, argv: readonly string[]): CommandInput & { readonly json: boolean } {
  const declared = Object.entries(command.options).map(([name, { type }]) => [name, { type }] as const);
  const { values, positionals } = parse(command, argv, { ...Object.fromEntries(declared), json: { type: 'boolean' } });
  const { json, ...options } = values;
  const required = command.arguments.filter((name) => !name.startsWith('['));
  const missing = required.slice(positionals.length);
  if (missing.length > 0) throw new UsageError(`"latchkey ${command.name}" needs ${missing.join(' ')}.`);
  const extra = positionals[command.arguments.length];
  if (extra !== undefined) throw new UsageError(`"latchkey ${command.name}" does not take "${extra}".`);
  for (const [name, option] of Object.entries(command.options)) {
    if (option.required && options[name] === undefined)
      throw new UsageError(`"latchkey ${command.name}" needs --${name}.`);
  }
  return { options, arguments: positionals, json: json === true };
}

type Declared = Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>;

function parse(command: Command, argv: readonly string[], options: Declared) {
  try {
    const parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
    return { values: parsed.values as Record<string, string | boolean | undefined>, positionals: parsed.positionals };
  } catch (error) {
    // parseArgs explains itself in its first sentence; the second is about its own API.
    const reason = error instanceof Error ? error.message.split('. ')[0] : 'it cannot be read';
    throw new UsageError(`latchkey ${command.name}: ${reason}.`);
  }
}

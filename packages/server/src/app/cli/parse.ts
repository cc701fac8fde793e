/** Parses the command line. */
import { parseArgs } from 'node:util';
import { nearest } from '#config/nearest.ts';
import { type Command, type CommandInput, type OptionValue, UsageError } from './command.ts';

export type ParsedCommand =
  | { readonly kind: 'run'; readonly command: Command; readonly input: CommandInput; readonly json: boolean }
  | { readonly kind: 'help'; readonly command: Command | undefined; readonly prefix: string }
  | { readonly kind: 'version' };

/** Finds the command with the most words and parses its arguments and options. @throws UsageError */
export function parseCommand(commands: readonly Command[], argv: readonly string[]): ParsedCommand {
  if (argv.length === 1 && versionWords.has(argv[0])) return { kind: 'version' };
  if (argv[0] === 'help') return parseCommand(commands, [...argv.slice(1), '--help']);
  const words = argv.slice(0, 2).filter((word) => !word.startsWith('-'));
  const command = findCommand(commands, words);
  if (requestsHelp(argv)) {
    const isUnknown = command === undefined && groupOf(commands, words).length === 0;
    if (isUnknown && words.length > 0) throw unknownCommand(commands, argv);
    return { kind: 'help', command, prefix: words[0] ?? '' };
  }
  if (command === undefined) throw unknownCommand(commands, argv);
  const rest = argv.slice(command.name.split(' ').length);
  return { kind: 'run', command, ...parseInput(command, rest) };
}

const versionWords: ReadonlySet<string | undefined> = new Set(['--version', '-v', 'version']);

function findCommand(commands: readonly Command[], words: readonly string[]): Command | undefined {
  const names = [words.join(' '), words[0] ?? ''];
  return names.map((name) => commands.find((candidate) => candidate.name === name)).find(Boolean);
}

function requestsHelp(argv: readonly string[]): boolean {
  return argv.length === 0 || argv.some((word) => word === '--help' || word === '-h');
}

function groupOf(commands: readonly Command[], words: readonly string[]): string[] {
  return commands.filter(({ name }) => name.startsWith(`${words[0]} `)).map(({ name }) => name);
}

function unknownCommand(commands: readonly Command[], argv: readonly string[]): UsageError {
  const words = argv.slice(0, 2).filter((word) => !word.startsWith('-'));
  const group = groupOf(commands, words);
  if (words.length === 0) return new UsageError('Put the command before its options. See "latchkey --help".');
  const meant = meantBy(commands, words);
  const suggestion = meant === undefined ? '' : ` Did you mean "latchkey ${meant}"?`;
  if (group.length > 0) return new UsageError(`Choose one of: ${group.join(', ')}.${suggestion}`);
  return new UsageError(`There is no command "${words.join(' ')}".${suggestion} See "latchkey --help".`);
}

/** The second word may be an argument, so the first is compared alone too. */
function meantBy(commands: readonly Command[], words: readonly string[]): string | undefined {
  const names = commands.map(({ name }) => name);
  const groups = [...new Set(names.map((name) => name.split(' ')[0] ?? '')), 'help', 'version'];
  const whole = nearest(words.join(' '), names, 2);
  return whole ?? (groups.includes(words[0] ?? '') ? undefined : nearest(words[0] ?? '', groups, 2));
}

function parseInput(command: Command, argv: readonly string[]) {
  const { values, positionals } = parse(command, argv);
  const { json, ...options } = values;
  const required = command.arguments.filter((name) => !name.startsWith('['));
  const missing = required.slice(positionals.length);
  if (missing.length > 0) throw new UsageError(`"latchkey ${command.name}" needs ${missing.join(' ')}.`);
  const extra = positionals[command.arguments.length];
  if (extra !== undefined) throw new UsageError(`"latchkey ${command.name}" does not accept "${extra}".`);
  for (const [name, option] of Object.entries(command.options)) {
    if (option.required && options[name] === undefined)
      throw new UsageError(`"latchkey ${command.name}" needs --${name}.`);
  }
  return { input: { options, arguments: positionals }, json: json === true };
}

interface Parsed {
  readonly values: Readonly<Record<string, OptionValue>>;
  readonly positionals: readonly string[];
}

function parse(command: Command, argv: readonly string[]): Parsed {
  const declared = Object.entries(command.options).map(
    ([name, { type, repeated }]) => [name, { type, multiple: repeated === true }] as const,
  );
  // A process command has no result that could be JSON.
  const json = command.needs === 'process' ? {} : { json: { type: 'boolean' } as const };
  const options = { ...Object.fromEntries(declared), ...json };
  try {
    const args = markArguments(argv, options);
    const parsed = parseArgs({ args, options, allowPositionals: true, strict: true, tokens: true });
    rejectRepeats(command, parsed.tokens);
    const positionals = parsed.positionals.map((text) => text.replace(mark, ''));
    return { values: parsed.values as Parsed['values'], positionals };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // The first sentence of parseArgs' message is for users; the rest is about its API.
    const reason = error instanceof Error ? error.message.split(/\.(?:\s|$)/)[0] : 'The arguments are not valid';
    throw new UsageError(`latchkey ${command.name}: ${reason}.`);
  }
}

/** No argument of a process has this character. */
const mark = '\0';

/**
 * Marks arguments that begin with a hyphen, which parseArgs takes for options: one key id in 64 does, and email addresses may. No
 * option of ours is a hyphen and several letters. After an option that takes a value, and after `--`, nothing is marked.
 */
function markArguments(
  argv: readonly string[],
  options: Readonly<Record<string, { readonly type: string }>>,
): string[] {
  const end = argv.indexOf('--');
  return argv.map((text, index) => {
    const isValue = options[/^--([^=]+)$/.exec(argv[index - 1] ?? '')?.[1] ?? '']?.type === 'string';
    const isMarked = /^-[^-]./.test(text) && !isValue && (end < 0 || index < end);
    return isMarked ? mark + text : text;
  });
}

// parseArgs would silently use the last value.
function rejectRepeats(command: Command, tokens: readonly { readonly kind: string; readonly name?: string }[]): void {
  const seen = new Set<string>();
  for (const { kind, name } of tokens) {
    if (kind !== 'option' || name === undefined || command.options[name]?.repeated) continue;
    if (seen.has(name)) throw new UsageError(`"latchkey ${command.name}" accepts --${name} only once.`);
    seen.add(name);
  }
}

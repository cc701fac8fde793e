/** Generates the help from the commands. */
import type { Command, CommandOption } from './command.ts';

/** Help of one command, of the group that begins with `prefix`, or of all commands. */
export function helpText(commands: readonly Command[], command: Command | undefined, prefix: string): string {
  if (command !== undefined) return helpOf(command);
  const group = commands.filter(({ name }) => name.startsWith(`${prefix} `));
  const shown = group.length > 0 ? group : commands;
  const width = Math.max(...shown.map(({ name }) => name.length));
  const lines = shown.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'latchkey <command> [options]',
    '',
    ...lines,
    '',
    '"latchkey help <command>" shows the options of a command, "latchkey version" the version.',
    '--json prints the result as JSON.',
    'Errors go to standard error; with --json also to standard output, as {"error": "…"}.',
    'Exit codes: 0 success, 1 failure, 2 wrong usage, 78 invalid configuration.',
    '',
  ].join('\n');
}

function helpOf(command: Command): string {
  const options = Object.entries(command.options).map(([name, option]) => ({
    left: `--${name}${option.type === 'string' ? ` ${option.value ?? 'TEXT'}` : ''}`,
    right: `${option.description}${noteOf(option)}`,
  }));
  if (command.needs !== 'process') options.push({ left: '--json', right: 'Print the result as JSON' });
  const width = Math.max(0, ...options.map(({ left }) => left.length));
  const usage = ['latchkey', command.name, ...command.arguments, ...(options.length > 0 ? ['[options]'] : [])].join(
    ' ',
  );
  const lines = options.map(({ left, right }) => `  ${left.padEnd(width)}  ${right}`);
  return [usage, '', `  ${command.summary}`, ...(lines.length > 0 ? ['', ...lines] : []), ''].join('\n');
}

function noteOf({ required, repeated }: CommandOption): string {
  return `${required ? ' (required)' : ''}${repeated ? ' (may be repeated)' : ''}`;
}

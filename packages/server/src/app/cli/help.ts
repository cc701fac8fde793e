/** Help, made from the commands. */
import type { Command, CommandOption } from './command.ts';

/** One command, or all that begin with a word. */
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
    '"latchkey <command> --help" explains one. --json makes any answer JSON.',
    'A failure is one sentence on standard error; with --json also {"error": …} on standard output.',
    'Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration.',
    '',
  ].join('\n');
}

function helpOf(command: Command): string {
  const options = Object.entries(command.options).map(([name, option]) => ({
    left: `--${name}${option.type === 'string' ? ` ${option.value ?? 'TEXT'}` : ''}`,
    right: `${option.description}${noteOf(option)}`,
  }));
  if (command.needs !== 'process') options.push({ left: '--json', right: 'Answer in JSON' });
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

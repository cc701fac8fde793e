import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Command, type LocalCommand, UsageError } from './command.ts';
import { helpText } from './help.ts';
import { commands } from './list.ts';
import { parseCommand } from './parse.ts';

function local(name: string, more: Partial<LocalCommand> = {}): LocalCommand {
  const run = () => Promise.resolve({ exitCode: 0, text: '', data: null } as const);
  return { needs: 'config', name, summary: `Does ${name}`, arguments: [], options: {}, run, ...more };
}

const bake = local('cake bake', {
  arguments: ['KIND', '[TOPPING]'],
  options: {
    size: { type: 'string', value: 'CM', description: 'How wide', required: true },
    candle: { type: 'string', description: 'A candle', repeated: true },
    burn: { type: 'boolean', description: 'Bake too long' },
  },
});
const list: readonly Command[] = [bake, local('cake eat'), local('tea')];

describe('parseCommand', () => {
  const parse = (...argv: string[]) => parseCommand(list, argv);

  it('finds the command with the most words, its options and its arguments', () => {
    const typed = parse('cake', 'bake', 'plum', '--size', '26', '--candle=1', '--json', '--candle', '2', 'cream');
    expect(typed).toEqual({
      kind: 'run',
      command: bake,
      input: { options: { size: '26', candle: ['1', '2'] }, arguments: ['plum', 'cream'] },
      json: true,
    });
  });

  it.each([
    ['cake bake -9Zk_x --size 26', ['-9Zk_x']],
    ['cake bake --size 26 -plum@example.com -cream', ['-plum@example.com', '-cream']],
    ['cake bake --burn -plum --size=26 -- -cream', ['-plum', '-cream']],
    ['cake bake --size 26 -- --plum', ['--plum']],
  ])('takes what begins with one hyphen for an argument: %s', (typed, positionals) => {
    expect(parse(...typed.split(' '))).toMatchObject({ input: { arguments: positionals } });
  });

  it.each([
    ['cake', 'Choose one of: cake bake, cake eat.'],
    ['cake burn', 'Choose one of: cake bake, cake eat.'],
    ['cake bka', 'Choose one of: cake bake, cake eat. Did you mean "latchkey cake bake"?'],
    ['caek eat', 'There is no command "caek eat". Did you mean "latchkey cake eat"? See "latchkey --help".'],
    ['caek plum', 'There is no command "caek plum". Did you mean "latchkey cake"? See "latchkey --help".'],
    ['te --sugar', 'There is no command "te". Did you mean "latchkey tea"? See "latchkey --help".'],
    ['hlep', 'There is no command "hlep". Did you mean "latchkey help"? See "latchkey --help".'],
    ['help coffee', 'There is no command "coffee". See "latchkey --help".'],
    ['coffee', 'There is no command "coffee". See "latchkey --help".'],
    ['coffee --help', 'There is no command "coffee". See "latchkey --help".'],
    ['--json', 'Put the command before its options. See "latchkey --help".'],
    ['cake bake', '"latchkey cake bake" needs KIND.'],
    ['cake bake plum', '"latchkey cake bake" needs --size.'],
    ['cake bake plum --size', "latchkey cake bake: Option '--size <value>' argument missing."],
    ['cake bake plum --size --burn', "latchkey cake bake: Option '--size' argument is ambiguous."],
    ['cake bake plum --size 1 --size 2', '"latchkey cake bake" accepts --size only once.'],
    ['cake bake plum cream salt --size 1', '"latchkey cake bake" does not accept "salt".'],
    ['cake bake plum --size 1 --burn=yes', "latchkey cake bake: Option '--burn' does not take an argument."],
    ['cake bake plum --size -26', "latchkey cake bake: Option '--size' argument is ambiguous."],
    ['tea -s', "latchkey tea: Unknown option '-s'."],
    ['tea --sugar', "latchkey tea: Unknown option '--sugar'."],
    ['tea now', '"latchkey tea" does not accept "now".'],
  ])('rejects %s', (typed, sentence) => {
    expect(() => parse(...typed.split(' '))).toThrow(new UsageError(sentence));
  });

  it('returns help for --help at any position, without required options', () => {
    expect(parse()).toEqual({ kind: 'help', command: undefined, prefix: '' });
    expect(parse('--help')).toEqual({ kind: 'help', command: undefined, prefix: '' });
    expect(parse('help')).toEqual({ kind: 'help', command: undefined, prefix: '' });
    expect(parse('help', 'cake')).toEqual({ kind: 'help', command: undefined, prefix: 'cake' });
    expect(parse('help', 'cake', 'bake')).toMatchObject({ kind: 'help', command: bake });
    expect(parse('cake', '-h')).toEqual({ kind: 'help', command: undefined, prefix: 'cake' });
    expect(parse('cake', 'bake', '--size', '1', '--help')).toMatchObject({ kind: 'help', command: bake });
  });

  it.each(['--version', '-v', 'version'])('returns the version for %s', (word) => {
    expect(parse(word)).toEqual({ kind: 'version' });
  });

  it('suggests serve for serv', () => {
    expect(() => parseCommand(commands, ['serv'])).toThrow('Did you mean "latchkey serve"?');
  });

  it('returns a command or throws UsageError for arbitrary input', () => {
    const word = fc.oneof(
      fc.constantFrom('cake', 'bake', 'eat', 'tea', '--size', '--json', '-h', '--', '='),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
        try {
          expect(['run', 'help', 'version']).toContain(parse(...argv).kind);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
    );
  });
});

describe('help', () => {
  it('shows the arguments and options of a command', () => {
    expect(helpText(list, bake, 'cake')).toBe(`latchkey cake bake KIND [TOPPING] [options]

  Does cake bake

  --size CM      How wide (required)
  --candle TEXT  A candle (may be repeated)
  --burn         Bake too long
  --json         Print the result as JSON
`);
  });

  it('lists the commands of a group, or all commands', () => {
    expect(helpText(list, undefined, 'cake')).toContain('  cake bake  Does cake bake\n  cake eat   Does cake eat\n');
    expect(helpText(list, undefined, 'cake')).not.toContain('tea');
    expect(helpText(list, undefined, '')).toContain('\n  tea        Does tea\n');
  });

  it.each(commands.map((command) => [command.name, command] as const))(
    'of "%s" lists all arguments and options',
    (_, command) => {
      const text = helpText(commands, command, '');
      expect(command.summary).toMatch(/^[A-Z].*[^.]$/);
      for (const name of Object.keys(command.options)) expect(text).toContain(`--${name}`);
      for (const name of command.arguments) expect(text).toContain(name);
      expect(text.split('\n').filter((line) => line.length > 120)).toEqual([]);
    },
  );
});

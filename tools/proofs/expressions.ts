/** Every regular expression of the product reads 20,000 hostile characters, or as many as its callers let through, in 20 ms. */
import { globSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { type Program, parseSync } from 'oxc-parser';
import { root } from '../steps.ts';
import { boundedExpressions } from './support/bounded-expressions.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const limitMs = 20;
const unbounded = 20_000;
const source = 'packages/server/src';

/** Hostile input repeats separators, and pairs that alternate between two parts of an expression. */
const repeated = [
  ' a0-.=,;"\\/<\t\n\u00e9%_@:*\u0301'.split(''),
  ['a ', 'a.', 'a,', '1.', '"a', ';a=b', ' ,', '\\"', '\r\n', 'a:', 'a/', '[', '(', '{', '&a=b'],
].flat();
const starts = ['', 'a', '"', 'a=', '<'];
/** The expression nearly matches, and fails at the last character. */
const ends = ['\u0000', 'a!', '>'];

interface Expression {
  readonly file: string;
  readonly pattern: string;
  readonly flags: string;
}

const expressions = globSync(`${root}/${source}/**/*.ts`)
  .filter((file) => !file.endsWith('.test.ts'))
  .flatMap(expressionsIn)
  .filter(({ pattern }) => /[*+]|\{\d*,/.test(pattern));
const results = expressions.map((expression) => {
  const bounded = boundedExpressions.find(({ pattern }) => pattern === expression.pattern);
  return { expression, bounded, ...slowestInput(expression, bounded?.characters ?? unbounded) };
});
const slow = results.filter(({ ms }) => ms > limitMs);
const known = new Set(expressions.map(({ pattern }) => pattern));
const unknown = boundedExpressions.filter(({ pattern }) => !known.has(pattern));

const head = ['expression', 'file', 'characters', 'slowest (ms)', 'input', 'bounded by'];
const shown = results.toSorted((a, b) => b.ms - a.ms).slice(0, 15);
const toRow = ({ expression, bounded, ms, input }: (typeof results)[number]) => {
  const { pattern, file } = expression;
  const { characters, bound } = bounded ?? { characters: unbounded, bound: '' };
  return [pattern.slice(0, 50), relative(source, file), characters, Math.round(ms * 10) / 10, input, bound];
};
for (const line of tableLines(head, shown.map(toRow))) console.log(line);
for (const { pattern } of unknown) console.log(`no expression of the product is /${pattern}/`);
console.log(`${expressions.length} expressions with a repetition, ${slow.length} too slow`);
process.exitCode = slow.length + unknown.length === 0 && expressions.length > 100 ? 0 : 1;

function expressionsIn(path: string): Expression[] {
  const found: Expression[] = [];
  collect(parseSync(path, readFileSync(path, 'utf8')).program, (pattern, flags) => {
    found.push({ file: relative(root, path), pattern, flags });
  });
  return found;
}

/** Visits every regular expression literal below a node of the syntax tree. */
function collect(node: Program | object, visit: (pattern: string, flags: string) => void): void {
  if ('regex' in node && node.regex) {
    const { pattern, flags } = node.regex as { readonly pattern: string; readonly flags: string };
    visit(pattern, flags);
    return;
  }
  const children: readonly unknown[] = Object.values(node);
  for (const child of children) if (typeof child === 'object' && child !== null) collect(child, visit);
}

function slowestInput(expression: Expression, length: number): { readonly ms: number; readonly input: string } {
  let slowest = { ms: 0, input: '' };
  for (const start of starts) {
    for (const unit of repeated) {
      for (const end of ends) {
        const text = start + unit.repeat(Math.ceil(length / unit.length)) + end;
        const ms = millisecondsFor(expression, text);
        if (ms > slowest.ms) slowest = { ms, input: JSON.stringify([start, unit, end]) };
        if (ms > 10 * limitMs) return slowest;
      }
    }
  }
  return slowest;
}

/** The fastest of three: another process may take the core meanwhile. */
function millisecondsFor({ pattern, flags }: Expression, text: string): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3 && fastest > limitMs / 2; run += 1) {
    const expression = new RegExp(pattern, flags.replace(/[gy]/g, ''));
    const startedMs = performance.now();
    expression.test(text);
    fastest = Math.min(fastest, performance.now() - startedMs);
  }
  return fastest;
}

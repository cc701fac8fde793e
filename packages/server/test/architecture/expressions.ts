import {
  type Finding,
  findingAt,
  isTest,
  nodesOf,
  productPath,
  type Rule,
  type Source,
  type SyntaxNode,
} from './source.ts';

type Breach = { readonly rule: Rule; readonly sentence: string };

const clock: Breach = { rule: 'clock', sentence: 'time comes from the injected clock (kernel/clock.ts)' };
const random: Breach = { rule: 'randomness', sentence: 'Math.random is predictable; use node:crypto' };
const environment: Breach = { rule: 'environment', sentence: 'process.env is read in config only' };

const membersOf: Readonly<Record<string, Breach>> = {
  'Date.now': clock,
  'performance.now': clock,
  'process.hrtime': clock,
  'Math.random': random,
  'process.env': environment,
};

/** SQL functions that return the time of PostgreSQL. Time is a parameter of every statement. */
const sqlTime =
  /\b(?:(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(\s*\)|current_timestamp|localtimestamp|current_date|current_time)(?!\w)/i;

/** Checks expressions that are forbidden, or allowed in one module only. */
export function checkExpressions(source: Source): Finding[] {
  return nodesOf(source.program).flatMap((node) => {
    const breach = breaches[node.type]?.(node);
    return breach === undefined || isAllowed(source.path, breach) ? [] : [toFinding(source, node, breach)];
  });
}

/** Finds the same calls in a migration, outside comments. */
export function checkMigration(path: string, text: string): Finding[] {
  return text.split('\n').flatMap((line, index) => {
    if (!sqlTime.test(line.replace(/--.*$/, ''))) return [];
    return [{ path, line: index + 1, ...clock }];
  });
}

function toFinding(source: Source, node: SyntaxNode, { rule, sentence }: Breach): Finding {
  return findingAt(source, node.start, rule, sentence);
}

const breaches: Readonly<Record<string, (node: SyntaxNode) => Breach | undefined>> = {
  TSAnyKeyword: () => ({ rule: 'any', sentence: 'any switches the type checker off; use unknown and narrow it' }),
  ExportDefaultDeclaration: () => ({
    rule: 'default_export',
    sentence: 'a default export has no name; export by name',
  }),
  NewExpression: (node) => (isBareDate(node) ? clock : undefined),
  MemberExpression: (node) => membersOf[`${nameOf(node.object)}.${nameOf(node.property)}`],
  ImportDeclaration: (node) => (importsEnvironment(node) ? environment : undefined),
  Literal: (node) => (sqlTime.test(String(node.value)) ? clock : undefined),
  TemplateElement: (node) => (sqlTime.test((node.value as { raw: string }).raw) ? clock : undefined),
};

function isBareDate(node: SyntaxNode): boolean {
  return nameOf(node.callee) === 'Date' && (node.arguments as unknown[]).length === 0;
}

/** `import { env } from 'node:process'` is process.env under another name. */
function importsEnvironment(node: SyntaxNode): boolean {
  const isProcess = ['node:process', 'process'].includes((node.source as { value: string }).value);
  return isProcess && (node.specifiers as SyntaxNode[]).some((specifier) => nameOf(specifier.imported) === 'env');
}

function nameOf(node: unknown): string | undefined {
  return (node as { name?: string } | undefined)?.name;
}

function isAllowed(path: string, { rule }: Breach): boolean {
  const product = productPath(path);
  switch (rule) {
    case 'clock':
      return product === undefined || product === 'kernel/clock.ts';
    case 'environment':
      return product === undefined || product.startsWith('config/') || isTest(path);
    case 'default_export':
      return isToolConfiguration(path);
    default:
      return false;
  }
}

/** Tools import their configuration and reporters by the default export. */
function isToolConfiguration(path: string): boolean {
  return /(^|\/)\w+\.config\.ts$|^tools\/vitest-/.test(path);
}

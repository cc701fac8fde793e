import { childrenOf, type Finding, findingAt, isTest, nodesOf, type Source, type SyntaxNode } from './source.ts';

const longestFunctionLines = 70;
const highestComplexity = 10;

const functionTypes = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

const branchingTypes = new Set([
  'IfStatement',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'WhileStatement',
  'DoWhileStatement',
  'CatchClause',
  'ConditionalExpression',
  'LogicalExpression',
]);

/** Checks the length and the cyclomatic complexity of each function. Tests are exempt: a `describe` is one function. */
export function checkFunctions(source: Source): Finding[] {
  if (isTest(source.path)) return [];
  return nodesOf(source.program)
    .filter((node) => functionTypes.has(node.type))
    .flatMap((node) => [
      ...checkLength(source, node),
      ...checkComplexity(source, node),
      ...checkTransaction(source, node),
    ]);
}

/** The types that make requests to other servers. */
const outward: ReadonlySet<string> = new Set(['Outbound', 'ProviderRequests', 'ProviderClient', 'RegistrationHook']);

/**
 * A transaction awaits nothing but its own statements: a request to another server would hold its connection, which on the
 * embedded database is the only one. So a function that takes a transaction takes nothing that makes requests.
 */
function checkTransaction(source: Source, node: SyntaxNode): Finding[] {
  const types = new Set((node.params as readonly SyntaxNode[]).flatMap(typeNamesIn));
  const other = types.has('Queries') ? [...types].find((name) => outward.has(name)) : undefined;
  if (other === undefined) return [];
  const sentence = `a function that takes a transaction may not take ${other}, which makes requests`;
  return [findingAt(source, node.start, 'transaction', sentence)];
}

function typeNamesIn(node: SyntaxNode): string[] {
  return nodesOf(node)
    .filter(({ type }) => type === 'TSTypeReference')
    .flatMap((reference) => {
      const { typeName } = reference as SyntaxNode & { readonly typeName?: { readonly name?: string } };
      return typeName?.name === undefined ? [] : [typeName.name];
    });
}

function checkLength(source: Source, node: SyntaxNode): Finding[] {
  const lines = source.text.slice(node.start, node.end).split('\n').length;
  if (lines <= longestFunctionLines) return [];
  const sentence = `a function of ${lines} lines; ${longestFunctionLines} are allowed`;
  return [findingAt(source, node.start, 'function_length', sentence)];
}

function checkComplexity(source: Source, node: SyntaxNode): Finding[] {
  const complexity = 1 + childrenOf(node).reduce((sum, child) => sum + countBranches(child), 0);
  if (complexity <= highestComplexity) return [];
  const sentence = `a function of complexity ${complexity}; ${highestComplexity} is allowed`;
  return [findingAt(source, node.start, 'complexity', sentence)];
}

/** Branches of the function itself; inner functions are counted separately. */
function countBranches(node: SyntaxNode): number {
  if (functionTypes.has(node.type)) return 0;
  return childrenOf(node).reduce((sum, child) => sum + countBranches(child), isBranch(node) ? 1 : 0);
}

function isBranch(node: SyntaxNode): boolean {
  if (node.type === 'SwitchCase') return node.test !== null;
  if (node.type === 'AssignmentExpression') return ['&&=', '||=', '??='].includes(String(node.operator));
  return branchingTypes.has(node.type);
}

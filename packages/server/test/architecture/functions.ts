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
  return [...nodesOf(source.program)]
    .filter((node) => functionTypes.has(node.type))
    .flatMap((node) => [...checkLength(source, node), ...checkComplexity(source, node)]);
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

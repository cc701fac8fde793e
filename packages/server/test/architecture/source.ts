import { type Comment, type EcmaScriptModule, parseSync, visitorKeys } from 'oxc-parser';

/** A parsed TypeScript file. */
export type Source = {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly program: SyntaxNode;
  readonly module: EcmaScriptModule;
  readonly comments: readonly Comment[];
};

/** The members that all nodes of the syntax tree have. */
export type SyntaxNode = {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
};

/** One breach of a rule. */
export type Finding = {
  readonly path: string;
  readonly line: number;
  readonly rule: Rule;
  readonly sentence: string;
};

export type Rule =
  | 'layers'
  | 'interfaces'
  | 'cycles'
  | 'file_length'
  | 'function_length'
  | 'complexity'
  | 'transaction'
  | 'any'
  | 'default_export'
  | 'clock'
  | 'environment'
  | 'randomness'
  | 'io'
  | 'index_comment'
  | 'file_name'
  | 'todo'
  | 'old_name'
  | 'gate';

/** @throws Error if the file does not parse, so that no rule passes unread code. */
export function parseSource(path: string, text: string): Source {
  const { program, module, comments, errors } = parseSync(path, text);
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`);
  return { path, text, program: program as unknown as SyntaxNode, module, comments };
}

/** Several rules read the nodes of each file. */
const collected = new WeakMap<SyntaxNode, readonly SyntaxNode[]>();

/** Every node under `node`, itself first, each before its children. */
export function nodesOf(node: SyntaxNode): readonly SyntaxNode[] {
  const known = collected.get(node);
  if (known !== undefined) return known;
  const nodes: SyntaxNode[] = [];
  const collect = (each: SyntaxNode): void => {
    nodes.push(each);
    for (const child of childrenOf(each)) collect(child);
  };
  collect(node);
  collected.set(node, nodes);
  return nodes;
}

export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (const key of visitorKeys[node.type] ?? []) {
    const member = node[key] as SyntaxNode | readonly (SyntaxNode | null)[] | null | undefined;
    if (member === null || member === undefined) continue;
    if (isList(member)) children.push(...member.filter((child) => child !== null));
    else children.push(member);
  }
  return children;
}

function isList(member: SyntaxNode | readonly (SyntaxNode | null)[]): member is readonly (SyntaxNode | null)[] {
  return Array.isArray(member);
}

/** A breach at an offset of the file. */
export function findingAt(source: Source, offset: number, rule: Rule, sentence: string): Finding {
  return { path: source.path, line: source.text.slice(0, offset).split('\n').length, rule, sentence };
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

const productRoot = 'packages/server/src/';

/** The path inside the server's sources, or undefined for other files. */
export function productPath(path: string): string | undefined {
  return path.startsWith(productRoot) ? path.slice(productRoot.length) : undefined;
}

/** In the form that editors link: `flows/logout/index.ts:1: flows may not import flows`. */
export function printFinding(finding: Finding): string {
  return `${productPath(finding.path) ?? finding.path}:${finding.line}: ${finding.sentence}`;
}

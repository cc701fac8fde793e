import { posix } from 'node:path';
import { importsOf, moduleOf } from './imports.ts';
import { type Finding, findingAt, isTest, productPath, type Source } from './source.ts';

type Edge = { readonly to: string; readonly source: Source; readonly offset: number };
type Graph = ReadonlyMap<string, readonly Edge[]>;

/**
 * Neither files nor modules import each other in a cycle, types included: what is in a cycle can only be read, tested and
 * moved as one. The linter also finds cycles of files, but not those that only types close.
 */
export function checkCycles(sources: readonly Source[]): Finding[] {
  const edges = sources.flatMap(fileEdges);
  return [...findCycles(graphOf(edges, (path) => path)), ...findCycles(graphOf(edges, moduleName))];
}

interface FileEdge extends Edge {
  readonly from: string;
}

function fileEdges(source: Source): FileEdge[] {
  const from = productPath(source.path);
  if (from === undefined || isTest(from)) return [];
  return importsOf(source).flatMap(({ specifier, offset }) => {
    const to = targetOf(from, specifier);
    return to === undefined ? [] : [{ from, to, source, offset }];
  });
}

/** The imported file of the product; undefined for a package. */
function targetOf(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return specifier.slice(1);
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : undefined;
}

/** A layer whose files are all public is no module: its files are the nodes. */
function moduleName(path: string): string {
  const { layer, name } = moduleOf(path);
  return name === '' ? path : `${layer}/${name}`;
}

function graphOf(edges: readonly FileEdge[], nodeOf: (path: string) => string): Graph {
  const graph = new Map<string, Edge[]>();
  for (const edge of edges) {
    const [from, to] = [nodeOf(edge.from), nodeOf(edge.to)];
    if (from !== to) graph.set(from, [...(graph.get(from) ?? []), { ...edge, to }]);
  }
  return graph;
}

/** Each cycle once, whichever of its nodes is visited first. */
function findCycles(whole: Graph): Finding[] {
  const graph = withoutLeaves(whole);
  const reported = new Set<string>();
  return [...graph.keys()].flatMap((start) => {
    const cycle = findCycle(graph, start);
    if (cycle === undefined) return [];
    const names = cycle.map((edge) => edge.to);
    const key = [...names].sort().join();
    const first = cycle[0];
    if (reported.has(key) || first === undefined) return [];
    reported.add(key);
    return [findingAt(first.source, first.offset, 'cycles', `${[start, ...names].join(' → ')} is a cycle`)];
  });
}

/** Removes the nodes that import nothing, until none is left: they are in no cycle. An acyclic graph becomes empty. */
function withoutLeaves(graph: Graph): Graph {
  const kept = new Map([...graph].map(([node, edges]) => [node, edges.filter(({ to }) => graph.has(to))]));
  for (const [node, edges] of kept) if (edges.length === 0) kept.delete(node);
  return kept.size === graph.size ? kept : withoutLeaves(kept);
}

/** The shortest cycle through `start`, breadth first. */
function findCycle(graph: Graph, start: string): Edge[] | undefined {
  const seen = new Set<string>();
  let paths: Edge[][] = (graph.get(start) ?? []).map((edge) => [edge]);
  while (paths.length > 0) {
    const longer: Edge[][] = [];
    for (const path of paths) {
      const end = path.at(-1)?.to ?? start;
      if (end === start) return path;
      if (seen.has(end)) continue;
      seen.add(end);
      longer.push(...(graph.get(end) ?? []).map((edge) => [...path, edge]));
    }
    paths = longer;
  }
  return undefined;
}

import { importsOf, moduleOf } from './imports.ts';
import { type Finding, findingAt, isTest, productPath, type Source } from './source.ts';

type Edge = { readonly to: string; readonly source: Source; readonly offset: number };

/**
 * Modules of `domain` may import each other, but not in a cycle, types included: modules in a cycle are one module in
 * several folders. The linter finds cycles of files; this check finds cycles of modules.
 */
export function checkCycles(sources: readonly Source[]): Finding[] {
  const graph = domainGraph(sources);
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

function domainGraph(sources: readonly Source[]): Map<string, Edge[]> {
  const graph = new Map<string, Edge[]>();
  for (const source of sources) {
    const path = productPath(source.path);
    if (path === undefined || !path.startsWith('domain/') || isTest(path)) continue;
    const from = `domain/${moduleOf(path).name}`;
    const edges = importsOf(source)
      .filter(({ specifier }) => specifier.startsWith('#domain/'))
      .map(({ specifier, offset }) => ({ to: `domain/${moduleOf(specifier.slice(1)).name}`, source, offset }))
      .filter((edge) => edge.to !== from);
    graph.set(from, [...(graph.get(from) ?? []), ...edges]);
  }
  return graph;
}

/** The shortest cycle through `start`, breadth first. */
function findCycle(graph: ReadonlyMap<string, readonly Edge[]>, start: string): Edge[] | undefined {
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

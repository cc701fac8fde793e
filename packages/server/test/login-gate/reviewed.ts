/** The table that was reviewed by hand: a line for each endpoint, a column for each state, at least two spaces between. */
import { readFileSync } from 'node:fs';
import { type State, states } from './states.ts';
import type { Cell } from './walk.ts';

const file = `${import.meta.dirname}/reviewed.txt`;

/** The reviewed outcomes by endpoint. */
export type Reviewed = ReadonlyMap<string, Readonly<Record<State, string>>>;

/** @throws Error if a line does not have one outcome for each state. */
export function readReviewed(): Reviewed {
  const [head = [], ...lines] = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/ {2,}/));
  if (head.slice(1).join() !== states.join())
    throw new Error(`the columns of reviewed.txt are not ${states.join(', ')}`);
  return new Map(lines.map((line) => [line[0] ?? '', rowOf(line)]));
}

function rowOf([endpoint, ...outcomes]: readonly string[]): Readonly<Record<State, string>> {
  if (outcomes.length !== states.length) throw new Error(`${endpoint} has ${outcomes.length} outcomes in reviewed.txt`);
  return Object.fromEntries(states.map((state, index) => [state, outcomes[index]])) as Record<State, string>;
}

/** One sentence with the trace for each cell that is not as reviewed. */
export function differences(cells: readonly Cell[], reviewed: Reviewed): string[] {
  return cells.flatMap(({ endpoint, state, outcome, trace }) => {
    const expected = reviewed.get(endpoint)?.[state] ?? 'nothing, since it was never reviewed';
    return outcome === expected ? [] : [`${state}: ${trace}; reviewed: ${expected}`];
  });
}

/** The cells as the lines of reviewed.txt, to compare by eye. */
export function printCells(cells: readonly Cell[]): string {
  const endpoints = [...new Set(cells.map(({ endpoint }) => endpoint))];
  const find = (endpoint: string, state: State) =>
    cells.find((cell) => cell.endpoint === endpoint && cell.state === state)?.outcome ?? '?';
  const rows = [['endpoint', ...states], ...endpoints.map((id) => [id, ...states.map((state) => find(id, state))])];
  const widths = ['', ...states].map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

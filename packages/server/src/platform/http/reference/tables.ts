/** The endpoint and problem tables of the reference, as Markdown. */
import { type ProblemCode, problems } from '#kernel/problem.ts';
import type { Endpoint } from '../endpoint.ts';
import { problemsOf } from './derived-problems.ts';

/** All endpoints, by path and method. */
export function endpointTable(endpoints: readonly Endpoint[]): string {
  const sorted = [...endpoints].sort((a, b) => compare(a.path, b.path) || compare(a.method, b.method));
  const rows = sorted.map((endpoint) => [
    endpoint.method,
    `\`${endpoint.path}\``,
    endpoint.summary,
    endpoint.kind,
    endpoint.auth.principals.join(', '),
    endpoint.rateLimit,
    `\`${endpoint.id}\``,
    problemsOf(endpoint)
      .filter((code) => endpoint.problems.includes(code))
      .map((code) => `\`${code}\``)
      .join(', '),
  ]);
  return table(['method', 'path', 'summary', 'kind', 'credentials', 'rate limit', 'id', 'own problems'], rows);
}

/** All problems, by status and code. */
export function problemTable(): string {
  const codes = (Object.keys(problems) as ProblemCode[]).sort(
    (a, b) => problems[a].status - problems[b].status || compare(a, b),
  );
  const rows = codes.map((code) => {
    const { status, title, detail } = problems[code];
    return [`\`${code}\``, String(status), title, detail];
  });
  return table(['code', 'status', 'title', 'detail'], rows);
}

// Without a locale: the output is committed, and must not depend on the machine.
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [heads, heads.map(() => '---'), ...rows];
  return `${lines.map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

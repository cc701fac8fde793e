/** The reference page `docs/reference/statements.md`: the statements that change several tables at once. */
import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { declaredStatements, type Statement } from '../packages/server/src/platform/database/index.ts';
import { root } from './steps.ts';

const sources = 'packages/server/src';

/** Loads every module that declares statements, and describes the composed ones. */
export async function statementPage(): Promise<string> {
  const files = globSync(`${sources}/{domain,flows,platform,app}/**/*.ts`, { cwd: root, exclude: ['**/*.test.ts'] })
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
  const texts = new Map(files.map((path) => [path, readFileSync(`${root}/${path}`, 'utf8')]));
  const declaring = [...texts].filter(([, text]) => /\bstatement\(/.test(text)).map(([path]) => path);
  for (const path of declaring) await import(`${root}/${path}`);
  const tables = tablesOf(globSync('packages/server/migrations/*.up.sql', { cwd: root }));
  const rows = declaredStatements()
    .map((declared) => ({ declared, ...touchedTables(declared.sql, tables) }))
    .filter(({ writes }) => writes.length > 1)
    .sort((a, b) => a.declared.name.localeCompare(b.declared.name))
    .map((row) => toRow(row, texts));
  return `${introduction}${rows.join('\n')}\n`;
}

const introduction = `# Composed statements

Generated from the code by \`npm run generate\`; do not edit.

Each statement below changes several tables in one round trip and one commit. The module in the last column composes it
of fragments that the owners of the tables export ([ARCHITECTURE.md](../../ARCHITECTURE.md#statements)). After a known commit
the process applies the revocations and wakes its workers ([ADR 0025](../adr/0025-after-commit-effects-are-declared.md)).
Every other change is a short transaction of statements of one table each.

| statement | lane | writes | reads | after the commit | declared by |
|---|---|---|---|---|---|
`;

interface Touched {
  readonly writes: readonly string[];
  readonly reads: readonly string[];
}

function toRow(
  { declared, writes, reads }: Touched & { readonly declared: Statement },
  texts: ReadonlyMap<string, string>,
) {
  const code = (names: readonly string[]) => (names.length === 0 ? '–' : names.map((name) => `\`${name}\``).join(', '));
  const cells = [
    code([declared.name]),
    declared.lane,
    code(writes),
    code(reads),
    effectsOf(declared),
    code([moduleOf(declared.name, texts)]),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The effects that the database layer delivers after the commit (ADR 0025). */
export function effectsOf({ after }: Pick<Statement, 'after'>): string {
  const { revokes, wakesWorkers } = after ?? {};
  const condition = typeof wakesWorkers === 'string' ? ` if \`${wakesWorkers}\`` : '';
  const effects = [
    ...(revokes === undefined ? [] : [`revokes ${revokes.kind} \`${revokes.target}\``]),
    ...(wakesWorkers === undefined ? [] : [`wakes workers${condition}`]),
  ];
  return effects.length === 0 ? '–' : effects.join('; ');
}

/** Tables that the SQL changes, and further ones that it only reads. */
export function touchedTables(sql: string, tables: ReadonlySet<string>): Touched {
  const named = (pattern: RegExp) =>
    [...sql.matchAll(pattern)].map(([, name = '']) => name).filter((name) => tables.has(name));
  const writes = new Set(named(/\b(?:insert into|update|delete from)\s+(?:only\s+)?([a-z_]+)/gi));
  const reads = new Set(named(/(?:\b(?:from|join|using)|,)\s+([a-z_]+)/gi));
  return { writes: [...writes].sort(), reads: [...reads].filter((name) => !writes.has(name)).sort() };
}

function tablesOf(migrations: readonly string[]): ReadonlySet<string> {
  const sql = migrations.map((path) => readFileSync(`${root}/${path}`, 'utf8')).join('\n');
  return new Set([...sql.matchAll(/create (?:unlogged )?table ([a-z_]+)/gi)].map(([, name = '']) => name));
}

/** The module that declares a statement, such as `domain/sessions`. */
function moduleOf(name: string, texts: ReadonlyMap<string, string>): string {
  const declaration = new RegExp(String.raw`statement\(\s*'${name.replace('.', '[.]')}'`);
  const found = [...texts].find(([, text]) => declaration.test(text));
  if (found === undefined) throw new Error(`no source declares the statement "${name}" by a literal name`);
  return posix.relative(sources, posix.dirname(found[0]));
}

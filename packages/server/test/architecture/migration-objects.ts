/** Names in a migration's syntax tree. */
import type { AlterTableStmt, ColumnDef, Node, RangeVar } from 'libpg-query';

/** Tables and columns that one half of a migration creates: no release uses them yet, so no node waits for their locks. */
export class NewObjects {
  readonly #tables: ReadonlySet<string>;
  readonly #columns: ReadonlySet<string>;

  constructor(statements: readonly Node[]) {
    const alterations = statements.flatMap((node) => ('AlterTableStmt' in node ? node.AlterTableStmt : []));
    this.#tables = new Set(statements.flatMap((node) => ('CreateStmt' in node ? tableOf(node.CreateStmt) : [])));
    this.#columns = new Set(
      alterations.flatMap((alteration) =>
        addedColumns(alteration).map((column) => `${tableOf(alteration)}.${column.colname}`),
      ),
    );
  }

  hasTable(table: string): boolean {
    return this.#tables.has(table);
  }

  /** Whether all these columns of the table are new. */
  hasColumns(table: string, columns: readonly string[]): boolean {
    return this.hasTable(table) || columns.every((column) => this.#columns.has(`${table}.${column}`));
  }
}

/** The table that a statement is about. */
export function tableOf({ relation }: { readonly relation?: RangeVar }): string {
  return relation?.relname ?? '';
}

function addedColumns({ cmds = [] }: AlterTableStmt): ColumnDef[] {
  return cmds.flatMap((command) => {
    const added = 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
    return added !== undefined && 'ColumnDef' in added ? added.ColumnDef : [];
  });
}

/** The texts of a list such as the columns of a foreign key. */
export function textsOf(nodes: readonly Node[] = []): string[] {
  return nodes.flatMap((node) => ('String' in node ? (node.String.sval ?? '') : []));
}

/** Every part of a tree with this kind, as `ColumnRef`. */
export function partsOf(tree: unknown, kind: string): unknown[] {
  if (typeof tree !== 'object' || tree === null) return [];
  return Object.entries(tree).flatMap(([name, part]) => [...(name === kind ? [part] : []), ...partsOf(part, kind)]);
}

/** The columns that an expression reads. */
export function columnsRead(expression: unknown): string[] {
  const references = partsOf(expression, 'ColumnRef') as { readonly fields?: readonly Node[] }[];
  return references.flatMap(({ fields }) => textsOf(fields).at(-1) ?? []);
}

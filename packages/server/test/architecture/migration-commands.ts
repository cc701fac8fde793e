/** Rules for `alter table`: each subcommand by what it takes from the previous release, and by how long it locks the table. */
import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint } from 'libpg-query';
import { columnsRead, partsOf, tableOf, textsOf } from './migration-objects.ts';
import type { Breach, Half } from './migration-rules.ts';

interface Command {
  readonly table: string;
  readonly command: AlterTableCmd;
  readonly half: Half;
}

/** Functions with the same result for every row of a statement: PostgreSQL stores a default of them once, without a rewrite. */
const stableFunctions = ['now', 'statement_timestamp', 'transaction_timestamp'];

export function checkAlterTable(statement: AlterTableStmt, half: Half): Breach[] {
  const table = tableOf(statement);
  if (statement.objtype === 'OBJECT_TYPE') return [['type', 'changes a type, which rewrites or breaks its columns']];
  if (half.created.hasTable(table)) return [];
  return (statement.cmds ?? []).flatMap((node) => {
    if (!('AlterTableCmd' in node)) return [];
    const command = node.AlterTableCmd;
    return commands[command.subtype ?? 'AT_ReAddComment']?.({ table, command, half }) ?? [];
  });
}

const commands: Partial<Record<NonNullable<AlterTableCmd['subtype']>, (command: Command) => Breach[]>> = {
  AT_AddColumn: ({ table, command }) =>
    command.def !== undefined && 'ColumnDef' in command.def ? checkColumn(table, command.def.ColumnDef) : [],
  AT_AlterColumnType: ({ table, command }) => [
    ['type', `changes the type of ${table}.${command.name}, which rewrites the table; add a column of the new type`],
  ],
  AT_DropColumn: ({ table, command, half }) =>
    isExpand(half)
      ? [['drop', `drops ${table}.${command.name}, which the previous release may read; that is a contract`]]
      : [],
  AT_SetNotNull: ({ table, command, half }) =>
    isExpand(half) && !half.created.hasColumns(table, [command.name ?? ''])
      ? [
          [
            'not_null',
            `makes ${table}.${command.name} not null, which the previous release may leave null; that is a contract`,
          ],
        ]
      : [],
  AT_AddConstraint: checkConstraint,
  AT_ValidateConstraint: ({ table, command, half }) =>
    half.statements.length === 1
      ? []
      : [
          [
            'validation',
            `validates ${table}.${command.name} while other statements hold locks; make it a migration of its own`,
          ],
        ],
  AT_SetLogged: rewrites,
  AT_SetUnLogged: rewrites,
  AT_SetTableSpace: rewrites,
  AT_SetAccessMethod: rewrites,
  AT_SetExpression: rewrites,
};

function isExpand({ isUp, isContract }: Half): boolean {
  return isUp && !isContract;
}

function rewrites({ table }: Command): Breach[] {
  return [['rewrite', `rewrites ${table} while it is locked`]];
}

function checkColumn(table: string, column: ColumnDef): Breach[] {
  const name = `${table}.${column.colname}`;
  const constraints = (column.constraints ?? []).flatMap((node) => ('Constraint' in node ? node.Constraint : []));
  const find = (...kinds: Constraint['contype'][]) => constraints.find(({ contype }) => kinds.includes(contype));
  const breaches: Breach[] = [];
  if (find('CONSTR_NOTNULL') !== undefined && find('CONSTR_DEFAULT') === undefined)
    breaches.push(['not_null', `adds ${name} not null without default, so the previous release cannot insert rows`]);
  if (
    isVolatile(find('CONSTR_DEFAULT')) ||
    isSerial(column) ||
    find('CONSTR_IDENTITY', 'CONSTR_GENERATED') !== undefined
  )
    breaches.push([
      'rewrite',
      `adds ${name} with a value of its own for each row, which rewrites the table while it is locked`,
    ]);
  if (find('CONSTR_UNIQUE', 'CONSTR_PRIMARY') !== undefined)
    breaches.push(['index', `adds ${name} with an index that is built while the table is locked`]);
  if (find('CONSTR_CHECK', 'CONSTR_FOREIGN') !== undefined)
    breaches.push([
      'validation',
      `adds ${name} with a constraint that is validated while the table is locked; add it "not valid"`,
    ]);
  return breaches;
}

function isVolatile(constraint: Constraint | undefined): boolean {
  const calls = partsOf(constraint?.raw_expr, 'FuncCall') as { readonly funcname?: Parameters<typeof textsOf>[0] }[];
  return calls.some(({ funcname }) => !stableFunctions.includes(textsOf(funcname).at(-1) ?? ''));
}

function isSerial({ typeName }: ColumnDef): boolean {
  return textsOf(typeName?.names).some((name) => /serial\d?$/.test(name));
}

function checkConstraint({ table, command, half }: Command): Breach[] {
  const constraint = command.def !== undefined && 'Constraint' in command.def ? command.def.Constraint : undefined;
  if (constraint === undefined) return [];
  const name = `${table}.${constraint.conname ?? 'a constraint'}`;
  const isNarrower = isExpand(half) && !isWider(constraint, table, half);
  return [
    ...checkLock(constraint, name),
    ...(isNarrower
      ? [['narrowing', `adds ${name} to what the previous release writes; that is a contract`] satisfies Breach]
      : []),
  ];
}

function checkLock(
  { contype = 'CONSTR_CHECK', indexname, skip_validation: isNotValid }: Constraint,
  name: string,
): Breach[] {
  if (['CONSTR_UNIQUE', 'CONSTR_PRIMARY', 'CONSTR_EXCLUSION'].includes(contype)) {
    const advice = 'build it concurrently, then add it "using index"';
    if (indexname !== undefined) return [];
    return [['index', `adds ${name} with an index that is built while the table is locked; ${advice}`]];
  }
  if (isNotValid === true) return [];
  return [['validation', `adds ${name}, which is validated while the table is locked; add it "not valid"`]];
}

/** It replaces a constraint of its name, or it is about new columns alone. */
function isWider(constraint: Constraint, table: string, half: Half): boolean {
  const replaced = half.statements.some(
    (node) =>
      'AlterTableStmt' in node &&
      tableOf(node.AlterTableStmt) === table &&
      droppedConstraints(node.AlterTableStmt).includes(constraint.conname ?? ''),
  );
  const columns = [...textsOf(constraint.fk_attrs), ...textsOf(constraint.keys), ...columnsRead(constraint.raw_expr)];
  return replaced || (columns.length > 0 && half.created.hasColumns(table, columns));
}

function droppedConstraints({ cmds = [] }: AlterTableStmt): string[] {
  const all = cmds.flatMap((node) => ('AlterTableCmd' in node ? node.AlterTableCmd : []));
  return all.flatMap(({ subtype, name }) => (subtype === 'AT_DropConstraint' && name !== undefined ? name : []));
}

/**
 * Rules for migrations, checked on PostgreSQL's own syntax tree. While a migration runs, and after it, nodes of the previous
 * release serve on the same tables: so an *expand* takes nothing away, and no migration keeps a table locked for longer than
 * a change of the catalog takes. CONTRIBUTING.md has the rules in words.
 */
import {
  type DropStmt,
  type IndexStmt,
  loadModule,
  type Node,
  parseSync,
  type RangeVar,
  type RenameStmt,
  type VariableSetStmt,
} from 'libpg-query';
import { checkAlterTable } from './migration-commands.ts';
import { NewObjects, tableOf, textsOf } from './migration-objects.ts';

await loadModule();

/** A migration, or a planted one. */
export interface CheckedMigration {
  /** Such as `0002_second_factors`. */
  readonly label: string;
  readonly up: string;
  readonly down: string;
}

export type MigrationRule =
  | 'first_line'
  | 'down'
  | 'rename'
  | 'drop'
  | 'type'
  | 'not_null'
  | 'narrowing'
  | 'rewrite'
  | 'index'
  | 'validation'
  | 'rows'
  | 'lock'
  | 'lock_timeout'
  | 'transaction'
  | 'opaque';

export type Breach = readonly [MigrationRule, string];

/** The file of one direction. */
export interface Half {
  readonly file: string;
  readonly statements: readonly Node[];
  readonly isUp: boolean;
  readonly isContract: boolean;
  readonly created: NewObjects;
}

/** Tables that stay small, so that a migration may change their rows in its transaction. */
const smallTables: readonly string[] = [
  'deployment',
  'clients',
  'identity_providers',
  'data_keys',
  'signing_keys',
  'job_schedules',
  'role_assignments',
  'invitations',
  // Tickets, which are deleted after half an hour.
  'logins',
];

const firstLine = /^-- (?<kind>expand|contract)(?:, concurrently)?: \S/;

/** A rule and a sentence for each breach. */
export function checkMigrationRules({ label, up, down }: CheckedMigration): Breach[] {
  const kind = firstLine.exec(up)?.groups?.kind;
  const applying = parseHalf(`${label}.up.sql`, up, { isUp: true, isContract: kind === 'contract' });
  const reverting = parseHalf(`${label}.down.sql`, down, { isUp: false, isContract: kind === 'contract' });
  const ofFiles: Breach[] = [];
  if (kind === undefined)
    ofFiles.push(['first_line', `${applying.file}: does not begin with "-- expand: …" or "-- contract: …"`]);
  if (reverting.statements.length === 0) ofFiles.push(['down', `${reverting.file}: reverts nothing`]);
  return [...ofFiles, ...checkHalf(applying), ...checkHalf(reverting)];
}

function parseHalf(file: string, sql: string, direction: Pick<Half, 'isUp' | 'isContract'>): Half {
  const statements = (parseSync(sql).stmts ?? []).flatMap(({ stmt }) => stmt ?? []);
  return { file, statements, ...direction, created: new NewObjects(statements) };
}

function checkHalf(half: Half): Breach[] {
  return half.statements.flatMap((statement) => {
    const [[kind, node] = ['', undefined]] = Object.entries(statement) as [string, unknown][];
    const found = checks[kind]?.(node as never, half) ?? [];
    return found.map(([rule, sentence]): Breach => [rule, `${half.file}: ${sentence}`]);
  });
}

const checks: Readonly<Record<string, (node: never, half: Half) => readonly Breach[]>> = {
  AlterTableStmt: checkAlterTable,
  RenameStmt: checkRename,
  DropStmt: checkDrop,
  IndexStmt: checkIndex,
  AlterEnumStmt: changesType,
  AlterTypeStmt: changesType,
  AlterDomainStmt: changesType,
  UpdateStmt: checkRows,
  DeleteStmt: checkRows,
  InsertStmt: checkRows,
  MergeStmt: checkRows,
  LockStmt: locks,
  TruncateStmt: locks,
  VacuumStmt: locks,
  ClusterStmt: locks,
  RepackStmt: locks,
  ReindexStmt: locks,
  RefreshMatViewStmt: locks,
  VariableSetStmt: checkSetting,
  TransactionStmt: () => [['transaction', 'begins or ends a transaction, which belongs to the runner']],
  DoStmt: () => [['opaque', 'runs a block of code, which these rules cannot read']],
};

function changesType(): Breach[] {
  return [['type', 'changes a type or domain; states are text with a check']];
}

function locks(): Breach[] {
  return [['lock', 'locks whole tables until the end of the transaction']];
}

/** An index may get another name: no statement reads it. */
function checkRename({ renameType, relation, subname, newname }: RenameStmt, { isUp }: Half): Breach[] {
  if (renameType === 'OBJECT_INDEX' || !isUp) return [];
  const name = [relation?.relname, subname].filter((part) => part !== undefined).join('.');
  return [
    ['rename', `renames ${name} to ${newname}, which the previous release does not know; add, copy, and drop later`],
  ];
}

const droppedFreely: readonly DropStmt['removeType'][] = ['OBJECT_INDEX', 'OBJECT_TRIGGER', 'OBJECT_RULE'];

function checkDrop({ removeType, objects, concurrent }: DropStmt, half: Half): Breach[] {
  const names = (objects ?? []).map(nameOf);
  if (removeType === 'OBJECT_INDEX' && concurrent !== true && half.isUp)
    return [
      ['index', `drops ${names.join(', ')} while its table is locked; drop it concurrently, in a migration of its own`],
    ];
  if (!half.isUp || half.isContract || droppedFreely.includes(removeType)) return [];
  return [['drop', `drops ${names.join(', ')}, which the previous release may use; that is a contract`]];
}

function nameOf(object: Node): string {
  if ('List' in object) return textsOf(object.List.items).join('.');
  return 'ObjectWithArgs' in object ? textsOf(object.ObjectWithArgs.objname).join('.') : 'an object';
}

function checkIndex(index: IndexStmt, { created }: Half): Breach[] {
  const table = tableOf(index);
  if (index.concurrent === true || created.hasTable(table)) return [];
  return [
    ['index', `builds ${index.idxname} while ${table} is locked; build it concurrently, in a migration of its own`],
  ];
}

function checkRows(statement: { readonly relation?: RangeVar }, { created }: Half): Breach[] {
  const table = tableOf(statement);
  if (created.hasTable(table) || smallTables.includes(table)) return [];
  return [['rows', `changes rows of ${table}, which grows by use; let a job change them in batches`]];
}

function checkSetting({ name }: VariableSetStmt): Breach[] {
  return [['lock_timeout', `sets ${name}; the runner sets the lock timeout of every migration`]];
}

/**
 * Effects after a commit: the process publishes the revocations that it wrote, and its workers look for the jobs that
 * it enqueued. A statement declares these effects beside its columns, and the database layer delivers them once, after
 * a known commit. Nothing is delivered after `outcome_unknown`: the revocation feed (250 ms) and the polling workers (1
 * s) catch up.
 */
import { assert } from '#kernel/assert.ts';
import type { Shape, SqlType } from './sql-types.ts';

/** A row that was inserted into `revocations`. One of kind `profile` revokes nothing: nodes drop what they cached of a user. */
export interface CommittedRevocation {
  readonly kind: 'session' | 'user' | 'profile' | 'signing_key';
  readonly target: string;
  /** Only for a user: everything of an earlier epoch is revoked. */
  readonly epoch: number | null;
  /** Why a session ended, for metrics. */
  readonly reason?: string;
}

/** The effects of one statement, or of all statements of one transaction. */
export interface CommittedEffects {
  readonly revoked: readonly CommittedRevocation[];
  readonly enqueued: boolean;
}

/** The names of the columns that have one of these types. */
type ColumnsOf<C extends Shape, T extends SqlType> = {
  [K in keyof C & string]: C[K] extends T ? K : never;
}[keyof C & string];

type TargetsOf<C extends Shape> = ColumnsOf<C, 'uuid' | 'text' | 'uuid[]' | 'text[]'>;

/** The effects of a statement. Columns are named, so a statement whose SQL does not return them does not compile. */
export interface AfterCommit<C extends Shape> {
  /** One revocation for each returned row, or for each element when the `target` column is an array. */
  readonly revokes?:
    | { readonly kind: 'session'; readonly target: TargetsOf<C>; readonly reason?: ColumnsOf<C, 'text?'> }
    | { readonly kind: 'profile' | 'signing_key'; readonly target: TargetsOf<C> }
    | { readonly kind: 'user'; readonly target: TargetsOf<C>; readonly epoch: ColumnsOf<C, 'int4'> };
  /** `true` wakes when the statement affects a row; a column wakes when it is true in a returned row. */
  readonly wakesWorkers?: true | ColumnsOf<C, 'bool'>;
}

/** `AfterCommit` without the types of its columns. */
export interface DeclaredEffects {
  readonly revokes?: {
    readonly kind: CommittedRevocation['kind'];
    readonly target: string;
    readonly epoch?: string;
    readonly reason?: string;
  };
  readonly wakesWorkers?: true | string;
}

const insertsRevocation = /\binsert\s+into\s+(?:\w+\.)?"?revocations"?[\s(]/i;
const insertsJob = /\binsert\s+into\s+(?:\w+\.)?"?jobs"?[\s(]/i;

/** Throws unless a statement declares exactly the effects of its SQL. */
export function checkEffects(name: string, sql: string, after: DeclaredEffects | undefined): void {
  const { revokes, wakesWorkers } = after ?? {};
  const revokesBySql = insertsRevocation.test(sql);
  assert(!revokesBySql || revokes !== undefined, `statement "${name}" inserts revocations without \`after.revokes\``);
  assert(revokesBySql || revokes === undefined, `statement "${name}" declares revocations that it does not insert`);
  const isOfKind = revokes === undefined || sql.includes(`'${revokes.kind}'`);
  assert(isOfKind, `statement "${name}" inserts no revocation of kind ${revokes?.kind}`);
  const enqueues = insertsJob.test(sql);
  assert(!enqueues || wakesWorkers !== undefined, `statement "${name}" inserts jobs without \`after.wakesWorkers\``);
  assert(enqueues || wakesWorkers === undefined, `statement "${name}" declares jobs that it does not insert`);
}

type Row = Readonly<Record<string, unknown>>;

/** The effects of a statement that returned these rows. */
export function effectsOf(after: DeclaredEffects, rows: readonly Row[], affectedRows: number): CommittedEffects {
  const { revokes, wakesWorkers } = after;
  const revoked = revokes === undefined ? [] : rows.flatMap((row) => revocationsOf(revokes, row));
  const enqueued =
    typeof wakesWorkers === 'string'
      ? rows.some((row) => row[wakesWorkers] === true)
      : wakesWorkers === true && affectedRows > 0;
  return { revoked, enqueued };
}

function revocationsOf(
  { kind, target, epoch, reason }: NonNullable<DeclaredEffects['revokes']>,
  row: Row,
): readonly CommittedRevocation[] {
  const targets = row[target];
  const ids = Array.isArray(targets) ? (targets as readonly string[]) : [targets as string];
  return ids.map((id) => ({
    kind,
    target: id,
    epoch: epoch === undefined ? null : (row[epoch] as number),
    ...(reason !== undefined && { reason: String(row[reason]) }),
  }));
}

/** Receives the effects of committed statements before their caller continues. Must neither block nor throw. */
export type OnCommitted = (effects: CommittedEffects) => void;

/** Collects the effects of one run of a transaction. */
export class TransactionEffects {
  readonly #revoked: CommittedRevocation[] = [];
  #enqueued = false;

  add({ revoked, enqueued }: CommittedEffects): void {
    this.#revoked.push(...revoked);
    this.#enqueued ||= enqueued;
  }

  deliver(onCommitted: OnCommitted | undefined): void {
    deliver({ revoked: this.#revoked, enqueued: this.#enqueued }, onCommitted);
  }
}

/** Calls the listener unless there are no effects. */
export function deliver(effects: CommittedEffects, onCommitted: OnCommitted | undefined): void {
  if (effects.revoked.length > 0 || effects.enqueued) onCommitted?.(effects);
}

/**
 * Effects that follow a commit: this process learns of the revocations that it wrote, and its workers look for the jobs
 * that it enqueued. A statement declares them beside its columns; the database layer delivers them once, after a known
 * commit. A lost effect delays: every node reads the revocation feed each 250 ms and polls for jobs each second. So
 * nothing is delivered when the outcome of a commit is unknown.
 */
import { assert } from '#kernel/assert.ts';
import type { Shape, SqlType } from './sql-types.ts';

/** A row that was inserted into `revocations`. */
export interface CommittedRevocation {
  readonly kind: 'session' | 'user' | 'signing_key';
  readonly target: string;
  /** For a user: everything of an earlier epoch is revoked. */
  readonly epoch: number | null;
}

/** The effects of one statement, or of all statements of one transaction. */
export interface CommittedEffects {
  readonly revoked: readonly CommittedRevocation[];
  readonly enqueued: boolean;
}

/** The names of the columns of a shape that have one of these types. */
type ColumnsOf<C extends Shape, T extends SqlType> = {
  [K in keyof C & string]: C[K] extends T ? K : never;
}[keyof C & string];

type TargetsOf<C extends Shape> = ColumnsOf<C, 'uuid' | 'text' | 'uuid[]' | 'text[]'>;

/** The effects that a statement declares; columns are named, so that its SQL returns what the effect needs. */
export interface AfterCommit<C extends Shape> {
  /** The revocations of each returned row. `target`: a column with one id, or with an array of them. */
  readonly revokes?:
    | { readonly kind: 'session' | 'signing_key'; readonly target: TargetsOf<C> }
    | { readonly kind: 'user'; readonly target: TargetsOf<C>; readonly epoch: ColumnsOf<C, 'int4'> };
  /** `true`: when the statement affects a row. A column: when it is true in a returned row. */
  readonly wakesWorkers?: true | ColumnsOf<C, 'bool'>;
}

/** `AfterCommit` without the types of its columns. */
export interface DeclaredEffects {
  readonly revokes?: { readonly kind: CommittedRevocation['kind']; readonly target: string; readonly epoch?: string };
  readonly wakesWorkers?: true | string;
}

const insertsRevocation = /\binsert\s+into\s+(?:\w+\.)?"?revocations"?[\s(]/i;
const insertsJob = /\binsert\s+into\s+(?:\w+\.)?"?jobs"?[\s(]/i;

/** Throws unless a statement declares the effects that its SQL has, and no others. */
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
  { kind, target, epoch }: NonNullable<DeclaredEffects['revokes']>,
  row: Row,
): readonly CommittedRevocation[] {
  const targets = row[target];
  const ids = Array.isArray(targets) ? (targets as readonly string[]) : [targets as string];
  return ids.map((id) => ({ kind, target: id, epoch: epoch === undefined ? null : (row[epoch] as number) }));
}

/** Receives the effects of committed statements. Called before their caller goes on; it must neither wait nor throw. */
export type OnCommitted = (effects: CommittedEffects) => void;

/** Collects the effects of one run of a transaction, to be delivered at its commit. */
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

/** Calls the listener, if there are effects. */
export function deliver(effects: CommittedEffects, onCommitted: OnCommitted | undefined): void {
  if (effects.revoked.length > 0 || effects.enqueued) onCommitted?.(effects);
}

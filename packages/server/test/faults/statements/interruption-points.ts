/** The points at which a fault can interrupt a recorded run. */
import { declaredStatements } from '#platform/database/index.ts';
import type { FaultTiming } from './fault-injector.ts';

const writing = /\b(insert into|update|delete from|for (no key )?update|for (key )?share)\b/i;

/** Statements without a declaration are `begin`, `commit` and `rollback`, which belong to the writes. */
function writes(): (sent: string) => boolean {
  const reads = declaredStatements().filter(({ sql }) => !writing.test(sql));
  const names = new Set(reads.map(({ preparedName }) => preparedName));
  return (sent) => !names.has(sent);
}

/** A point of a run, as `FaultInjector.arm` counts. */
export interface InterruptionPoint {
  readonly timing: FaultTiming;
  readonly count: number;
  /** The timing and the statements around the point: equal points of two runs have the same. */
  readonly between: string;
  /** Whether the statement writes or ends a transaction. A read whose response is lost is like one that was not sent. */
  readonly isWrite: boolean;
  /** Around the last write, or around the last statement of a run without one. */
  readonly isLastWrite: boolean;
}

/** Before each statement of a run, and after each that is outside a transaction or ends one. */
export function interruptionPoints(sent: readonly string[]): InterruptionPoint[] {
  const isWrite = writes();
  const lastWrite = sent.findLastIndex(isWrite);
  const last = lastWrite < 0 ? sent.length - 1 : lastWrite;
  const points: InterruptionPoint[] = sent.map((name, index) => ({
    timing: 'before',
    count: index,
    between: `before, ${sent[index - 1] ?? 'the start'} > ${name}`,
    isWrite: isWrite(name),
    isLastWrite: index === last,
  }));
  let inTransaction = false;
  let outside = 0;
  for (const [index, name] of sent.entries()) {
    if (name === 'begin') inTransaction = true;
    if (name === 'commit' || name === 'rollback') inTransaction = false;
    if (inTransaction) continue;
    const between = `after, ${name} > ${sent[index + 1] ?? 'the end'}`;
    points.push({ timing: 'after', count: outside, between, isWrite: isWrite(name), isLastWrite: index === last });
    outside += 1;
  }
  return points;
}

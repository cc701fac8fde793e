/** The statements of a run that write or lock, and the points at which a fault surrounds the last of them. */
import { declaredStatements } from '#platform/database/index.ts';
import type { FaultTiming } from './fault-injector.ts';

const writing = /\b(insert into|update|delete from|for (no key )?update|for (key )?share)\b/i;

/** Statements without a declaration are `begin`, `commit` and `rollback`, which belong to the writes. */
function writes(): (sent: string) => boolean {
  const reads = declaredStatements().filter(({ sql }) => !writing.test(sql));
  const names = new Set(reads.map(({ preparedName }) => preparedName));
  return (sent) => !names.has(sent);
}

/** The writes of a recorded run, in order. */
export function writesOf(recorded: readonly string[]): string[] {
  return recorded.filter(writes());
}

/** Before and after the last write, as `FaultInjector.arm` counts. */
export function aroundLastWrite(
  recorded: readonly string[],
): { readonly timing: FaultTiming; readonly point: number }[] {
  const last = recorded.findLastIndex(writes());
  let inTransaction = false;
  let outside = 0;
  for (const sent of recorded.slice(0, last)) {
    if (sent === 'begin') inTransaction = true;
    if (sent === 'commit' || sent === 'rollback') inTransaction = false;
    if (!inTransaction) outside += 1;
  }
  return [
    { timing: 'before', point: last },
    { timing: 'after', point: outside },
  ];
}

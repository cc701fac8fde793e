/** A failure before and after every statement of every scenario, on both databases: no success without its whole effect, no effect without its audit event and mail, and a retry succeeds. */
import { runVitest } from './support/run-vitest.ts';

await runVitest(['packages/server/test/faults/statements'], { STATEMENTS_EVERYWHERE: '1' });

/** Counts of the responses that any process of a test run observed; `tools/test.ts` checks them at the end. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/** Appends how often each `operation status code` was observed; does nothing outside a complete run. */
export function recordResponses(counts: ReadonlyMap<string, number>): void {
  const directory = process.env.TEST_RESPONSES_DIRECTORY;
  if (directory === undefined) return;
  appendFileSync(join(directory, `${process.pid}.jsonl`), `${JSON.stringify(Object.fromEntries(counts))}\n`);
}

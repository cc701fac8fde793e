/** The books of a whole run: what was answered in any of its processes, for the check that closes the run. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/** Enters how often each `operation status code` was answered; a run of single files keeps no books. */
export function recordResponses(seen: ReadonlyMap<string, number>): void {
  const directory = process.env.TEST_RESPONSES_DIRECTORY;
  if (directory === undefined) return;
  appendFileSync(join(directory, `${process.pid}.jsonl`), `${JSON.stringify(Object.fromEntries(seen))}\n`);
}

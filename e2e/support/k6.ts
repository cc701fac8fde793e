import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface K6Request {
  readonly name: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly isFailed: boolean;
}

export interface K6Run {
  readonly requests: readonly K6Request[];
  /** Whether each check held every time. */
  readonly checks: Readonly<Record<string, boolean>>;
  readonly thresholds: Readonly<Record<string, readonly string[]>>;
}

/**
 * Runs a script for k6 once.
 *
 * @param script the path of the script.
 * @param settings what k6 would get by `-e`.
 * @throws Error with the output when the script fails.
 */
export async function runK6Script(script: string, settings: Readonly<Record<string, string>>): Promise<K6Run> {
  const program = join(import.meta.dirname, 'k6-process.ts');
  const child = spawn(process.execPath, [program, script, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (code !== 0) throw new Error(`the script failed: ${stderr}`);
  return JSON.parse(stdout) as K6Run;
}

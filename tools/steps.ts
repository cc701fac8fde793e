import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The root of the repository, which is the working directory of every tool. */
export const root = resolve(import.meta.dirname, '..');

/** A check by a program; it passes with exit code 0. */
export type Step = {
  readonly name: string;
  /** Node's arguments; the first is the script. */
  readonly command: readonly string[];
};

export type StepResult = {
  readonly step: Step;
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
};

/** The path of a package's program, which runs with this Node and not with the one of the `PATH`. */
export function binary(path: string): string {
  return join(root, 'node_modules', path);
}

/**
 * The compiler and the linter with types are Go programs that end before their garbage matters: a collection only near a limit
 * saves a third of their time. A developer's own settings take precedence.
 */
const rareCollections = { GOGC: 'off', GOMEMLIMIT: '2GiB' };

/** Runs a step and captures its output. */
export async function runStep(step: Step): Promise<StepResult> {
  const start = performance.now();
  const output: string[] = [];
  const env = { ...rareCollections, ...process.env };
  const child = spawn(process.execPath, [...step.command], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const killChild = () => child.kill('SIGTERM');
  process.once('exit', killChild);
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
  const [code] = (await once(child, 'close')) as [number | null];
  process.off('exit', killChild);
  return { step, ok: code === 0, seconds: (performance.now() - start) / 1000, output: output.join('') };
}

/** Prints a line for a step, and its output if it failed. */
export function printStep({ step, ok, seconds, output }: StepResult): void {
  console.log(`${ok ? '✓' : '✗'} ${step.name.padEnd(24)} ${seconds.toFixed(1).padStart(5)} s`);
  if (!ok) console.log(output.trimEnd());
}

/** Runs the groups in sequence and the steps of a group in parallel; prints each group when it ends. */
export async function runGroups(groups: readonly (readonly Step[])[]): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const group of groups) {
    const ended = await Promise.all(group.map(runStep));
    ended.forEach(printStep);
    results.push(...ended);
  }
  return results;
}

/** The existing directories and files that formatters and linters check. */
export const sourcePaths = ['packages', 'e2e', 'bench', 'tools', 'bin', 'vitest.config.ts'].filter((path) =>
  existsSync(join(root, path)),
);

/** A signal ends the tool with the code that shells expect; its `exit` listeners end the child processes. */
export function endOnSignals(): void {
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}

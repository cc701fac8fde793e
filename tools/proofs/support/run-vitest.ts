import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { binary } from '../../steps.ts';
import { endWithSignals } from './signals.ts';

/** Runs test files in their long form, which these variables ask for; sets the exit code. */
export async function runVitest(files: readonly string[], variables: Readonly<Record<string, string>>): Promise<void> {
  endWithSignals();
  const projects = ['integration', 'product'].flatMap((name) => ['--project', name]);
  const vitest = [binary('vitest/vitest.mjs'), 'run', ...projects, ...files];
  const child = spawn(process.execPath, vitest, { stdio: 'inherit', env: { ...process.env, ...variables } });
  process.once('exit', () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './steps.ts';

/** Another commit with its own dependencies, in a directory that is deleted at the end of the block. */
export type Checkout = Disposable & { readonly directory: string };

/**
 * Checks a commit out, installs its dependencies, and bundles its program, if it has a bundle.
 *
 * @throws Error when the clone has no such commit, which is so in a shallow one, or a package cannot be installed.
 */
export function checkOut(commit: string): Checkout {
  const directory = join(mkdtempSync(join(tmpdir(), 'latchkey-release-')), 'checkout');
  const remove = () => {
    spawnSync('git', ['worktree', 'remove', '--force', directory], { cwd: root });
    rmSync(join(directory, '..'), { recursive: true, force: true });
  };
  process.once('exit', remove);
  run('git', ['worktree', 'add', '--quiet', '--detach', directory, commit], root);
  run('npm', ['ci', '--silent', '--no-audit', '--no-fund'], directory);
  run('npm', ['run', '--silent', '--if-present', 'build'], directory);
  return {
    directory,
    [Symbol.dispose]: () => {
      process.off('exit', remove);
      remove();
    },
  };
}

function run(file: string, parameters: readonly string[], directory: string): void {
  const result = spawnSync(file, parameters, { cwd: directory, encoding: 'utf8' });
  if (result.status === 0) return;
  throw new Error(`${file} ${parameters.join(' ')}: ${result.stderr || String(result.error)}`);
}

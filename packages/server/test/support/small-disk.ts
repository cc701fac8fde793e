import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of a few megabytes, so that a test can fill it. */
export interface SmallDisk extends Disposable {
  readonly directory: string;
}

/**
 * Mounts a tmpfs that belongs to the owner of `likeDirectory`.
 *
 * @throws Error with the reason of mount(8), which only root may use.
 */
export function mountSmallDisk(megabytes: number, likeDirectory: string): SmallDisk {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-disk-'));
  run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'latchkey-test', directory]);
  const { uid, gid } = statSync(likeDirectory);
  chownSync(directory, uid, gid);
  chmodSync(directory, 0o700);
  return {
    directory,
    [Symbol.dispose]: () => {
      run('umount', ['--lazy', directory]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function run(program: string, parameters: readonly string[]): void {
  const { status, stderr } = spawnSync(program, parameters, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`A test of a full disk needs root to mount one: ${stderr}`);
}

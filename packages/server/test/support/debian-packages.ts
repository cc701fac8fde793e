import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A Debian package that tests need; `need` is the first sentence of the error when it is missing. */
export type DebianPackage = { readonly name: string; readonly need: string };

/**
 * Installs a Debian package as root.
 *
 * @throws Error naming the missing package: tests without it fail and are never skipped.
 */
export function installPackage({ name, need }: DebianPackage): void {
  const missing = (reason: string) => new Error(`${need} Tried: ${reason}`);
  if (process.getuid?.() !== 0) throw missing(`only root can install the package "${name}"`);
  if (!existsSync('/usr/bin/apt-get')) throw missing(`there is no apt-get to install "${name}" with`);
  for (const parameters of [['update'], ['install', '-y', '--no-install-recommends', name]]) {
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const result = spawnSync('apt-get', ['-q', ...parameters], { env: environment, encoding: 'utf8' });
    if (result.status !== 0) {
      throw missing(`"apt-get ${parameters.join(' ')}" failed: ${result.stderr || String(result.error)}`);
    }
  }
}

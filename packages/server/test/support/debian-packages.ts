import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** What tests need of Debian, and why, as the sentence that a failure begins with. */
export type DebianPackage = { readonly name: string; readonly need: string };

/**
 * Installs one of Debian's packages as root.
 *
 * @throws Error that says what is missing: a test run without it fails, it never skips.
 */
export function installPackage({ name, need }: DebianPackage): void {
  const missing = (reason: string) => new Error(`${need} Tried: ${reason}`);
  if (process.getuid?.() !== 0) throw missing(`only root can install the package "${name}"`);
  if (!existsSync('/usr/bin/apt-get')) throw missing(`there is no apt-get to install "${name}" with`);
  for (const parameters of [['update'], ['install', '-y', '--no-install-recommends', name]]) {
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const answer = spawnSync('apt-get', ['-q', ...parameters], { env: environment, encoding: 'utf8' });
    if (answer.status !== 0) {
      throw missing(`"apt-get ${parameters.join(' ')}" failed: ${answer.stderr || String(answer.error)}`);
    }
  }
}

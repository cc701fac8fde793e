import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

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

/**
 * Returns the path of a program of a Debian package: an installed one, else one from the package, unpacked into the user's
 * cache. Packages of servers are unpacked instead of installed, because their installation starts the server on all addresses.
 *
 * @throws Error naming the missing package: tests without it fail and are never skipped.
 */
export function provideProgram(program: string, wanted: DebianPackage): string {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'latchkey-tests');
  const unpacked = join(cache, wanted.name);
  const own = ['usr/bin', 'usr/sbin'].map((directory) => join(unpacked, directory));
  const directories = ['/usr/bin', '/usr/sbin', ...(process.env.PATH ?? '').split(delimiter), ...own];
  const find = () => directories.map((directory) => join(directory, program)).find((path) => existsSync(path));
  const found = find();
  if (found !== undefined) return found;
  unpackPackage(wanted, cache, unpacked);
  const provided = find();
  if (provided === undefined) throw new Error(`${wanted.need} Tried: the package "${wanted.name}" has no ${program}`);
  return provided;
}

/** Renames the finished directory, because several workers may unpack the same package at once. */
function unpackPackage({ name, need }: DebianPackage, cache: string, target: string): void {
  if (process.getuid?.() === 0) spawnSync('apt-get', ['-q', 'update']);
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, '.unpacking-'));
  const run = (command: string, parameters: readonly string[]) => {
    const result = spawnSync(command, parameters, { cwd: directory, encoding: 'utf8' });
    if (result.status === 0) return;
    const reason = result.stderr || String(result.error);
    throw new Error(`${need} Tried: "${command} ${parameters.join(' ')}" failed: ${reason}`);
  };
  try {
    run('apt-get', ['-q', 'download', name]);
    const archive = readdirSync(directory).find((file) => file.endsWith('.deb')) ?? '';
    run('dpkg-deb', ['--extract', archive, 'content']);
    if (!existsSync(target)) renameSync(join(directory, 'content'), target);
  } catch (error) {
    // Another worker was faster.
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The products that Latchkey is compared with: their packages, installed on first use, and their processes. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ReferenceProcess, startProcess } from './reference-process.ts';

const directory = resolve(import.meta.dirname, '../peers');

/** A row that cannot be measured here; the message is one sentence. */
export class Unavailable extends Error {
  override name = 'Unavailable';
}

/**
 * Starts `peers/<name>.mjs` on the system's core.
 *
 * @throws Unavailable when its packages are not installed and cannot be.
 */
export async function startPeer<Hello>(name: string, parameter: string): Promise<ReferenceProcess<Hello>> {
  install();
  return startProcess(join(directory, `${name}.mjs`), parameter, { NODE_ENV: 'production' });
}

/** Installs from the lockfile of `bench/peers`, which is no part of the product's install. */
function install(): void {
  if (existsSync(join(directory, 'node_modules/.package-lock.json'))) return;
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: directory, encoding: 'utf8' });
  if (result.status === 0) return;
  const reason = (result.stderr ?? String(result.error)).trim().split('\n').at(-1);
  throw new Unavailable(`the packages of bench/peers cannot be installed: ${reason}`);
}

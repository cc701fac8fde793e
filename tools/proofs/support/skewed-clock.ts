import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../../../e2e/support/program.ts';
import { installPackage } from '../../../packages/server/test/support/debian-packages.ts';

const faketime = {
  name: 'libfaketime',
  need: 'This proof needs libfaketime, which gives a process another clock (Debian: apt-get install libfaketime).',
};

/** The command with a wall clock that is ahead by so many seconds; its monotonic clock is right, as on a machine without NTP. */
export function withSkewedClock(command: Command, seconds: number): Command {
  const library = findLibrary() ?? installLibrary();
  return ['env', `LD_PRELOAD=${library}`, `FAKETIME=+${seconds}s`, 'FAKETIME_DONT_FAKE_MONOTONIC=1', ...command];
}

/** How far the clock of a process is ahead that is started so. */
export function measureSkewMs(seconds: number): number {
  const print = withSkewedClock([process.execPath, '-p', 'Date.now()'], seconds);
  const before = Date.now();
  const { stdout } = spawnSync(print[0], print.slice(1), { encoding: 'utf8' });
  // The process read its clock within this time.
  const uncertaintyMs = Date.now() - before;
  return Number(stdout) - before - uncertaintyMs / 2;
}

function installLibrary(): string {
  installPackage(faketime);
  const installed = findLibrary();
  if (installed === undefined) throw new Error(`${faketime.need} Tried: the package has no library`);
  return installed;
}

function findLibrary(): string | undefined {
  const directories = readdirSync('/usr/lib').filter((name) => name.endsWith('-linux-gnu'));
  const paths = directories.map((name) => join('/usr/lib', name, 'faketime/libfaketimeMT.so.1'));
  return paths.find((path) => existsSync(path));
}

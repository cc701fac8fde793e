import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const needed = ['initdb', 'postgres'];

/**
 * The directory that holds `initdb` and `postgres`; installs Debian's package when there is none and this is root.
 *
 * @throws Error naming what is missing: a test run without PostgreSQL fails, it never skips.
 */
export function providePostgresBinaries(): string {
  const found = findPostgresBinaries();
  if (found !== undefined) return found;
  installPostgres();
  const installed = findPostgresBinaries();
  if (installed === undefined) throw new Error(missing('the package "postgresql" brought no initdb and postgres'));
  return installed;
}

function findPostgresBinaries(): string | undefined {
  const onPath = (process.env.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
  return [...debianDirectories(), ...onPath].find((directory) =>
    needed.every((name) => existsSync(join(directory, name))),
  );
}

/** Debian keeps each major version apart and puts none on the PATH; the newest comes first. */
function debianDirectories(): string[] {
  const parent = '/usr/lib/postgresql';
  if (!existsSync(parent)) return [];
  const versions = readdirSync(parent).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(parent, version, 'bin'));
}

function installPostgres(): void {
  if (process.getuid?.() !== 0) throw new Error(missing('only root can install the package "postgresql"'));
  if (!existsSync('/usr/bin/apt-get')) throw new Error(missing('there is no apt-get to install "postgresql" with'));
  preventPackageCluster();
  apt('update');
  apt('install', '-y', '--no-install-recommends', 'postgresql');
}

/** The package would create and start a cluster of its own on port 5432, which no test uses. */
function preventPackageCluster(): void {
  const directory = '/etc/postgresql-common';
  if (existsSync(join(directory, 'createcluster.conf'))) return;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'createcluster.conf'), 'create_main_cluster = false\n');
}

function apt(...parameters: string[]): void {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const answer = spawnSync('apt-get', ['-q', ...parameters], { env: environment, encoding: 'utf8' });
  if (answer.status === 0) return;
  throw new Error(missing(`"apt-get ${parameters.join(' ')}" failed: ${answer.stderr || String(answer.error)}`));
}

function missing(reason: string): string {
  return (
    'these tests need PostgreSQL 15 or newer: set TEST_DATABASE_URL to a server where databases may be created, ' +
    `or install the programs initdb and postgres (Debian: apt-get install postgresql). Tried: ${reason}`
  );
}

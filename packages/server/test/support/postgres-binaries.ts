import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { installPackage } from './debian-packages.ts';

const needed = ['initdb', 'postgres'];
const need =
  'These tests need PostgreSQL 15 or newer: set TEST_DATABASE_URL to a server where databases may be created, ' +
  'or install the programs initdb and postgres (Debian: apt-get install postgresql).';

/**
 * Returns the directory of `initdb` and `postgres`; as root, installs Debian's package when there is none.
 *
 * @throws Error naming what is missing: tests without PostgreSQL fail and are never skipped.
 */
export function providePostgresBinaries(): string {
  const found = findPostgresBinaries();
  if (found !== undefined) return found;
  installPostgres();
  const installed = findPostgresBinaries();
  if (installed === undefined)
    throw new Error(`${need} Tried: the package "postgresql" did not provide initdb and postgres`);
  return installed;
}

function findPostgresBinaries(): string | undefined {
  const onPath = (process.env.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
  return [...debianDirectories(), ...onPath].find((directory) =>
    needed.every((name) => existsSync(join(directory, name))),
  );
}

/** Debian keeps each major version in a directory of its own, outside the PATH. The newest comes first. */
function debianDirectories(): string[] {
  const parent = '/usr/lib/postgresql';
  if (!existsSync(parent)) return [];
  const versions = readdirSync(parent).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(parent, version, 'bin'));
}

function installPostgres(): void {
  preventPackageCluster();
  installPackage({ name: 'postgresql', need });
}

/** Without this file the package creates and starts a cluster on port 5432. */
function preventPackageCluster(): void {
  if (process.getuid?.() !== 0) return;
  const directory = '/etc/postgresql-common';
  if (existsSync(join(directory, 'createcluster.conf'))) return;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'createcluster.conf'), 'create_main_cluster = false\n');
}

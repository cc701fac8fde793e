/** The release before this one: its commit, the settings that it knows, and its statements. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launcher, type Settings, startProgram } from '../../../e2e/support/program.ts';
import { root } from '../../steps.ts';

const migrations = 'packages/server/migrations/';

/**
 * The commit of the previous release: the newest tag, or before the first one the newest commit whose migrations are the
 * beginning of these.
 *
 * @param from names another commit.
 * @throws Error when the schema of that commit does not lead to this one.
 */
export function previousRelease(from: string | undefined): string {
  const own = migrationsAt('HEAD');
  const commit =
    from === undefined ? (newestTag() ?? beforeNewestMigration(own)) : git('rev-parse', `${from}^{commit}`);
  if (commit === undefined || !isBeginning(migrationsAt(commit), own))
    throw new Error(`the migrations of ${commit ?? 'every earlier commit'} are not the beginning of this release's`);
  return commit;
}

/** The number of the newest migration of a commit. */
export function schemaOf(commit: string): number {
  return migrationsAt(commit).length;
}

/** The subject of a commit, for a report. */
export function describeCommit(commit: string): string {
  return git('log', '-1', '--format=%h %s', commit);
}

function newestTag(): string | undefined {
  const tags = git('tag', '--list', '--merged', 'HEAD', '--sort=-creatordate', '--format=%(objectname) %(*objectname)');
  const head = git('rev-parse', 'HEAD');
  const commits = tags.split('\n').map((line) => line.trim().split(' ').at(-1));
  return commits.find((commit) => commit !== '' && commit !== head);
}

function beforeNewestMigration(own: readonly string[]): string | undefined {
  const commits = git('rev-list', '--first-parent', 'HEAD').split('\n');
  return commits.find((commit) => {
    const there = migrationsAt(commit);
    return there.length < own.length && isBeginning(there, own);
  });
}

/** The files of a commit that migrate up, in order, each with the hash of its content. */
function migrationsAt(commit: string): string[] {
  const lines = git('ls-tree', commit, migrations).split('\n');
  return lines.filter((line) => line.endsWith('.up.sql')).map((line) => line.replace(/^\d+ blob /, ''));
}

function isBeginning(shorter: readonly string[], longer: readonly string[]): boolean {
  return shorter.length > 0 && shorter.every((line, index) => line === longer[index]);
}

function git(...parameters: readonly string[]): string {
  return execFileSync('git', parameters, { cwd: root, encoding: 'utf8' }).trim();
}

/** A release in a directory: this one, or another checkout. */
export class Release {
  readonly name: string;
  /** Undefined for this release. */
  readonly checkout: string | undefined;
  readonly #settings: ReadonlySet<string>;

  constructor(name: string, checkout?: string) {
    this.name = name;
    this.checkout = checkout;
    const reference = readFileSync(join(checkout ?? root, 'docs/reference/configuration.md'), 'utf8');
    this.#settings = new Set([...reference.matchAll(/^### `([A-Z0-9_]+)`/gm)].map(([, setting = '']) => setting));
  }

  knows(setting: string): boolean {
    return this.#settings.has(setting);
  }

  /** Settings without those that this release does not know, as they are rolled back with a release. */
  knownOf(settings: Settings): Settings {
    return Object.fromEntries(
      Object.entries(settings).map(([setting, value]) => [setting, this.knows(setting) ? value : undefined]),
    );
  }

  /** Runs a command of this release until it exits. */
  async run(
    parameters: readonly string[],
    settings: Settings,
  ): Promise<{ readonly code: number | null; output: string }> {
    const { checkout } = this;
    const program = startProgram(
      [process.execPath, checkout === undefined ? launcher : join(checkout, 'bin', 'latchkey.cjs'), ...parameters],
      settings,
      checkout === undefined ? {} : { directory: checkout },
    );
    const { code } = await program.exited;
    return { code, output: (program.stdout() + program.stderr()).trim() };
  }
}

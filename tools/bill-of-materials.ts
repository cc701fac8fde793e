import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './steps.ts';

export const formats = ['cyclonedx', 'spdx'] as const;

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devDependencies?: object }>>;
}

/**
 * The bill of materials of what runs in production, from the lockfile. `npm sbom --omit dev` alone leaves out every package that a
 * development dependency uses too, such as zod.
 *
 * @throws Error with npm's output when it fails.
 */
export function makeSbom(format: (typeof formats)[number]): string {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-sbom-'));
  try {
    writeProject(directory);
    const parameters = ['sbom', '--sbom-format', format, '--package-lock-only'];
    const { status, error, stdout, stderr } = spawnSync('npm', parameters, {
      cwd: directory,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    if (error !== undefined) throw error;
    if (status !== 0) throw new Error(`npm sbom failed with ${status}: ${stderr}`);
    return stdout;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The manifests and the lockfile, without what is for development alone. */
function writeProject(directory: string): void {
  const { packages, ...rest } = readJson<Lockfile>('package-lock.json');
  const kept = Object.entries(packages).filter(([, { dev }]) => dev !== true);
  const workspaces = kept.map(([path]) => path).filter((path) => path === '' || path.startsWith('packages/'));
  for (const workspace of workspaces) {
    const path = join(workspace, 'package.json');
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    const { devDependencies: _, overrides: __, ...manifest } = readJson<Record<string, unknown>>(path);
    writeFileSync(join(directory, path), JSON.stringify(manifest));
  }
  const withoutDevelopment = kept.map(([path, entry]) => [path, { ...entry, devDependencies: undefined }] as const);
  const lockfile = { ...rest, packages: Object.fromEntries<object>(withoutDevelopment) };
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify(lockfile));
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(root, path), 'utf8')) as T;
}

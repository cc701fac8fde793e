/** Checks manifests against the types of the Kubernetes API, so that an unknown field is an error as it is on a strict API server. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { binary, root } from '../steps.ts';
import { type Manifest, nameOf } from './manifests.ts';

/** The modules of kubernetes-types, by API version. */
const modules: Readonly<Record<string, string>> = {
  v1: 'core/v1',
  'apps/v1': 'apps/v1',
  'autoscaling/v2': 'autoscaling/v2',
  'batch/v1': 'batch/v1',
  'networking.k8s.io/v1': 'networking/v1',
  'policy/v1': 'policy/v1',
};

/** One sentence for each error of the compiler, with the object that it is in. */
export function typeErrors(manifests: readonly Manifest[]): string[] {
  const unknown = manifests.filter(({ apiVersion }) => modules[apiVersion] === undefined);
  if (unknown.length > 0)
    return unknown.map((manifest) => `${nameOf(manifest)}: ${manifest.apiVersion} is no API version that is checked`);
  // Below the root, where the compiler finds the package.
  const directory = mkdtempSync(join(root, 'node_modules/.manifest-types-'));
  try {
    const files = manifests.map((manifest, index) => {
      const path = join(directory, `object${index}.ts`);
      writeFileSync(path, declarationOf(manifest));
      return path;
    });
    const options = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--types',
      '',
      '--pretty',
      'false',
    ];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [binary('typescript/bin/tsc'), ...options, ...files],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
    if (status === 0) return [];
    const errors = stdout.split('\n').filter((line) => line.includes('error TS'));
    if (errors.length === 0) throw new Error(`the compiler failed: ${stdout}${stderr}`);
    return errors.map((line) => sentenceOf(line, manifests));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function declarationOf(manifest: Manifest): string {
  const { kind, apiVersion } = manifest;
  return `import type { ${kind} } from 'kubernetes-types/${modules[apiVersion]}.js';\nexport const object: ${kind} = ${JSON.stringify(manifest, null, 1)};\n`;
}

function sentenceOf(line: string, manifests: readonly Manifest[]): string {
  const [, index = '', message = line] = /object(\d+)\.ts.*?: error TS\d+: (.*)/.exec(line) ?? [];
  const manifest = manifests[Number(index)];
  return manifest === undefined ? line : `${nameOf(manifest)}: ${message}`;
}

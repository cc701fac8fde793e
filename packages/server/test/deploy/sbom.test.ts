import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeSbom } from '../../../../tools/bill-of-materials.ts';

const readManifest = (path: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../../..', path), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  };
const { dependencies } = readManifest('packages/server/package.json');
const { devDependencies } = readManifest('package.json');
/** Development dependencies that the server or one of its packages has too. */
const inBoth = ['ajv', 'ajv-formats'];

it('the SBOM has every package that runs, with license and hash, and none that is for development alone', () => {
  const { components } = JSON.parse(makeSbom('cyclonedx')) as {
    readonly components: readonly {
      readonly name: string;
      readonly version: string;
      readonly licenses?: readonly unknown[];
      readonly hashes?: readonly unknown[];
    }[];
  };
  const versions = new Map(components.map(({ name, version }) => [name, version]));
  const missing = Object.entries(dependencies).filter(([name, version]) => versions.get(name) !== version);
  expect(missing).toEqual([]);
  expect(Object.keys(devDependencies).filter((name) => versions.has(name) && !inBoth.includes(name))).toEqual([]);
  const foreign = components.filter(({ name }) => name !== 'server');
  const incomplete = foreign.filter(({ licenses = [], hashes = [] }) => licenses.length === 0 || hashes.length === 0);
  expect(incomplete.map(({ name }) => name)).toEqual([]);
});

it('the SBOM in the other format has the same packages', () => {
  const { packages } = JSON.parse(makeSbom('spdx')) as { readonly packages: readonly { readonly name: string }[] };
  const names = packages.map(({ name }) => name);
  expect(Object.keys(dependencies).filter((name) => !names.includes(name))).toEqual([]);
});

/**
 * The program in a few files (ADR 0058): Node loads them in half the time that 1,400 modules take. `bin/find-program.cjs`
 * starts the bundle instead of the sources as long as none of them has changed.
 */
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire, SourceMap } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type { OutputChunk, Plugin, RolldownOutput } from 'rolldown';
import { linesFileOf, type SourceLines } from '../packages/server/src/platform/telemetry/source-positions.ts';

/** The state of a source file when it was bundled: its size in bytes, and when it was modified, in milliseconds. */
type Stamp = readonly [size: number, modifiedMs: number];

/** `bundle.json`, which `bin/find-program.cjs` reads. Paths are relative to the root of the repository. */
interface BundleManifest {
  /** The file that starts the program. */
  readonly program: string;
  readonly sources: Readonly<Record<string, Stamp>>;
}

const sourceDirectory = 'packages/server/src';
const programSource = join(sourceDirectory, 'app/main.ts');
const outputDirectory = 'packages/server/dist';
const moduleOfPackage = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/** They decide how sources become a bundle. */
const settings = ['packages/server/package.json', 'tools/bundle.ts'];

const dayMs = 86_400_000;

/** They find native code, WebAssembly or word lists by their own path, or are loaded by their name. */
const separatePackages = [/^@node-rs\//, /^@electric-sql\//, /^@zxcvbn-ts\//, 'tldts', 'pg-native'];

const { findProgram } = createRequire(import.meta.url)('../bin/find-program.cjs') as {
  readonly findProgram: (root: string) => string;
};

/**
 * Bundles the program of the repository at `root` with its packages, unless none of its sources has changed since.
 *
 * @throws Error when the bundler is not installed, a module cannot be resolved or parsed, or a file not be written.
 */
export async function bundleProgram(root: string): Promise<void> {
  if (findProgram(root) === join(root, programSource)) await writeBundle(root);
}

async function writeBundle(root: string): Promise<void> {
  const stamps = new Map(
    settings.filter((name) => existsSync(join(root, name))).map((name) => [name, stampOf(join(root, name))]),
  );
  const { output } = await bundle(root, stamps);
  const directory = join(root, outputDirectory);
  await mkdir(directory, { recursive: true });
  const files = output.filter((file): file is OutputChunk => file.type === 'chunk');
  for (const file of files) {
    await writeWhole(join(directory, file.fileName), inAscii(file.code));
    await writeWhole(join(directory, linesFileOf(file.fileName)), JSON.stringify(linesOf(file)));
  }
  const program = files.find(({ facadeModuleId }) => facadeModuleId === join(root, programSource));
  if (program === undefined) throw new Error('the bundle has no program');
  const manifest: BundleManifest = {
    program: join(outputDirectory, program.fileName),
    sources: Object.fromEntries(stamps),
  };
  await writeWhole(join(directory, 'bundle.json'), JSON.stringify(manifest));
  await removeOldFiles(directory);
}

/** A server that started from an older bundle loads some of its files later: it has a day. */
async function removeOldFiles(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (Date.now() - statSync(path).mtimeMs > dayMs) await rm(path, { recursive: true });
  }
}

async function bundle(root: string, stamps: Map<string, Stamp>): Promise<RolldownOutput> {
  const { rolldown } = await import('rolldown');
  const bundler = await rolldown({
    cwd: root,
    input: join(root, programSource),
    platform: 'node',
    external: separatePackages,
    transform: { target: 'esnext' },
    plugins: [inPlace(root, stamps)],
  });
  await using _ = bundler;
  return await bundler.generate({
    // Nothing is written there: the addresses of sources are relative to it.
    dir: join(root, outputDirectory),
    format: 'esm',
    // Names of classes and functions are in logs and profiles.
    keepNames: true,
    sourcemap: true,
    // V8 keeps the text of each file. Licenses stay.
    comments: { legal: true, annotation: false, jsdoc: false },
    entryFileNames: '[name]-[hash].js',
    chunkFileNames: '[name]-[hash].js',
  });
}

/**
 * Lets a module find the files beside its source, such as stylesheets, and the programs of its threads and processes, which become
 * files of the bundle. Records the state of each source before it is read; for those of a package, the state of its `package.json`.
 */
function inPlace(root: string, stamps: Map<string, Stamp>): Plugin {
  const isOurs = (id: string) => id.startsWith(join(root, sourceDirectory));
  const stamp = (path: string) => {
    const name = relative(root, path);
    if (!stamps.has(name)) stamps.set(name, stampOf(path));
  };
  return {
    name: 'in-place',
    load(id) {
      const directory = moduleOfPackage.exec(id)?.[1];
      if (isOurs(id)) stamp(id);
      else if (directory !== undefined) stamp(join(directory, 'package.json'));
      return null;
    },
    transform(code, id) {
      if (!isOurs(id) || !code.includes('import.meta.url')) return null;
      const address = `new URL(${JSON.stringify(relative(join(root, outputDirectory), id))}, import.meta.url).href`;
      const moved = code.replaceAll(
        /new URL\('(\.[^']+\.ts)', import\.meta\.url\)|import\.meta\.url/g,
        (_, program?: string) => {
          if (program === undefined) return address;
          const file = this.emitFile({ type: 'chunk', id: join(dirname(id), program) });
          return `new URL(import.meta.ROLLUP_FILE_URL_${file})`;
        },
      );
      // No line moves.
      return { code: moved, map: null };
    },
  };
}

/**
 * The same program with escapes: one character above U+00FF makes V8 keep the text of the whole file with two bytes for each.
 *
 * @throws Error when a backslash precedes such a character, which would escape the escape.
 */
function inAscii(code: string): string {
  if (/\\[^\0-\x7f]/.test(code)) throw new Error('the bundle has a backslash before a character that is not in ASCII');
  return code.replaceAll(/[^\0-\x7f]/g, (character) => {
    // Each half of a surrogate pair by itself, because the expression has no flag u.
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The source of each line, by its first position that has one. */
function linesOf({ code, map }: OutputChunk): SourceLines {
  // The file only passes exports on.
  if (map === null) return { sources: [], lines: [] };
  const { sources } = map;
  const indexes = new Map(sources.map((source, index) => [source, index]));
  const positions = new SourceMap({ ...map, sourceRoot: '', sourcesContent: [] });
  const lines = code.split('\n').map((text, line): readonly [number, number] => {
    const entry = positions.findEntry(line, Math.max(text.search(/\S/), 0));
    if (!('originalSource' in entry) || entry.generatedLine !== line) return [-1, 0];
    return [indexes.get(entry.originalSource) ?? -1, entry.originalLine + 1];
  });
  return { sources, lines };
}

function stampOf(path: string): Stamp {
  const { size, mtimeMs } = statSync(path);
  return [size, mtimeMs];
}

/** A process that starts meanwhile sees the old file or the new one, and never a part. */
async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}
